"""Conversion of a location's business hours, and Square's formats of times."""

from __future__ import annotations

from datetime import UTC, datetime, time

from square.types.business_hours import BusinessHours

from webhook_kit import AvailabilityWindow, DayOfWeek, always_open

__all__ = ["availability", "moment"]

_DAYS = {day.value[:3].upper(): day for day in DayOfWeek}
_MIDNIGHT = time(0)


def availability(hours: BusinessHours | None) -> list[AvailabilityWindow]:
    """Return the windows of a location's business hours; without any it is always open."""
    windows: list[AvailabilityWindow] = []
    for period in (hours.periods if hours else None) or ():
        day = _DAYS.get(str(period.day_of_week))
        if day is None or not period.start_local_time or not period.end_local_time:
            continue
        start, end = _clock(period.start_local_time), _clock(period.end_local_time)
        if start < end or end == _MIDNIGHT:
            windows.append(AvailabilityWindow(day_of_week=day, start=start, end=end))
        else:  # past midnight: Gett requires two windows
            windows.append(AvailabilityWindow(day_of_week=day, start=start, end=_MIDNIGHT))
            windows.append(AvailabilityWindow(day_of_week=_day_after(day), start=_MIDNIGHT, end=end))
    return windows or always_open()


def _day_after(day: DayOfWeek) -> DayOfWeek:
    week = list(DayOfWeek)
    return week[(week.index(day) + 1) % 7]


def _clock(text: str) -> time:
    """Parse a time; ``8:30:00`` occurs too, and ``24:00:00`` is the end of the day."""
    padded = text.zfill(len("00:00:00"))
    return _MIDNIGHT if padded.startswith("24") else time.fromisoformat(padded)


def moment(text: str) -> datetime:
    """Return a time of Square's as an aware one."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
