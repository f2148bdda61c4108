"""Updates that wait for Gett, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from webhook_kit.kit import Kit
from webhook_kit.storage.clock import redis_time

__all__ = ["Waiting", "WaitingLane", "waiting"]

_NEWEST = 10
"""Entries of a lane's history among which the reason is looked for."""


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
    :ivar more: number of lanes beyond these.
    """

    total: int
    lanes: tuple[WaitingLane, ...]
    more: int


def waiting(kit: Kit, limit: int = 50) -> Waiting:
    """Return what waits for Gett.

    :param limit: number of lanes at most (0: all).
    """
    total, now, places = kit.lanes.count_waiting(), redis_time(kit.redis), kit.lanes.all_waiting(limit)
    with kit.redis.pipeline(transaction=False) as pipeline:
        for name in places:
            pipeline.lindex(kit.keys.queue(name), 0)
            pipeline.llen(kit.keys.queue(name))
            pipeline.hmget(kit.keys.lane(name), "owner", "attempts")
            pipeline.lrange(kit.keys.history(name), -_NEWEST, -1)
        replies = pipeline.execute()
    lanes = [
        _lane(name, place, now, *replies[start : start + 4])
        for start, (name, place) in zip(range(0, len(replies), 4), places.items(), strict=True)
        if replies[start]  # else sent meanwhile
    ]
    return Waiting(total, tuple(lanes), max(0, total - len(places)))


def _lane(
    name: str, place: str, now: float, head: bytes, updates: int, state: list[bytes | None], history: list[bytes]
) -> WaitingLane:
    owner, attempts = state
    since, notes = float(json.loads(head)["at"]) / 1000, map(json.loads, reversed(history))
    why = next((note.get("why") for note in notes if note["event"] == "postponed"), None)
    if place == "unlinked":
        why = "Gett's order id is not known: webhook-kit order link"
    kind, _, subject = name.partition(":")
    return WaitingLane(
        lane=name,
        kind=kind,
        subject=subject,
        state="being sent" if owner else place,
        updates=updates,
        since=datetime.fromtimestamp(since, UTC),
        age=max(0.0, now - since),
        attempts=int(attempts or 0),
        why=why,
    )
