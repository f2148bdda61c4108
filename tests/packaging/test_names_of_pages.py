"""Messages name a page of the documentation by its title, which is right on the site and in the repository."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = DOCS.parent / "webhook_kit"


def test_pages_in_messages_exist_by_their_titles() -> None:
    titles = {page.read_text().partition("\n")[0].removeprefix("# ") for page in DOCS.glob("*.md")}
    named = [
        title
        for file in PACKAGE.rglob("*.py")
        for title in re.findall(r"\(see the page ([^)]+)\)", file.read_text(encoding="utf-8"))
    ]
    assert len(named) >= 2
    assert set(named) <= titles
