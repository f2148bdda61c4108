"""Rules of every command: ``--json``, examples that can be typed, and the page that lists them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from scripts.make_commands import commands, page
from webhook_kit.cli import _cli

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
COMMANDS = dict(commands())

CHANGES = {
    "archive migrate",
    *("alerts ack", "alerts quiet", "alerts test", "alerts unquiet"),
    *("catalog mark-available", "catalog mark-unavailable", "catalog publish", "catalog sync", "reconcile"),
    *("console add-token", "console add-user", "console log-out", "console remove-token", "console remove-user"),
    "console unlock",
    *("order cancel", "order complete", "order link", "order progress", "order resolve"),
    *("outbox dead-letters discard", "outbox dead-letters replay", "outbox discard", "outbox retry", "outbox stop-job"),
    *("sandbox credentials", "sandbox fault", "sandbox load", "sandbox order", "sandbox reset", "sandbox save"),
    "sandbox store",
    *("stores add", "stores edit", "stores onboard", "stores pause", "stores remove", "stores resume"),
    *("stores rotate-keys", "trigger"),
}
"""Commands that change something."""

RUNS = {"console serve", "dev", "metrics serve", "sandbox", "serve", "worker"}
"""Commands that run until they are stopped."""

WRITES = {"certify", "completion", "metrics", "new", "stores export", "stores generate-key"}
"""Commands that write a file, or text of a form of its own. ``certify --json`` names the file of its report."""


def test_every_command_that_only_reads_has_json() -> None:
    for name in COMMANDS.keys() - CHANGES - RUNS - WRITES:
        options = [option for parameter in COMMANDS[name].params for option in parameter.opts]
        assert "--json" in options, (
            f"webhook-kit {name} has no --json, and is not listed as a command that changes something"
        )


def test_every_listed_command_exists() -> None:
    assert COMMANDS.keys() >= CHANGES | RUNS | WRITES


def examples() -> list[str]:
    return [
        line.strip()
        for command in COMMANDS.values()
        for line in (command.epilog or "").splitlines()
        if line.strip().startswith("webhook-kit ")
    ]


@pytest.mark.parametrize("line", examples())
def test_an_example_of_a_help_text_can_be_typed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "order.json").touch()
    words = shlex.split(re.sub(r" [|>] .*", "", line), comments=True)[1:]
    command: click.Command = _cli
    context = click.Context(_cli)
    while isinstance(command, click.Group) and words and (found := command.get_command(context, words[0])) is not None:
        command, words = found, words[1:]
    assert command is not _cli
    command.make_context(None, words, parent=context)  # raises a UsageError


def test_the_page_of_commands_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python scripts/make_commands.py"
