"""The commands as a person types them, with a kit of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from webhook_kit.cli import main
from webhook_kit.kit import Kit


class Ran(NamedTuple):
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(
    kit: Kit, events: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """``run("order", "show", ref)``."""
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: kit))

    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["webhook-kit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return command
