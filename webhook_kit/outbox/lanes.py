"""Lanes: one per order, one per store's status, one per store's catalog.

A lane is what SQS FIFO calls a message group and Pub/Sub an ordering key: its updates reach Gett in the order in which they
were appended, and lanes do not wait for one another.

Invariants, each kept by a script (``*.lua`` in this folder) in one transaction:

* Updates of a lane are sent in the order in which they were appended, by one sender at a time.
* A lane with a waiting update is in exactly one of the sets ``ready``, ``delayed`` and ``unlinked``.
* A lease is an entry in ``delayed``: the lane of a sender that dies is free again when the lease ends.
* Only the holder of the lease settles the head. A sender that has lost its lease, also to an operator, changes nothing.
* A waiting update is merged into a newer one that supersedes it. An update that is being sent is not merged.
* An order's rank never falls: an older status is not sent after a newer one was acknowledged.
* Every update ends sent, merged, dead-lettered or discarded, and is counted once; a dead letter expires after 30 days.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

import redis

from webhook_kit.logs import logger
from webhook_kit.outbox.archive import OrderArchive, OrderScript
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.updates import Kind, Update
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import newer_format
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script
from webhook_kit.tracing import current_traceparent

__all__ = ["AppendResult", "Lanes", "Lease", "LeaseResult", "LeaseStatus", "Notifier", "lane_name", "order_of"]

log = logger("lanes")


def lane_name(kind: Kind, name: str) -> str:
    """Return the lane of an order (by orderRef), or of a store's status or catalog (by the partner's store id)."""
    return f"{kind}:{name}"


class Notifier(Protocol):
    """Source of the arguments with which a script notifies a worker (:class:`webhook_kit.storage.queues.WorkerNotification`)."""

    def script_parts(self) -> tuple[list[str], dict[str, Packable]]:
        """Return a script's last four ``KEYS`` and its argument ``notification``."""
        ...


class AppendResult(StrEnum):
    """Result of an append."""

    OK = "ok"
    DUPLICATE = "duplicate"
    """The lane's last update is the same; nothing was appended."""
    STALE = "stale"
    """The order is already further."""
    CLOSED = "closed"
    """The order is completed or cancelled."""


class LeaseStatus(StrEnum):
    """Result of a lease, or the reason for which nothing can be sent now."""

    LEASED = "leased"
    IDLE = "idle"
    """No lane is ready. The wait is until the next one is due; negative if none is delayed."""
    PACED = "paced"
    """The quota is used up, or sending is paced."""
    RATE_LIMITED = "rate_limited"
    """Gett asked to wait (429)."""
    CIRCUIT_OPEN = "circuit_open"
    """Gett fails, and the circuit breaker is open."""
    HALTED = "halted"
    """Gett refuses the API key."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The head of a lane, to be sent by one sender.

    :ivar number: the update's number, unique in this installation.
    :ivar at: the moment at which the update was appended, Unix seconds.
    :ivar age: seconds since then when the lease began, by the clock of Redis alone: that of this host may differ.
    :ivar attempts: number of attempts that failed.
    :ivar leased: the moment before the lease began, of this process's monotonic clock.
    :ivar traceparent: of the span that appended the update, or None.
    """

    lane: str
    owner: str
    number: int
    at: float
    age: float
    kind: Kind
    store_id: str
    gett_id: str
    body: dict[str, Any]
    attempts: int
    leased: float
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class LeaseResult:
    """The leases to send now, or the seconds to wait."""

    status: LeaseStatus
    wait: float
    leases: Sequence[Lease] = ()


