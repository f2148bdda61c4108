"""Queue of the long-term archive, in Redis: which orders and entries of the audit log are to be written, and since when.

``archiving`` is a hash; while it is there, orders that come to rest are queued (``outbox/archive.lua``):

=================  ==============================================================================================
``since``          moment at which the archive was switched on (ms); ``complete`` is 1 when the orders from before are queued
``orders``         position in the list of orders up to which orders were looked at that may not have come to rest
``audit``          position in the audit log up to which it was written
``failing_since``  moment since which writing fails (ms); ``error`` says why
``lost``           number of orders that have expired before they were written; ``lost_at`` is the last moment (ms)
``refused``        orderRef of the last order that PostgreSQL refused; ``refused_at`` is the moment (ms)
=================  ==============================================================================================

An order that comes to rest is queued at once. One that never does (it is in doubt, unconfirmed, or Gett's id is not known) is queued
when a quarter of ``ORDER_TTL`` has passed since its first attempt, and again after each further quarter, so that nothing that is
settled expires before it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.scripts import Script

__all__ = ["ArchiveQueue", "ArchiveState", "DueOrder"]

log = logger("archiving")

_SWEEP = 500
"""Orders that a look at the list takes at once."""

_OLDEST = 100
"""Orders that have waited for longest whose end is looked at."""

_SETTLE_MS = 1_000
"""An order is read some time after it was queued: one that is queued again meanwhile then has another moment."""

_UNARCHIVED = (b"placed", b"refused", b"calling", b"in_doubt")
"""States of records that may be settled and expire without coming to rest."""


class DueOrder(NamedTuple):
    """An order to write, and the moment of its entry (ms)."""

    ref: str
    queued: int


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """State of the archive, from Redis alone. Moments are Unix seconds, durations seconds.

    :ivar waiting: number of orders that are to be written now.
    :ivar lag: time for which the oldest of these, or the oldest entry of the audit log, has waited.
    :ivar left: time after which the first of them expires from Redis; None if nothing waits.
    :ivar failing_since: None if the last attempt succeeded.
    :ivar lost: number of orders that have expired before they were written.
    """

    on: bool
    waiting: int
    lag: float
    left: float | None
    failing_since: float | None
    error: str
    lost: int
    lost_at: float | None
    refused: str
    refused_at: float | None


class ArchiveQueue:
    """Orders and entries of the audit log that are to be written."""

    def __init__(self, kit: Kit) -> None:
        self._redis = kit.redis
        self._keys = kit.keys
        self._ttl = kit.settings.order_ttl
        self._audit_ttl = kit.settings.audit_ttl
        self._finish = Script(kit.redis, kit.keys, "webhook_kit.operations.archive/finish")

    def begin(self) -> None:
        """Queue the orders that come to rest from now on; the first time also those that are at rest already."""
        since, complete = self._redis.hmget(self._keys.archiving, "since", "complete")
        if since is None:
            self._redis.hsetnx(self._keys.archiving, "since", str(int(redis_time(self._redis) * 1000)))
        if complete is None:
            for page in self._listed("-", "+"):
                self._queue(page, at_rest=True)
            self._redis.hset(self._keys.archiving, "complete", "1")

    def end(self) -> None:
        """Queue nothing any more, and drop what is queued."""
        self._redis.delete(self._keys.archiving, self._keys.archiving_due)

    # -- orders --------------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Queue the orders of a certain age that have not come to rest."""
        position = text(self._redis.hget(self._keys.archiving, "orders"))
        latest = max(0, int((redis_time(self._redis) - self._ttl / 4) * 1000))
        for page in self._listed(f"({position}" if position else "-", str(latest)):
            self._queue(page, at_rest=False)
            self._redis.hset(self._keys.archiving, "orders", page[-1][0])

    def _listed(self, oldest: str, newest: str) -> Iterator[list[tuple[str, str]]]:
        """Yield pages of the list of orders, oldest first: place and orderRef of each."""
        while True:
            entries: Any = self._redis.xrange(self._keys.order_list, oldest, newest, _SWEEP)
            if not entries:
                return
            yield [(text(place), text((fields or {}).get(b"ref"))) for place, fields in entries]
            oldest = f"({text(entries[-1][0])}"

    def _queue(self, page: Sequence[tuple[str, str]], *, at_rest: bool) -> None:
        """Queue the orders of a page that are at rest, or those that are not and may expire as they are."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for _, ref in page:
                pipeline.exists(self._keys.archive(ref))
                pipeline.hget(self._keys.order(ref), "state")
            (seconds, microseconds), *replies = pipeline.execute()
        now = seconds * 1000 + microseconds // 1000
        found = {
            ref: now
            for (_, ref), rests, state in zip(page, replies[::2], replies[1::2], strict=True)
            if (rests if at_rest else state in _UNARCHIVED)
        }
        if found:
            self._redis.zadd(self._keys.archiving_due, found, nx=True)

    def due(self, limit: int) -> list[DueOrder]:
        """Return the orders that have waited for longest."""
        latest = redis_time(self._redis) * 1000 - _SETTLE_MS
        found: Any = self._redis.zrangebyscore(self._keys.archiving_due, "-inf", latest, 0, limit, withscores=True)
        return [DueOrder(text(ref), int(score)) for ref, score in found]

    def finish(self, done: Sequence[DueOrder], again: Sequence[DueOrder]) -> None:
        """Take orders out of the queue, unless they were queued again meanwhile.

        :param again: those of them that are to be written again later, because they can still change without coming to rest.
        """
        later = {order.ref for order in again}
        self._finish(
            self._keys.archiving_due,
            refs=[order.ref for order in done],
            moments=[order.queued for order in done],
            again=[order.ref in later for order in done],
            delay=int(self._ttl * 250),
        )

    def drop_expired(self) -> None:
        """Drop the orders of which nothing is left in Redis, and count them as lost."""
        latest = (redis_time(self._redis) - self._ttl) * 1000
        old: Any = self._redis.zrangebyscore(self._keys.archiving_due, "-inf", latest, 0, _SWEEP)
        refs = [text(ref) for ref in old]
        lost = [ref for ref, exists in zip(refs, self._exist(refs), strict=True) if not exists]
        if lost:
            self._redis.zrem(self._keys.archiving_due, *lost)
            self.record_lost(len(lost))

    def record_lost(self, number: int) -> None:
        """Record that orders have expired before they were written."""
        log.error("orders_expired_unarchived", orders=number)
        with self._redis.pipeline() as pipeline:
            pipeline.hincrby(self._keys.archiving, "lost", number)
            pipeline.hset(self._keys.archiving, "lost_at", str(int(redis_time(self._redis) * 1000)))
            pipeline.execute()

    def record_refused(self, ref: str) -> None:
        """Record that PostgreSQL refuses an order."""
        mapping = {"refused": ref, "refused_at": str(int(redis_time(self._redis) * 1000))}
        self._redis.hset(self._keys.archiving, mapping=mapping)  # type: ignore[arg-type]

    def _exist(self, refs: Sequence[str]) -> list[int]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                pipeline.exists(
                    self._keys.order(ref), self._keys.archive(ref), self._keys.lane(lane_name(Kind.ORDER, ref))
                )
            return list(pipeline.execute())

    # -- audit log -----------------------------------------------------------------------------------------------------

    def audit(self, limit: int) -> list[tuple[str, dict[str, str]]]:
        """Return the next entries of the audit log, with their ids."""
        position = text(self._redis.hget(self._keys.archiving, "audit"))
        entries: Any = self._redis.xrange(self._keys.audit, f"({position}" if position else "-", "+", limit)
        return [
            (text(place), {text(name): text(value) for name, value in (fields or {}).items()})
            for place, fields in entries
        ]

    def finish_audit(self, position: str) -> None:
        """Record up to which entry the audit log was written."""
        self._redis.hset(self._keys.archiving, "audit", position)

    # -- state ---------------------------------------------------------------------------------------------------------

    def record_failure(self, error: str) -> bool:
        """Record that writing fails. Return True if it did not fail before."""
        with self._redis.pipeline() as pipeline:
            pipeline.hset(self._keys.archiving, "error", error)
            pipeline.hsetnx(self._keys.archiving, "failing_since", str(int(redis_time(self._redis) * 1000)))
            _, first = pipeline.execute()
        return bool(first)

    def record_success(self) -> bool:
        """Record that writing succeeded. Return True if it failed before."""
        return bool(self._redis.hdel(self._keys.archiving, "failing_since", "error"))

    def state(self) -> ArchiveState:
        """Return the state of the archive.

        :raises redis.RedisError: Redis is not reachable.
        """
        now = redis_time(self._redis)
        fields = {text(name): text(value) for name, value in self._redis.hgetall(self._keys.archiving).items()}
        latest = now * 1000 - _SETTLE_MS
        waiting = int(self._redis.zcount(self._keys.archiving_due, "-inf", latest))
        oldest: Any = self._redis.zrangebyscore(self._keys.archiving_due, "-inf", latest, 0, _OLDEST, withscores=True)
        waits = [now - score / 1000 for _, score in oldest]
        left = self._left([text(ref) for ref, _ in oldest])
        for place, _ in self.audit(1) if fields else ():
            age = now - int(place.partition("-")[0]) / 1000
            waits.append(age)
            left.append(self._audit_ttl - age)
        return ArchiveState(
            on=bool(fields),
            waiting=waiting,
            lag=max(0.0, *waits) if waits else 0.0,
            left=max(0.0, min(left)) if left else None,
            failing_since=_seconds(fields.get("failing_since")),
            error=fields.get("error", ""),
            lost=int(fields.get("lost", 0)),
            lost_at=_seconds(fields.get("lost_at")),
            refused=fields.get("refused", ""),
            refused_at=_seconds(fields.get("refused_at")),
        )

    def _left(self, refs: Sequence[str]) -> list[float]:
        """Return the seconds after which each of these orders expires, of those that do."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                pipeline.pttl(self._keys.order(ref))
                pipeline.pttl(self._keys.archive(ref))
            ends = pipeline.execute()
        # -1: it does not expire; -2: there is none.
        return [
            max(pair) / 1000 for pair in zip(ends[::2], ends[1::2], strict=True) if -1 not in pair and max(pair) > 0
        ]


def _seconds(ms: str | None) -> float | None:
    return int(ms) / 1000 if ms else None
