"""Rules of opening hours (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path
from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek, ExternalCatalog

__all__ = ["hours_findings"]

_LAST_MINUTE = time(23, 59)


def hours_findings(key: str, one: ExternalCatalog) -> Iterator[Finding]:
    """Yield the violations of a catalog's hours."""
    path = f"{entity_path('catalogs', key)}.availability"
    if not one.availability:
        yield CatalogRule.NEVER_OPEN.at(path, "there are no windows")
    days: dict[DayOfWeek, list[tuple[int, AvailabilityWindow]]] = {}
    for index, window in enumerate(one.availability or ()):
        hours = f"{window.day_of_week}, {window.start} to {window.end}"
        if window.start == window.end != time.min:
            yield CatalogRule.EMPTY_WINDOW.at(f"{path}[{index}]", f"{hours}, contains no time")
        elif _end(window) <= window.start.isoformat():
            yield CatalogRule.WINDOW_OVER_MIDNIGHT.at(f"{path}[{index}]", f"{hours}, ends on the next day")
        else:
            days.setdefault(window.day_of_week, []).append((index, window))
            if window.end >= _LAST_MINUTE:
                message = f"{hours}, is closed for the rest of the last minute"
                yield CatalogRule.ENDS_BEFORE_MIDNIGHT.at(f"{path}[{index}].end", message)
    for windows in days.values():
        yield from _overlaps(path, windows)


def _overlaps(path: str, windows: list[tuple[int, AvailabilityWindow]]) -> Iterator[Finding]:
    windows.sort(key=lambda pair: pair[1].start)
    latest = windows[0][1]
    for index, window in windows[1:]:
        if window.start.isoformat() < _end(latest):
            message = f"{window.day_of_week}, {window.start} to {window.end}, begins before the end of another window, {latest.end}"
            yield CatalogRule.WINDOWS_OVERLAP.at(f"{path}[{index}]", message)
        latest = max(latest, window, key=_end)


def _end(window: AvailabilityWindow) -> str:
    """Return the end as a string that sorts; 00:00:00 is the end of the day."""
    return "24:00:00" if window.end == time.min else window.end.isoformat()
