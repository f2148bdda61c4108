"""What several commands share: tables for people, moments and ages the same everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

__all__ = ["age", "instant", "moment", "print_table"]


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; on a pipe wide enough that nothing is cut off."""
    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # What came from outside is shown as it is: no markup, no emoji, no colours.
    Console(width=None if sys.stdout.isatty() else 250, markup=False, emoji=False, highlight=False).print(table)


def moment(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def age(since: float) -> str:
    """How long ago that was: ``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(0, int(time.time() - since))
    for limit, unit, divisor in ((120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if seconds < limit:
            return f"{seconds // divisor} {unit}"
    return f"{seconds // 86_400} d"


def instant(text: str | None) -> datetime | None:
    """A moment as a person types it.

    :raises BadParameter: when it is no ISO 8601 moment with a time zone.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise click.BadParameter(f"{text!r} is no ISO 8601 moment with a time zone (2026-05-01T18:30:00Z)")
    return found
