"""docs/protocol-coverage.md names each section and call of the protocol, and modules and tests that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "gett-protocol.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "protocol-coverage.md").read_text(encoding="utf-8")
ROWS = [
    re.split(r" \| ", line[2:-2])
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| rule |")
]


@cache
def functions_in(file: str) -> set[str]:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    return set(re.findall(r"^(?: {4})?def (test_\w+)", text, re.MULTILINE))


def chapters(text: str, heading: str) -> dict[str, str]:
    """Return the text below each heading, by its number."""
    return dict(re.findall(rf"^## {heading}(\d)\.? .+?\n(.+?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


PROTOCOL_CHAPTERS, PAGE_CHAPTERS = chapters(PROTOCOL, ""), chapters(PAGE, "§")


def test_each_chapter_of_the_protocol_is_in_the_table() -> None:
    assert set(PROTOCOL_CHAPTERS) == set(PAGE_CHAPTERS) - {"0"}  # 0: the head, which has no number


@pytest.mark.parametrize("number", sorted(PROTOCOL_CHAPTERS))
def test_each_named_part_of_a_chapter_has_a_section(number: str) -> None:
    parts = re.findall(r"^(?:- )?\*\*([\w ]+?)(?: \[\w\])?\.?\*\*", PROTOCOL_CHAPTERS[number], re.MULTILINE)
    named = [part for part in parts if part != "writes 100/min"]
    assert re.findall(r"^### (.+)$", PAGE_CHAPTERS[number], re.MULTILINE) == named


@pytest.mark.parametrize("number", ["2", "6"])
def test_each_call_of_a_chapter_has_a_row(number: str) -> None:
    calls = re.findall(r"^\| `((?:[A-Z]+ )?/[\w/{}-]+)", PROTOCOL_CHAPTERS[number], re.MULTILINE)
    assert len(calls) > 5
    assert [call for call in calls if f"| `{call}`" not in PAGE_CHAPTERS[number]] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_modules_and_functions_in_a_row_exist(row: list[str]) -> None:
    _, modules, tests = row
    for module in re.findall(r"`([^`]+)`", modules):
        assert (ROOT / "webhook_kit" / module).is_file(), module
    named = re.findall(r"`([^`:]+)::(\w+)`", tests)
    assert named
    for file, test in named:
        assert test in functions_in(file), f"{file} has no {test}"
