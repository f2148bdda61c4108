"""Updates that wait for Gett, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from webhook_kit.kit import Kit
from webhook_kit.storage.clock import redis_time

__all__ = ["Waiting", "WaitingLane", "waiting"]


@dataclass(frozen=True, slots=True)
class WaitingLane:
    """A lane with an update that Gett has not taken.

    :ivar kind: ``order``, ``store`` or ``catalog``.
    :ivar subject: the orderRef, or the partner's id of the store.
    :ivar state: ``ready``, ``delayed``, ``unlinked`` (Gett's order id is not known) or ``being sent``.
    :ivar updates: number of its waiting updates.
    :ivar since: moment at which the oldest of them was appended.
    :ivar age: seconds since then.
    :ivar attempts: attempts at the oldest that failed.
    :ivar why: reason for which it still waits, if there is one.
    """

    lane: str
    kind: str
    subject: str
    state: str
    updates: int
    since: datetime
    age: float
    attempts: int
    why: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Lanes that wait for Gett.

    :ivar total: number of lanes with a waiting update.
    :ivar lanes: the first of them, in the order in which they are sent.
    """

    total: int
    lanes: tuple[WaitingLane, ...]


def waiting(kit: Kit, limit: int = 50) -> Waiting:
    """Return what waits for Gett.

    :param limit: number of lanes at most (0: all).
    """
    total, now = kit.lanes.count_waiting(), redis_time(kit.redis)
    lanes = (_lane(kit, name, place, now) for name, place in kit.lanes.all_waiting(limit).items())
    return Waiting(total, tuple(lane for lane in lanes if lane is not None))


def _lane(kit: Kit, name: str, place: str, now: float) -> WaitingLane | None:
    updates = kit.lanes.waiting(name)
    if not updates:  # sent meanwhile
        return None
    state, since = kit.lanes.state(name), float(updates[0]["at"]) / 1000
    why = next((note["why"] for note in reversed(kit.lanes.history(name)) if note["event"] == "postponed"), None)
    if place == "unlinked":
        why = "Gett's order id is not known: webhook-kit order link"
    kind, _, subject = name.partition(":")
    return WaitingLane(
        lane=name,
        kind=kind,
        subject=subject,
        state="being sent" if state.get("owner") else place,
        updates=len(updates),
        since=datetime.fromtimestamp(since, UTC),
        age=max(0.0, now - since),
        attempts=int(state.get("attempts") or 0),
        why=why,
    )
