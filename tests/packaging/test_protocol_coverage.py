"""docs/protocol-coverage.md names each section and call of the protocol, and modules and tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.packaging.named_in_pages import ROOT, missing_names, rows_with_tests

PROTOCOL = (ROOT / "docs" / "gett-protocol.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "protocol-coverage.md").read_text(encoding="utf-8")


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


@pytest.mark.parametrize("row", rows_with_tests("protocol-coverage.md"), ids=lambda row: row[0])
def test_modules_and_tests_of_a_row_exist(row: tuple[str, ...]) -> None:
    assert missing_names(row) == []
