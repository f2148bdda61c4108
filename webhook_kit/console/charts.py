"""Graphs as SVG, drawn on the server: a screen reader, a test and a browser without scripts can read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhook_kit.operations.series import Line, Series

__all__ = ["Chart", "ChartLine", "ChartRow", "draw", "figure"]

_WIDTH, _HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 6, 12, 24
_MOST_LINES = 6
"""Lines that can be told apart; the others are added up."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line as it is drawn.

    :ivar path: of the SVG; a gap where nothing was measured.
    :ivar last: newest value in words.
    :ivar highest: highest value in words.
    """

    name: str
    path: str
    last: str
    highest: str


@dataclass(frozen=True, slots=True)
class ChartRow:
    """Row of the table with the same figures: one hour, the highest value of each line in it."""

    at: datetime
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A graph.

    :ivar grid: vertical position and label of each line of the grid.
    :ivar hours: horizontal position and moment of each mark of the time.
    """

    unit: str
    width: int
    height: int
    lines: tuple[ChartLine, ...]
    grid: tuple[tuple[float, str], ...]
    hours: tuple[tuple[float, datetime], ...]
    rows: tuple[ChartRow, ...]

    @property
    def empty(self) -> bool:
        """True if nothing was measured."""
        return not any(line.path for line in self.lines)


def draw(series: Series) -> Chart:
    """Return the graph of a series."""
    lines = _fewer([line for line in series.lines if any(value is not None for value in line.values)])
    steps = max((len(line.values) for line in lines), default=0)
    highest = max((value for line in lines for value in line.values if value is not None), default=0.0)
    top = _ceiling(highest)
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(step: float) -> float:
        return round(_LEFT + inner_width * step / max(steps - 1, 1), 1)

    def y(value: float) -> float:
        return round(_TOP + inner_height * (1 - value / top), 1)

    def path(values: Sequence[float | None]) -> str:
        points, drawing = [], False
        for step, value in enumerate(values):
            if value is None:
                drawing = False
                continue
            points.append(f"{'L' if drawing else 'M'}{x(step)} {y(value)}")
            if not drawing:  # a single value is seen as a dash
                points.append("h2")
            drawing = True
        return "".join(points)

    drawn = tuple(
        ChartLine(line.name, path(line.values), _last(line, series.unit), figure(_highest(line), series.unit))
        for line in lines
    )
    grid = tuple((y(top * part), figure(top * part, series.unit)) for part in (0.5, 1.0))
    return Chart(series.unit, _WIDTH, _HEIGHT, drawn, grid, _hours(series, steps, x), _rows(series, lines))


def figure(value: float | None, unit: str) -> str:
    """Return a value in words."""
    if value is None:
        return "–"
    if unit == "seconds":
        return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _fewer(lines: Sequence[Line]) -> Sequence[Line]:
    if len(lines) <= _MOST_LINES:
        return lines
    ranked = sorted(lines, key=lambda line: -sum(value or 0 for value in line.values))
    others = zip(*(line.values for line in ranked[_MOST_LINES - 1 :]), strict=False)
    added = tuple(sum(value or 0 for value in values) for values in others)
    return [*ranked[: _MOST_LINES - 1], Line("others", added)]


def _ceiling(highest: float) -> float:
    """Return a round figure that is at least the highest value."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= highest * 0.9999)


def _highest(line: Line) -> float | None:
    return max((value for value in line.values if value is not None), default=None)


def _last(line: Line, unit: str) -> str:
    return figure(next((value for value in reversed(line.values) if value is not None), None), unit)


def _hours(series: Series, steps: int, place: Callable[[float], float]) -> tuple[tuple[float, datetime], ...]:
    marks = []
    for step in range(steps):
        at = series.start + step * series.step
        if at.minute == 0 and at.second < series.step.total_seconds() and at.hour % 6 == 0:
            marks.append((place(step), at))
    return tuple(marks)


def _rows(series: Series, lines: Sequence[Line]) -> tuple[ChartRow, ...]:
    per_hour = max(1, int(timedelta(hours=1) / series.step))
    steps = max((len(line.values) for line in lines), default=0)
    rows = []
    for start in range(0, steps, per_hour):
        cells = []
        for line in lines:
            values = [value for value in line.values[start : start + per_hour] if value is not None]
            cells.append(figure(max(values), series.unit) if values else "–")
        rows.append(ChartRow(series.start + start * series.step, tuple(cells)))
    return tuple(reversed(rows))
