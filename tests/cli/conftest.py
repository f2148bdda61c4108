"""Fixtures that run a command with the kit of the test."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.cli.shell import shell as shell  # noqa: PLC0414 - a fixture
from webhook_kit.cli import main
from webhook_kit.kit import Kit


class Ran(NamedTuple):
    """Exit status and output of a command.

    :ivar err: error output, but for ``where``.
    :ivar where: the line that names the Gett and the key prefix that a command changes.
    """

    status: int
    out: str
    err: str
    where: str


@pytest.fixture
def run(
    kit: Kit, events: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run a command: ``run("order", "show", ref)``."""
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: kit))

    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["webhook-kit", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        output = capsys.readouterr()
        where, err = re.fullmatch(r"(at http.*, prefix .*\n)?((?s:.*))", output.err).groups()  # type: ignore[union-attr]
        return Ran(int(exit_.value.code or 0), output.out, err, where or "")

    return command
