"""The words of a timeline in the pages are those that are shown."""

from __future__ import annotations

import re

from tests.packaging.named_in_pages import ROOT
from webhook_kit.operations.timeline import _TEXTS


def test_the_table_lists_each_entry_as_it_is_shown() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = page.split("## Read a timeline")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| `(\w+)` \|", section, re.MULTILINE)
    assert {event: text for text, event in rows} == _TEXTS


def test_the_timeline_of_the_first_order_is_shown_in_these_words() -> None:
    for page, words in (("go-live.md", r"# It shows: (.+)"), ("heroku.md", r"shows its whole way: (.+)\.")):
        (shown,) = re.findall(words, (ROOT / "docs" / page).read_text(encoding="utf-8"))
        assert shown.split(", ") == [_TEXTS[event] for event in ("received", "placed", "appended", "sent")]
