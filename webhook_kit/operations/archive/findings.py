"""Findings about the long-term archive: alerts, health, gauges. They ask Redis alone."""

from __future__ import annotations

from collections.abc import Iterator

from webhook_kit.alerting.evaluation import AlertFinding
from webhook_kit.alerting.message import timestamp
from webhook_kit.kit import Kit
from webhook_kit.operations.archive.queue import ArchiveQueue, ArchiveState
from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.open_alerts import AlertSubject

__all__ = ["archive_findings", "archive_gauges", "described", "duration", "find_archive_alerts", "is_late"]

_BEHIND = 900.0
_LOST_FOR = 86_400.0
"""Seconds for which a loss stays an alert."""


def is_late(kit: Kit, state: ArchiveState) -> bool:
    """Return True if an order has waited for the archive for too long."""
    return state.lag >= min(_BEHIND, kit.settings.order_ttl / 8)


def find_archive_alerts(kit: Kit, now: float) -> Iterator[AlertFinding]:
    """Yield what is wrong with the archive at a moment (Unix seconds)."""
    if kit.settings.archive_url is None:
        return
    state = ArchiveQueue(kit).state()
    if is_late(kit, state):
        left = f"; the first of them expires from Redis in {duration(state.left)}" if state.left is not None else ""
        why = f"{state.waiting} orders wait, the oldest for {duration(state.lag)}{left}"
        yield _alert(Alert.ARCHIVE_BEHIND, why)
        if state.left is not None and state.left < kit.settings.order_ttl / 3:
            yield _alert(Alert.ARCHIVE_LOSES, f"the first order expires unarchived in {duration(state.left)}")
            return
    if state.lost_at is not None and now - state.lost_at < _LOST_FOR:
        why = f"{state.lost} orders have expired unarchived, the last one at {timestamp(state.lost_at)}"
        yield _alert(Alert.ARCHIVE_LOSES, why)
    elif state.refused_at is not None and now - state.refused_at < kit.settings.order_ttl / 3:
        yield _alert(Alert.ARCHIVE_LOSES, f"PostgreSQL refuses order {state.refused}")


def _alert(code: Alert, why: str) -> AlertFinding:
    return AlertFinding(AlertSubject(code, "ARCHIVE_URL", "setting", why))


def archive_findings(kit: Kit, now: float) -> Iterator[HealthFinding]:
    """Yield what is wrong with the archive, for ``webhook-kit health`` and the console."""
    state = ArchiveQueue(kit).state() if kit.settings.archive_url is not None else None
    if state is not None and (is_late(kit, state) or state.failing_since is not None):
        yield HealthFinding(
            "archive_behind",
            HealthSeverity.WARNING,
            f"The long-term archive is behind: {described(state)}.",
            "Check PostgreSQL, ARCHIVE_URL, and that a sync worker is running. Orders go on without the archive.",
            "webhook-kit archive status",
            since=state.failing_since or now - state.lag,
        )


def described(state: ArchiveState) -> str:
    """Return how far the archive is behind, in words."""
    if not state.on:
        return "no sync worker has written to the archive yet"
    if state.waiting:
        left = f"; the first one expires in {duration(state.left)}" if state.left is not None else ""
        said = f"{state.waiting} orders wait, the oldest for {duration(state.lag)}{left}"
    else:
        said = "no order waits"
    return said + (f"; {state.lost} orders have expired unarchived" if state.lost else "")


def archive_gauges(kit: Kit) -> Iterator[tuple[str, str, float]]:
    """Yield the figures of the archive."""
    if kit.settings.archive_url is None:
        return
    state = ArchiveQueue(kit).state()
    yield "webhook_kit_archive_waiting", "", state.waiting
    yield "webhook_kit_archive_lag_seconds", "", state.lag
    yield "webhook_kit_archive_failing", "", state.failing_since is not None
    if state.left is not None:
        yield "webhook_kit_archive_left_seconds", "", state.left
    yield "webhook_kit_archive_orders_lost_total", "", state.lost


def duration(seconds: float | None) -> str:
    """Return a time for people: ``3 d 4 h``, ``5 h 10 min``, ``40 s``."""
    left = int(seconds or 0)
    for unit, size, part, smaller in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if left >= size:
            return f"{left // size} {unit} {left % size // smaller} {part}"
    return f"{left} s"
