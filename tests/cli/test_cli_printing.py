"""Output of commands: texts from outside do not control the terminal."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.table import Table

from tests.cli.conftest import Ran
from tests.cli.test_catalog import menu
from webhook_kit.cli.common import print_table
from webhook_kit.cli.safe_console import SafeConsole
from webhook_kit.printing import PrintableStream

Run = Callable[..., Ran]
EVIL = "Soup\x1b[2J\u202e\x07"


def assert_harmless(ran: Ran) -> None:
    for character in ran.out + ran.err:
        assert character.isprintable() or character == "\n", (ascii(character), ran)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_catalog_diff_and_check_escape_names(options: list[str], run: Run, tmp_path: Path) -> None:
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for file, price in zip(files, (5, 6), strict=True):
        file.write_text(json.dumps(menu(soup=price)).replace('"Soup"', json.dumps(EVIL)))
    ran = run("catalog", "diff", *files)
    assert "Soup\\u001b[2J" in ran.out
    assert_harmless(ran)
    assert_harmless(run("catalog", "check", files[0], *options))


@pytest.mark.parametrize(
    "arguments",
    [["catalog", "check", EVIL], ["order", "show", EVIL], ["stores", "show", EVIL], [EVIL], ["outbox", EVIL]],
)
def test_arguments_are_escaped_in_errors(arguments: list[str], run: Run) -> None:
    ran = run(*arguments)
    assert ran.status != 0
    assert_harmless(ran)


def test_address_in_an_error_has_no_secrets(run: Run) -> None:
    ran = run("catalog", "check", "http://ann:pw@127.0.0.1:1/menu.json?X-Amz-Signature=abc")
    assert "…@127.0.0.1:1/menu.json?…" in ran.err
    assert "pw" not in ran.err
    assert "abc" not in ran.err


def test_rich_alone_controls_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", PrintableStream(terminal))
    console = SafeConsole(force_terminal=True, width=80, color_system="standard")
    table = Table("name")
    table.add_row(EVIL)
    console.print(table)
    console.print(f"[red]{EVIL}[/]")
    shown = terminal.getvalue()
    assert "\x1b[31m" in shown, "rich's own colour"
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown


def test_cells_of_a_table_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [[EVIL]])
    assert "Soup\\u001b[2J\\u202e\\u0007" in capsys.readouterr().out
