"""docs/security.md names modules and tests that exist, also outside of its tables."""

from __future__ import annotations

import re

import pytest

from tests.packaging.named_in_pages import ROOT, missing_names, rows_with_tests

ROWS = rows_with_tests("security.md")


def test_threats_are_found() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_modules_and_tests_of_a_threat_exist(row: tuple[str, ...]) -> None:
    assert missing_names(row) == []


def test_every_test_of_the_page_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for span in re.findall(r"`[^`\n]+::\w+`", text):
        assert missing_names(("", span)) == []
