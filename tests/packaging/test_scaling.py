"""The arithmetic of ``docs/scaling.md`` is that of the measured figures."""

from __future__ import annotations

import pytest

from scripts import make_scaling


def test_the_page_is_current() -> None:
    assert make_scaling.PAGE.read_text(encoding="utf-8") == make_scaling.page(), "run python scripts/make_scaling.py"


def test_the_largest_size_has_ten_million_orders_a_day() -> None:
    text = make_scaling.page()
    assert "| orders a day | 1,000 | 100,000 | 10,000,000 |" in text
    # 10,000,000 orders × 12 % × 4 updates / (100 writes × 60 minutes)
    assert "| organisations, with 4 updates for each order | 1 | 8 | 800 |" in text


def test_a_figure_that_is_not_stated_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(make_scaling._FIGURES, "finished", "no such row ([0-9])")
    with pytest.raises(LookupError, match="does not state the figure of finished"):
        make_scaling.page()
