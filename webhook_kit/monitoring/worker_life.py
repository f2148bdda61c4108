"""``kit.worker_life``: the last sign of life of each kind of worker.

Without a push worker no update reaches Gett; without a sync worker nobody looks after orders, stores and catalogs. Either is silent:
the web processes receive orders all the same. So each worker gives a sign every few seconds, each kind raises an alert when the other
one is missing, and ``webhook-kit check``, ``webhook-kit outbox`` and ``/sendingz`` name the one that is missing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import redis

from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["LastSign", "WorkerKind", "WorkerLife"]

_MISSING_AFTER = 30.0
"""Seconds without a sign of life after which no worker of a kind is running."""

_ALERT_AFTER = 120.0
"""Seconds without a sign of life after which an alert is raised; longer than a deployment takes."""


class WorkerKind(StrEnum):
    """Kind of a worker."""

    PUSH = "push"
    SYNC = "sync"


_CONSEQUENCES = {
    WorkerKind.PUSH: "no update is sent to Gett",
    WorkerKind.SYNC: "nobody looks after orders in doubt, stores and catalogs",
}


@dataclass(frozen=True, slots=True)
class LastSign:
    """Last sign of life of a kind of worker.

    :ivar age: seconds since then; None if there was none yet.
    :ivar hanging: scheduled tasks that did not end.
    """

    kind: WorkerKind
    age: float | None
    hanging: Sequence[str] = ()

    @property
    def missing(self) -> bool:
        """True if no worker of this kind is running."""
        return self.age is None or self.age > _MISSING_AFTER

    def __str__(self) -> str:
        """Return the text for people."""
        since = "none so far" if self.age is None else f"{self.age:.0f} s ago"
        if not self.missing:
            hanging = f"; tasks that do not end, restart it: {', '.join(self.hanging)}" if self.hanging else ""
            return f"{self.kind} worker: last sign of life {since}{hanging}"
        return (
            f"no {self.kind} worker is running (last sign of life: {since}), so that {_CONSEQUENCES[self.kind]}; "
            f"run `webhook-kit worker {self.kind}`"
        )


class WorkerLife:
    """Records and reports the signs of life of the workers."""

    def __init__(self, connection: redis.Redis, keys: Keys, alerts: Alerts) -> None:
        self._redis = connection
        self._keys = keys
        self._alerts = alerts
        self._started = time.monotonic()

    def give_sign(self, kind: WorkerKind, hanging: Sequence[str] = ()) -> float:
        """Record that a worker of this kind is alive; return the time of the Redis server as Unix seconds.

        :param hanging: names of its scheduled tasks that do not end.
        """
        now = redis_time(self._redis)
        self._redis.hset(self._keys.workers, kind, " ".join([f"{now:.3f}", *hanging]))
        return now

    def last_signs(self) -> Mapping[WorkerKind, LastSign]:
        """Return the last sign of life of each kind."""
        now = redis_time(self._redis)
        signs = {text(kind): text(sign).split() for kind, sign in self._redis.hgetall(self._keys.workers).items()}
        return {
            kind: LastSign(kind, max(0.0, now - float(signs[kind][0])), signs[kind][1:])
            if kind in signs
            else LastSign(kind, None)
            for kind in WorkerKind
        }

    def missing(self) -> list[LastSign]:
        """Return the kinds of which no worker is running."""
        return [sign for sign in self.last_signs().values() if sign.missing]

    def check(self) -> int:
        """Raise an alert for each kind that has been missing for some minutes.

        :return: the number of alerts that were raised.
        """
        raised = 0
        for kind, sign in self.last_signs().items():
            age = time.monotonic() - self._started if sign.age is None else sign.age
            if age > _ALERT_AFTER:
                raised += self._alerts.raise_once(Alert.WORKER, kind, str(sign), about="worker")
            elif not sign.missing:
                self._alerts.clear(Alert.WORKER, kind)
        return raised
