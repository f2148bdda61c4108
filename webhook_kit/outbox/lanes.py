"""Lanes: one per order, one per store's status, one per catalog. The truth of what Gett has still to be told.

Invariants, each kept by a script (``*.lua`` in this folder) in one transaction:

* Updates of a lane are sent in the order in which they were appended, by one sender at a time.
* A lane that has something to send is in exactly one of ``ready``, ``delayed`` and ``unlinked``.
* A lease is an entry in ``delayed``: a sender that dies gives its lane back when it runs out.
* Only the holder of the lease settles the head. What it says later, or after a person's hand, changes nothing.
* A waiting update that a newer one supersedes is merged into it; one that is being sent is not touched.
* An order's rank never falls: an older status is not sent after a newer one was taken.
* Every update ends sent, merged, buried or dropped, and is counted once; a dead letter is forgotten after 30 days (expired).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import redis

from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.updates import Kind, Update
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script

__all__ = ["AppendResult", "Lanes", "Lease", "LeaseResult", "LeaseStatus", "Notifier", "lane_name"]


def lane_name(kind: Kind, name: str) -> str:
    """The lane of an order (by orderRef), of a store's status or of its catalog (by the partner's store id)."""
    return f"{kind}:{name}"


class Notifier(Protocol):
    """What the outbox is handed to wake a worker with (:class:`webhook_kit.storage.queues.WakeUp`)."""

    def script_parts(self) -> tuple[list[str], dict[str, Packable]]:
        """Return a script's last four ``KEYS`` and its argument ``notification``."""
        ...


class AppendResult(StrEnum):
    """What became of an append."""

    OK = "ok"
    DUPLICATE = "same"
    """It was said already; nothing to do."""
    STALE = "stale"
    """A newer status was said already."""
    CLOSED = "closed"
    """The order is completed or cancelled."""


class LeaseStatus(StrEnum):
    """Why there is, or is not, something to send now."""

    SEND = "send"
    IDLE = "idle"
    """Nothing is waiting; the wait is until something is due again, or negative."""
    WAIT = "wait"
    """The quota is used up, or sending is paced."""
    BLOCKED = "blocked"
    """Gett asked to wait (429)."""
    OPEN = "open"
    """Gett is failing; the circuit is open."""
    HALTED = "halted"
    """Gett refuses the key."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The head of a lane, to be sent by one sender.

    :ivar number: the update's number, unique in this installation.
    :ivar age: the moment it was appended, Unix seconds.
    :ivar attempts: how often sending it has failed.
    """

    lane: str
    owner: str
    number: int
    at: float
    kind: Kind
    store_id: str
    gett_id: str
    body: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class LeaseResult:
    """What to do now, and how long to wait if nothing."""

    verdict: LeaseStatus
    wait: float
    leases: Sequence[Lease] = ()


