"""Dead letters: updates that Gett refused for good, or that failed for too long. A person reads, replays or drops them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis

from webhook_kit.outbox.lanes import Notifier
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["DeadLetter", "DeadLetters"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An update that was buried.

    :ivar number: its own, unique in this installation.
    :ivar body: what was to be sent.
    :ivar why: what Gett, or the network, said last.
    :ivar status: Gett's HTTP status; 0 when no answer came.
    :ivar appended: when it was appended, Unix seconds.
    :ivar buried: when it was given up, Unix seconds.
    """

    number: int
    lane: str
    body: dict[str, Any]
    why: str
    status: int
    appended: float
    buried: float


class DeadLetters:
    """All dead letters of this installation."""

    def __init__(self, connection: redis.Redis, keys: Keys, waker: Notifier) -> None:
        self._redis = connection
        self._letters = keys.dead_letters
        self._moments = keys.dead_letter_times
        self._waker = waker
        self._resolve = Script(connection, keys, "webhook_kit.outbox/resolve_dead_letter")

    def since(self, moment: float) -> Iterator[DeadLetter]:
        """Those buried at this moment or later (Unix seconds), oldest first."""
        numbers = [text(number) for number in self._redis.zrangebyscore(self._moments, moment * 1000, "+inf")]
        for start in range(0, len(numbers), _BATCH):
            for raw in self._redis.hmget(self._letters, numbers[start : start + _BATCH]):
                if raw is not None:
                    yield _letter(json.loads(raw))

    def find(
        self, *, lane: str | None = None, why: str | None = None, older_than: float | None = None
    ) -> list[DeadLetter]:
        """Those that meet every condition, oldest first.

        :param why: a part of the reason, in any case.
        :param older_than: seconds since they were buried.
        """
        latest = float("inf") if older_than is None else time.time() - older_than
        return [
            letter
            for letter in self.since(0)
            if lane in (None, letter.lane)
            and (why is None or why.lower() in letter.why.lower())
            and letter.buried <= latest
        ]

    def replay(self, number: int) -> str:
        """Send one again: back into its lane.

        :return: ``ok``; ``unknown``: there is none of that number; ``superseded``: something newer waits in its lane;
            ``stale``: Gett was told something newer; ``forgotten``: its lane has expired.
        """
        return self._touch(number, "replay")

    def discard(self, number: int) -> str:
        """Drop one for good.

        :return: ``ok``, or ``unknown``: there is none of that number.
        """
        return self._touch(number, "drop")

    def _touch(self, number: int, what: str) -> str:
        keys, notification = self._waker.script_parts()
        own = [self._letters, self._moments]
        return text(self._resolve(*own, *keys, update=number, action=what, notification=notification))


def _letter(entry: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        number=int(entry["id"]),
        lane=entry["lane"],
        body=entry["body"],
        why=entry["why"],
        status=int(entry["status"]),
        appended=float(entry["at"]) / 1000,
        buried=float(entry["buried"]) / 1000,
    )
