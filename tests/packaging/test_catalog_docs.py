"""docs/catalog.md says what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_tables_of_rules_and_changes_are_those_of_the_code() -> None:
    text = (DOCS / "catalog.md").read_text(encoding="utf-8")
    written = runpy.run_path(str(DOCS.parent / "scripts" / "make_catalog.py"))["page"](text)
    assert written.count("\n| `") > 40
    assert text == written, "write it anew: python scripts/make_catalog.py"