class Lanes:
    """All lanes of this installation.

    :param merging: fold superseded updates; only measurements switch it off.
    :param ttl: seconds for which an empty lane's state and history are kept.
    """

    def __init__(
        self, connection: redis.Redis, keys: Keys, waker: Notifier, quota: Quota, *, ttl: int, merging: bool = True
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._waker = waker
        self._quota = quota
        self._ttl = ttl
        self._merging = merging
        self._append = Script(connection, keys, "webhook_kit.outbox/append")
        self._lease = Script(connection, keys, "webhook_kit.outbox/lease")
        self._settle = Script(connection, keys, "webhook_kit.outbox/settle")
        self._operate = Script(connection, keys, "webhook_kit.outbox/operate")
        self._notify_if_ready = Script(connection, keys, "webhook_kit.outbox/notify_if_ready")

    def append(
        self, lane: str, update: Update, *, store_id: str, gett_id: str = "", force: bool = False
    ) -> AppendResult:
        """Append an update and wake a worker, in one transaction.

        :param gett_id: Gett's id of the order or store, when known.
        :param force: also what was said before, or comes after the end: for reconciliation and people.
        """
        keys, notification = self._waker.script_parts()
        result = self._append(
            self._keys.lane(lane),
            self._keys.queue(lane),
            *keys,
            lane=lane,
            kind=update.kind,
            store=store_id,
            gett_id=gett_id,
            rank=update.rank,
            urgency=int(update.urgency),
            body=update.text,
            force=force,
            merging=self._merging,
            ttl=self._ttl,
            notification=notification,
        )
        return AppendResult(text(result))

    def lease(self, want: int, lease_ms: int, *, woken: bool = False) -> LeaseResult:
        """Lease up to so many lanes, most urgent first, as far as all gates allow.

        :param woken: a wake-up has begun: from here on an append queues the next one.
        """
        owner = os.urandom(8).hex()
        reply = self._lease(
            self._keys.ready,
            self._keys.delayed,
            count=want,
            lease=lease_ms,
            owner=owner,
            quota=self._quota.arguments,
            merging=self._merging,
            notified=woken,
        )
        verdict, wait, *flat = (text(part) for part in reply)
        leases = [_lease(owner, *flat[i : i + 6]) for i in range(0, len(flat), 6)]
        return LeaseResult(LeaseStatus(verdict), float(wait) / 1000, leases)

    def acknowledge(self, lease: Lease, status: int) -> bool:
        """Gett took the update."""
        return self._finish(lease, "sent", status=status)

    def postpone(self, lease: Lease, seconds: float, why: str, *, charge: bool) -> bool:
        """Send it later; ``charge`` counts the attempt."""
        return self._finish(lease, "postponed", delay=int(seconds * 1000), charge=charge, why=why)

    def dead_letter(self, lease: Lease, why: str, status: int | None) -> bool:
        """Gett will never take it: to the dead letters, and on with the lane."""
        return self._finish(lease, "buried", why=why, status=status or 0)

    def _finish(
        self, lease: Lease, outcome: str, *, delay: int = 0, charge: bool = False, why: str = "", status: int = 0
    ) -> bool:
        keys, notification = self._waker.script_parts()
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
            reason=why,
            status=status,
            merging=self._merging,
            notification=notification,
        )
        return text(result) == "ok"

    def retry_now(self, lane: str) -> bool:
        """Send a lane's head now, whatever it waits for; False when there is no such lane."""
        return self._by_hand(lane, "retry_now") >= 0

    def discard(self, lane: str, number: int | None = None) -> int:
        """Take one waiting update, or all, out of a lane for good.

        :return: how many; −1 when there is no such lane.
        """
        return self._by_hand(lane, "drop", number)

    def _by_hand(self, lane: str, action: str, number: int | None = None) -> int:
        keys, notification = self._waker.script_parts()
        own = [self._keys.lane(lane), self._keys.queue(lane)]
        return int(self._operate(*own, *keys, lane=lane, action=action, update=number, notification=notification))

    def notify_if_ready(self) -> bool:
        """Queue a wake-up when something could be sent: for updates whose wake-up died with a worker."""
        keys, notification = self._waker.script_parts()
        return bool(self._notify_if_ready(self._keys.ready, self._keys.delayed, *keys, notification=notification))

    # -- looking -------------------------------------------------------------------------------------------------------

    def state(self, lane: str) -> dict[str, str]:
        """A lane's fields; empty when there is no such lane."""
        found = self._redis.hgetall(self._keys.lane(lane))
        return {text(field): text(value) for field, value in found.items()}

    def waiting(self, lane: str) -> list[dict[str, Any]]:
        """A lane's updates that Gett has not taken, oldest first."""
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.queue(lane), 0, -1)]

    def history(self, lane: str) -> list[dict[str, Any]]:
        """What became of a lane's updates, oldest first."""
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.history(lane), 0, -1)]

    def all_waiting(self) -> dict[str, str]:
        """Every lane with something to send, and whether it is ready, delayed or unlinked."""
        found: dict[str, str] = {}
        places = {"ready": self._keys.ready, "delayed": self._keys.delayed, "unlinked": self._keys.unlinked}
        for where, key in places.items():
            for lane in self._redis.zrange(key, 0, -1):
                found[text(lane)] = where
        return found

    def counts(self) -> dict[str, int]:
        """How many updates were appended, and ended in which way."""
        found = self._redis.hgetall(self._keys.update_counts)
        return {text(name): int(value) for name, value in found.items()}


def _lease(owner: str, lane: str, head: str, kind: str, store_id: str, gett_id: str, attempts: str) -> Lease:
    update = json.loads(head)
    return Lease(
        lane=lane,
        owner=owner,
        number=int(update["id"]),
        at=float(update["at"]) / 1000,
        kind=Kind(kind),
        store_id=store_id,
        gett_id=gett_id,
        body=update["body"],
        attempts=int(attempts),
    )
