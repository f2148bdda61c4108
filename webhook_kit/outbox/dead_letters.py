"""Dead letters: updates that Gett rejected, or that failed for too long. An operator replays or discards them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis

from webhook_kit.outbox.archive import OrderScript
from webhook_kit.outbox.lanes import Notifier
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["DeadLetter", "DeadLetters", "ReplayResult"]

_BATCH = 500


class ReplayResult(StrEnum):
    """Result of replaying or discarding a dead letter."""

    OK = "ok"
    UNKNOWN = "unknown"
    """There is no dead letter of that number."""
    SUPERSEDED = "superseded"
    """A newer update waits in its lane."""
    STALE = "stale"
    """Gett took a newer update."""
    EXPIRED = "expired"
    """Its lane has expired."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An update for which sending was given up.

    :ivar number: the update's number, unique in this installation.
    :ivar store_id: the partner's id of the store; empty if it is not known.
    :ivar body: the request body.
    :ivar why: the last error of Gett, or of the network.
    :ivar status: Gett's HTTP status; 0 if no answer came.
    :ivar appended: the moment at which it was appended, Unix seconds.
    :ivar dead_lettered: the moment at which sending was given up, Unix seconds.
    """

    number: int
    lane: str
    body: dict[str, Any]
    why: str
    status: int
    appended: float
    dead_lettered: float
    store_id: str = ""


class DeadLetters:
    """All dead letters of this installation."""

    def __init__(self, connection: redis.Redis, keys: Keys, notifier: Notifier) -> None:
        self._redis = connection
        self._keys = keys
        self._notifier = notifier
        self._resolve = OrderScript(connection, keys, "webhook_kit.outbox/resolve_dead_letter")

    def since(self, moment: float) -> Iterator[DeadLetter]:
        """Iterate over the dead letters of this moment (Unix seconds) or later, oldest first."""
        times = self._redis.zrangebyscore(self._keys.dead_letter_times, moment * 1000, "+inf")
        numbers = [text(number) for number in times]
        for start in range(0, len(numbers), _BATCH):
            for raw in self._redis.hmget(self._keys.dead_letters, numbers[start : start + _BATCH]):
                if raw is not None:
                    yield _decode(json.loads(raw))

    def page(
        self, place: str | None, limit: int, *, oldest: float, latest: float, newest_first: bool
    ) -> tuple[list[tuple[str, DeadLetter]], str | None]:
        """Return the next dead letters of a period, each with its place, and the place from which to go on; None at the end.

        :param place: place after which to go on; None at the beginning.
        :param oldest: Unix seconds of the beginning of the period; ``latest`` of its end. Both are included.
        :raises ValueError: the place is not one that was returned.
        """
        key, first, last = self._keys.dead_letter_times, f"{oldest * 1000:.3f}", f"{latest * 1000:.3f}"
        members: list[Any] = []
        if place is not None:
            score, _, number = place.partition(" ")
            # Of those of the same moment, some may have been returned already.
            same: list[Any] = self._redis.zrangebyscore(key, float(score), float(score), withscores=True)
            members = [one for one in same if (text(one[0]) < number if newest_first else text(one[0]) > number)]
            first, last = (first, f"({score}") if newest_first else (f"({score}", last)
        if newest_first:
            members = members[::-1] + self._redis.zrevrangebyscore(key, last, first, 0, limit, withscores=True)
        else:
            members += self._redis.zrangebyscore(key, first, last, 0, limit, withscores=True)
        members = members[:limit]
        places = [f"{score:.3f} {text(member)}" for member, score in members]
        raw = self._redis.hmget(self._keys.dead_letters, [text(member) for member, _ in members]) if members else []
        letters = [(at, _decode(json.loads(entry))) for at, entry in zip(places, raw, strict=True) if entry is not None]
        return letters, places[-1] if len(places) == limit else None

    def count(self, oldest: float, latest: float) -> int:
        """Return the number of dead letters of a period (Unix seconds, both ends included)."""
        return int(self._redis.zcount(self._keys.dead_letter_times, oldest * 1000, latest * 1000))

    def find(
        self, *, lane: str | None = None, why: str | None = None, older_than: float | None = None
    ) -> list[DeadLetter]:
        """Return the dead letters that meet every condition, oldest first.

        :param why: a part of the reason, in any case.
        :param older_than: seconds since sending was given up.
        """
        latest = float("inf") if older_than is None else redis_time(self._redis) - older_than
        return [
            letter
            for letter in self.since(0)
            if lane in (None, letter.lane)
            and (why is None or why.lower() in letter.why.lower())
            and letter.dead_lettered <= latest
        ]

    def replay(self, number: int, *, who: str = "", job: str = "") -> ReplayResult:
        """Put a dead letter back into its lane.

        :param who: name of the person who decided so, for the timeline.
        :param job: id of the job of many dead letters that counts this one, if there is one.
        """
        return self._run_command(number, "replay", who, job)

    def discard(self, number: int, *, who: str = "", job: str = "") -> ReplayResult:
        """Delete a dead letter; the parameters are those of :meth:`replay`."""
        return self._run_command(number, "discard", who, job)

    def _run_command(self, number: int, action: str, who: str, job: str) -> ReplayResult:
        keys, notification = self._notifier.script_parts()
        own = [self._keys.dead_letters, self._keys.dead_letter_times]
        command = os.urandom(8).hex()
        result = self._resolve(
            *own,
            *keys,
            command=command,
            update=number,
            action=action,
            who=who or None,
            job=job or None,
            notification=notification,
        )
        return ReplayResult(text(result))


def _decode(entry: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        number=int(entry["id"]),
        lane=entry["lane"],
        body=entry["body"],
        why=entry["why"],
        status=int(entry["status"]),
        appended=float(entry["at"]) / 1000,
        dead_lettered=float(entry["dead_lettered"]) / 1000,
        store_id=entry.get("store") or "",
    )
