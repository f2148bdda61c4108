"""Graphs as SVG, from plain figures."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from webhook_kit.console.charts import Chart, draw, figure
from webhook_kit.operations.series import Graph, Line, Series

START = datetime(2026, 5, 1, 3, tzinfo=UTC)


def chart(*lines: tuple[float | None, ...], unit: str = "orders") -> Chart:
    named = tuple(Line(f"line {number}", values) for number, values in enumerate(lines))
    return draw(Series(Graph.ORDERS, unit, START, timedelta(minutes=5), named))


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_the_highest_value_is_below_the_top_and_zero_at_the_bottom() -> None:
    (line,) = chart((0.0, 30.0, 50.0)).lines
    assert [y for _, y in points(line.path)] == [126.0, 57.6, 12.0]
    assert (line.last, line.highest) == ("50", "50")


def test_a_gap_is_not_drawn() -> None:
    (line,) = chart((1.0, None, 2.0)).lines
    assert line.path.count("M") == 2
    assert len(points(line.path)) == 2


def test_nothing_was_measured() -> None:
    assert chart((None, None)).empty
    assert chart().empty
    assert not chart((0.0, 0.0)).empty


def test_more_lines_than_can_be_told_apart_are_added_up() -> None:
    drawn = chart(*[(float(number), 1.0) for number in range(10)])
    assert len(drawn.lines) == 6
    assert drawn.lines[-1].name == "others"
    assert drawn.lines[0].name == "line 9"
    assert drawn.lines[-1].highest == "10"  # 0 + 1 + 2 + 3 + 4


def test_the_table_has_the_highest_value_of_each_hour_newest_first() -> None:
    rows = chart((*[1.0] * 12, 5.0, *[2.0] * 11)).rows
    assert [row.cells for row in rows] == [("5",), ("1",)]
    assert rows[1].at == START


def test_hours_are_marked() -> None:
    assert [at.hour for _, at in chart((1.0,) * 288).hours] == [6, 12, 18, 0]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "orders", "–"),
        (0.0, "orders", "0"),
        (1.5, "lanes", "1.5"),
        (1234.0, "orders", "1,234"),
        (0.05, "seconds", "50 ms"),
        (2.25, "seconds", "2.2 s"),
    ],
)
def test_figures_in_words(value: float | None, unit: str, words: str) -> None:
    assert figure(value, unit) == words
