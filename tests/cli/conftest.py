"""Fixtures that run a command with the kit of the test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from webhook_kit.cli import main
from webhook_kit.kit import Kit


class Ran(NamedTuple):
    """Exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def reasons(self) -> list[str]:
        """The lines of the error output, but for the one that says which Gett is changed."""
        return [line for line in self.err.splitlines() if not line.startswith("at http")]


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
        return Ran(int(exit_.value.code or 0), output.out, output.err)

    return command
