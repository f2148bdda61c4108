"""docs/reliability.md names tests that exist."""

from __future__ import annotations

import pytest

from tests.packaging.named_in_pages import missing_names, rows_with_tests

ROWS = rows_with_tests("reliability.md")


def test_promises_are_found() -> None:
    assert len(ROWS) > 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_tests_of_a_promise_exist(row: tuple[str, ...]) -> None:
    assert missing_names(row) == []