class Lanes:
    """All lanes of this installation.

    :param merging: merge superseded updates; only benchmarks switch it off.
    :param ttl: seconds for which an empty lane's state and history are kept.
    :param api_key_id: id of this process's API key, to which a halt of sending belongs.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        notifier: Notifier,
        quota: Quota,
        *,
        ttl: int,
        merging: bool = True,
        api_key_id: str = "",
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._notifier = notifier
        self._quota = quota
        self._ttl = ttl
        self._merging = merging
        self._api_key_id = api_key_id
        self._archive = OrderArchive(connection, keys)
        self._append = OrderScript(connection, keys, "webhook_kit.outbox/append")
        self._lease = Script(connection, keys, "webhook_kit.outbox/lease")
        self._settle = Script(connection, keys, "webhook_kit.outbox/settle")
        self._operate = OrderScript(connection, keys, "webhook_kit.outbox/operate")
        self._notify_if_ready = Script(connection, keys, "webhook_kit.outbox/notify_if_ready")

    def append(
        self, lane: str, update: Update, *, store_id: str, gett_id: str = "", force: bool = False
    ) -> AppendResult:
        """Append an update and notify a worker, in one transaction.

        :param gett_id: Gett's id of the order or store, if known.
        :param force: also append a duplicate, or an update of a closed order.
        """
        script_keys, arguments = self.append_parts(lane, update, store_id=store_id, gett_id=gett_id, force=force)
        result = self._append(*script_keys, **arguments)
        return AppendResult(text(result))

    def append_parts(
        self, lane: str, update: Update, *, store_id: str, gett_id: str = "", force: bool = False
    ) -> tuple[list[str], dict[str, Packable]]:
        """Return ``KEYS`` and arguments of an append, for a script that changes more in the same transaction."""
        keys, notification = self._notifier.script_parts()
        arguments: dict[str, Packable] = {
            "lane": lane,
            "kind": update.kind,
            "store": store_id,
            "gett_id": gett_id,
            "rank": update.rank,
            "urgency": int(update.urgency),
            "body": update.text,
            "force": force,
            "merging": self._merging,
            "ttl": self._ttl,
            "notification": notification,
            "traceparent": current_traceparent(),
        }
        return [self._keys.lane(lane), self._keys.queue(lane), *keys], arguments

    # -- sending -------------------------------------------------------------------------------------------------------

    def lease(self, limit: int, lease_ms: int, *, notified: bool = False) -> LeaseResult:
        """Lease lanes, most urgent first, as far as circuit breaker, halt and quota allow.

        :param limit: number of lanes to lease at most.
        :param notified: the job of a notification has begun, so that the next append notifies a worker again.
        """
        owner, leased = os.urandom(8).hex(), time.monotonic()
        reply = self._lease(
            self._keys.ready,
            self._keys.delayed,
            limit=limit,
            lease=lease_ms,
            owner=owner,
            quota=self._quota.script_argument,
            merging=self._merging,
            notified=notified,
            key=self._api_key_id,
        )
        status, wait, now, left, left_format, *flat = (text(part) for part in reply)
        if left:
            newer_format(left, left_format)
        leases = [_lease(owner, leased, float(now) / 1000, *flat[i : i + 6]) for i in range(0, len(flat), 6)]
        return LeaseResult(LeaseStatus(status), float(wait) / 1000, leases)

    def acknowledge(self, lease: Lease, status: int) -> bool:
        """Record that Gett took the update. Return False if the lease is lost, as the two methods below do.

        :param status: Gett's HTTP status.
        """
        return self._finish(lease, "sent", status=status)

    def postpone(
        self,
        lease: Lease,
        seconds: float,
        why: str,
        *,
        charge: bool,
        status: int | None = None,
        code: str | None = None,
    ) -> bool:
        """Send the update again later.

        :param charge: count this as an attempt that failed.
        :param status: Gett's HTTP status; None if no answer came.
        :param code: code of Gett's error, if there is one.
        """
        delay = int(seconds * 1000)
        return self._finish(lease, "postponed", delay=delay, charge=charge, why=why, status=status or 0, code=code)

    def dead_letter(self, lease: Lease, why: str, status: int | None, code: str | None = None) -> bool:
        """Move the update to the dead letters, and go on with the lane.

        :param status: Gett's HTTP status; None if no answer came.
        :param code: code of Gett's error, if there is one.
        """
        return self._finish(lease, "dead_lettered", why=why, status=status or 0, code=code)

    def _finish(
        self,
        lease: Lease,
        outcome: str,
        *,
        delay: int = 0,
        charge: bool = False,
        why: str = "",
        status: int = 0,
        code: str | None = None,
    ) -> bool:
        keys, notification = self._notifier.script_parts()
        result = self._settle(
            self._keys.lane(lease.lane),
            self._keys.queue(lease.lane),
            *keys,
            lane=lease.lane,
            owner=lease.owner,
            update=lease.number,
            outcome=outcome,
            delay=delay,
            charge=charge,
            why=why,
            status=status,
            code=code,
            merging=self._merging,
            key=self._api_key_id,
            notification=notification,
        )
        if isinstance(result, list):  # the order has ended
            self._archive_order(lease.lane, result[1])
            return True
        return text(result) == "ok"

    def _archive_order(self, lane: str, document: bytes) -> None:
        ref = order_of(lane) or ""
        try:
            self._archive.archive(ref, document)
        except redis.RedisError as error:  # the update is recorded; a sync worker archives the order later
            log.warning("order_not_archived", order=ref, error=type(error).__name__)

    def notify_if_ready(self) -> bool:
        """Notify a worker if an update could be sent: the job of its own notification may have died with a worker."""
        keys, notification = self._notifier.script_parts()
        return bool(self._notify_if_ready(self._keys.ready, self._keys.delayed, *keys, notification=notification))

    # -- operator commands ---------------------------------------------------------------------------------------------

    def retry_now(self, lane: str) -> bool:
        """Send a lane's head now, without waiting for its delay. Return False if there is no such lane."""
        return self._run_command(lane, "retry_now") >= 0

    def discard(self, lane: str, number: int | None = None) -> int:
        """Discard one waiting update of a lane, or all of them.

        :return: the number of discarded updates; −1 if there is no such lane.
        """
        return self._run_command(lane, "discard", number)

    def _run_command(self, lane: str, action: str, number: int | None = None) -> int:
        keys, notification = self._notifier.script_parts()
        own = [self._keys.lane(lane), self._keys.queue(lane)]
        result = self._operate(
            *own,
            *keys,
            command=os.urandom(8).hex(),
            lane=lane,
            action=action,
            update=number,
            notification=notification,
        )
        return int(result)

    # -- reading -------------------------------------------------------------------------------------------------------

    def state(self, lane: str) -> dict[str, str]:
        """Return a lane's fields (``lanes.lua`` lists them); empty if there is no such lane."""
        if (ref := order_of(lane)) is not None:
            return self._archive.lane(ref)
        fields = self._redis.hgetall(self._keys.lane(lane))
        return {text(field): text(value) for field, value in fields.items()}

    def waiting(self, lane: str) -> list[dict[str, Any]]:
        """Return a lane's updates that Gett has not taken, oldest first."""
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.queue(lane), 0, -1)]

    def history(self, lane: str) -> list[dict[str, Any]]:
        """Return the events of a lane's updates, oldest first."""
        if (ref := order_of(lane)) is not None:
            return self._archive.history(ref)
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.history(lane), 0, -1)]

    def all_waiting(self, limit: int = 0) -> dict[str, str]:
        """Return the lanes with a waiting update, with the set that each is in: ready, delayed or unlinked.

        :param limit: number of lanes at most (0: all), in the order in which they are sent.
        """
        lanes = {text(lane): place for place, key in self._places() for lane in self._redis.zrange(key, 0, limit - 1)}
        return dict(islice(lanes.items(), limit or None))

    def count_waiting(self) -> int:
        """Return the number of lanes with a waiting update."""
        return sum(self._redis.zcard(key) for _, key in self._places())

    def _places(self) -> list[tuple[str, str]]:
        return [("ready", self._keys.ready), ("delayed", self._keys.delayed), ("unlinked", self._keys.unlinked)]

    def counts(self) -> dict[str, int]:
        """Return the number of updates that were appended, and that ended in each way."""
        return {text(name): int(value) for name, value in self._redis.hgetall(self._keys.update_counts).items()}


def order_of(lane: str) -> str | None:
    """Return the orderRef of an order's lane; None for another lane."""
    kind, _, ref = lane.partition(":")
    return ref if kind == Kind.ORDER else None


def _lease(
    owner: str, leased: float, now: float, lane: str, head: str, kind: str, store_id: str, gett_id: str, attempts: str
) -> Lease:
    update = json.loads(head)
    at = float(update["at"]) / 1000
    return Lease(
        lane=lane,
        owner=owner,
        number=int(update["id"]),
        at=at,
        age=max(0.0, now - at),
        kind=Kind(kind),
        store_id=store_id,
        gett_id=gett_id,
        body=update["body"],
        attempts=int(attempts),
        leased=leased,
        traceparent=update.get("traceparent"),
    )
