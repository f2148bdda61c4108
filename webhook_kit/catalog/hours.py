"""Opening hours: weekly windows in the store's local time (``gett-protocol.md §4``).

A time is converted to the store's local time and then compared with the windows; the windows are never converted. So
daylight saving time needs no special rule: an hour that the clock skips is never open, one that it repeats is open twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, tzinfo
from typing import TypeAlias

from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek

__all__ = ["WeekSpans", "always_open", "is_open", "local_time", "week_spans"]

WeekSpans: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""Seven days, Monday first; for each day its spans (start, end) in microseconds since local midnight, the end excluded."""

_MIDNIGHT = time(0)
_DAY = 24 * 60 * 60 * 1_000_000
_WEEKDAYS = {
    DayOfWeek.MONDAY: 0,
    DayOfWeek.TUESDAY: 1,
    DayOfWeek.WEDNESDAY: 2,
    DayOfWeek.THURSDAY: 3,
    DayOfWeek.FRIDAY: 4,
    DayOfWeek.SATURDAY: 5,
    DayOfWeek.SUNDAY: 6,
}


def always_open() -> list[AvailabilityWindow]:
    """Return one window for the whole of each day of the week."""
    return [AvailabilityWindow(day_of_week=day, start=_MIDNIGHT, end=_MIDNIGHT) for day in DayOfWeek]


def is_open(windows: Iterable[AvailabilityWindow] | None, moment: datetime, timezone: tzinfo) -> bool:
    """Return True if ``start ≤ moment < end`` for one of the windows; without windows it is never open (``gett-protocol.md §4``).

    :param moment: an aware time, in any zone.
    :param timezone: the store's own zone, in which the windows are read.
    :raises ValueError: when ``moment`` is naive.
    """
    weekday, now = local_time(moment, timezone)
    return any(start <= now < end for start, end in week_spans(windows)[weekday])


def local_time(moment: datetime, timezone: tzinfo) -> tuple[int, int]:
    """Return the weekday (Monday is 0) and the microseconds since midnight in the store's local time.

    :raises ValueError: when ``moment`` is naive, because Python would read it in this machine's zone.
    """
    if moment.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    local = moment.astimezone(timezone)
    return local.weekday(), _microseconds(local)


def week_spans(windows: Iterable[AvailabilityWindow] | None) -> WeekSpans:
    """Convert windows to spans, which are fast to compare; a window that ends before it starts contains no time."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for window in windows or ():
        # A window to the end of the day ends at 00:00:00.
        days[_WEEKDAYS[window.day_of_week]].append((_microseconds(window.start), _microseconds(window.end) or _DAY))
    return tuple(tuple(sorted(day)) for day in days)


def _microseconds(clock: datetime | time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond
