"""Lanes, gate and pusher on a real Redis, with a Gett that answers as it is told and a clock that can be moved on."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import redis

from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.dispatcher import Dispatcher, RetryPolicy
from webhook_kit.outbox.lanes import AppendResult, Lanes, Lease, LeaseStatus, lane_name
from webhook_kit.outbox.quota import Quota, SendingState
from webhook_kit.outbox.updates import (
    Kind,
    Update,
    catalog_changed,
    order_ended,
    order_progress,
    store_online,
    store_paused,
)
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.storage.scripts import Script
from webhook_kit.testing.redis_server import RedisServer

LEASE_MS = 60_000
HOUR = 3_600_000
LANE = "order:1"
TTL = 3600
MENU = "https://example.org/menu"


@dataclass(frozen=True)
class Sent:
    """What Gett was asked."""

    path: str
    body: dict[str, Any]


class Gett:
    """Answers with what is queued, else 202; an exception stands for no answer."""

    def __init__(self) -> None:
        self.answers: deque[ApiResponse | Exception] = deque()
        self.sent: list[Sent] = []

    def send(self, call: ApiCall) -> ApiResponse:
        self.sent.append(Sent(call.url.partition("/v1/commerce/")[2], json.loads(call.body or b"{}")))
        answer = self.answers.popleft() if self.answers else ApiResponse(202, {}, b'{"status": "online"}')
        if isinstance(answer, Exception):
            raise answer
        return answer

    def will(self, *answers: int | ApiResponse | Exception) -> None:
        self.answers.extend(ApiResponse(answer) if isinstance(answer, int) else answer for answer in answers)


def step(name: str) -> Update:
    """An order's update, by the word for it."""
    if name == "cancelled":
        return order_ended(name, "the kitchen is on fire")
    return order_ended(name) if name == "completed" else order_progress(name)


class Workbench:
    """An outbox of its own."""

    def __init__(self, server: RedisServer, *, quota: Quota | None = None) -> None:
        self.redis = redis.Redis.from_url(server.url)
        self.keys = Keys(f"t{uuid4().hex[:12]}:")
        self.waker = WorkerNotification(self.redis, self.keys)
        self.quota = quota or Quota(0)
        self.lanes = self.make_lanes(self.quota)
        self.gate = SendingState(self.redis, self.keys)
        self.dead = DeadLetters(self.redis, self.keys, self.waker)
        self.gett = Gett()
        self.client = GettClient(
            "https://gett.example", "key", transport=self.gett, on_response=self.gate.record_rate_limit_headers
        )
        # What is postponed stays so until a test moves the clock, however slow the machine is.
        self.retry = RetryPolicy(first=900.0, longest=900.0)

    def make_lanes(self, quota: Quota, *, merging: bool = True) -> Lanes:
        return Lanes(self.redis, self.keys, self.waker, quota, ttl=TTL, merging=merging)

    def limit(self, limit: int, window_ms: int = 60_000) -> None:
        """From now on with this quota."""
        self.quota = Quota(limit, window_ms)
        self.lanes = self.make_lanes(self.quota)

    def close(self) -> None:
        for key in self.redis.scan_iter(f"{self.keys.prefix}*", count=1000):
            self.redis.delete(key)
        self.redis.close()

    # -- saying something ----------------------------------------------------------------------------------------------

    def order(self, ref: str, *names: str, gett_id: str | None = None, force: bool = False) -> AppendResult:
        """Append these steps of an order, and return what became of the last."""
        for name in names:
            said = self.say(lane_name(Kind.ORDER, ref), step(name), gett_id=gett_id, force=force)
        return said

    def say(self, lane: str, update: Update, *, gett_id: str | None = None, force: bool = False) -> AppendResult:
        name = lane.partition(":")[2]
        return self.lanes.append(
            lane, update, store_id="s1", gett_id=f"g-{name}" if gett_id is None else gett_id, force=force
        )

    def pause(self, store: str = "s1") -> AppendResult:
        return self.say(lane_name(Kind.STORE, store), store_paused("too_busy"))

    def online(self, store: str = "s1") -> AppendResult:
        return self.say(lane_name(Kind.STORE, store), store_online())

    def menu(self, store: str = "s1") -> AppendResult:
        return self.say(lane_name(Kind.CATALOG, store), catalog_changed(MENU), force=True)

    def link(self, lane: str, gett_id: str) -> None:
        """Attach a Gett order id to a lane, as placement does."""
        Script(self.redis, self.keys, "tests.outbox/link")(self.keys.lane(lane), lane=lane, gett_id=gett_id)

    # -- sending -------------------------------------------------------------------------------------------------------

    def lease(self, want: int = 1) -> list[Lease]:
        return list(self.lanes.lease(want, LEASE_MS).leases)

    def one(self) -> Lease:
        """The one lane that is next."""
        (lease,) = self.lease()
        return lease

    def verdict(self) -> LeaseStatus:
        """Why nothing is sent now."""
        found = self.lanes.lease(1, LEASE_MS)
        assert not found.leases
        return found.verdict

    def pusher(self, *, threads: int = 4, **retry: Any) -> Dispatcher:
        return Dispatcher(self.lanes, self.gate, self.client, threads=threads, retry=replace(self.retry, **retry))

    def push(self, *answers: int | ApiResponse | Exception, **retry: float) -> int:
        """Send what may be sent now, one after the other, to a Gett that gives these answers."""
        self.gett.will(*answers)
        pusher, tried = self.pusher(threads=1, **retry), 0
        while leases := self.lease():
            pusher.send(leases[0])
            tried += 1
        return tried

    def fails(self, answer: int | ApiResponse | Exception, *, age: float = 0.0, **retry: float) -> None:
        """The first update of :data:`LANE`, so many seconds old, is sent once and gets this answer."""
        self.order("1", "confirmed")
        if age:
            self.age(LANE, age)
        assert self.push(answer, **retry) == 1

    # -- the clock -----------------------------------------------------------------------------------------------------

    def due(self, lane: str) -> None:
        """Let the time pass for which a lane is leased or postponed."""
        assert self.redis.zadd(self.keys.delayed, {lane: 1}, xx=True, ch=True)

    def hold(self) -> None:
        """Turn the clock of quota and gates back an hour, so that no gate opens before a test says so."""
        self.skip(-HOUR)

    def skip(self, milliseconds: float) -> None:
        """Let time pass for quota and gates: all moments that they remember move into the past."""
        sends, gate = self.keys.sends, self.keys.sending
        moments = [float(moment) for moment in self.redis.lrange(sends, 0, -1)]
        if moments:
            self.redis.delete(sends)
            self.redis.rpush(sends, *(f"{moment - milliseconds:.3f}" for moment in moments))
        for field in ("blocked_until", "open_until", "filled", "left_until", "probe_at"):
            moment = self.redis.hget(gate, field)
            if moment is not None:
                self.redis.hset(gate, field, f"{float(moment) - milliseconds:.3f}")

    def all_due(self) -> None:
        """The same for every lane that is leased or postponed."""
        for lane, where in self.lanes.all_waiting().items():
            if where == "delayed":
                self.due(lane)

    def age(self, lane: str, seconds: float) -> None:
        """Make a lane's waiting updates so much older."""
        aged = [entry | {"at": entry["at"] - seconds * 1000} for entry in self.lanes.waiting(lane)]
        self.redis.delete(self.keys.queue(lane))
        self.redis.rpush(self.keys.queue(lane), *map(json.dumps, aged))

    def now(self) -> float:
        """Redis TIME in ms."""
        return redis_time(self.redis) * 1000

    # -- looking -------------------------------------------------------------------------------------------------------

    def gate_field(self, name: str) -> str:
        return text(self.redis.hget(self.keys.sending, name))

    def waiting(self, lane: str) -> list[str]:
        """What waits in a lane: the status or state of each update."""
        return [entry["body"].get("status") or entry["body"].get("state") for entry in self.lanes.waiting(lane)]

    def attempts(self, lane: str = LANE) -> int:
        """How many failures a lane's head was charged."""
        return int(self.lanes.state(lane).get("attempts", 0))

    def told(self) -> list[str]:
        """What Gett was told: the status or state of each update."""
        return [sent.body.get("status") or sent.body.get("state") or "menu" for sent in self.gett.sent]

    def queues(self) -> dict[str, int]:
        """How many updates wait in each lane."""
        prefix = self.keys.queue("")
        return {
            text(key).removeprefix(prefix): int(self.redis.llen(key))
            for key in self.redis.scan_iter(f"{prefix}*", count=1000)
        }

    def check(self) -> None:
        """Every update is accounted for, and every lane that has something to send is in exactly one place."""
        check_accounts(self.lanes.counts(), self.queues())
        places: dict[str, list[str]] = {}
        for key in (self.keys.ready, self.keys.delayed, self.keys.unlinked):
            for lane in self.redis.zrange(key, 0, -1):
                places.setdefault(text(lane), []).append(key)
        assert dict.fromkeys(self.queues(), 1) == {lane: len(found) for lane, found in places.items()}, places
        assert self.redis.hlen(self.keys.dead_letters) == self.lanes.counts().get("dead", 0)


def check_accounts(counts: dict[str, int], queues: dict[str, int]) -> None:
    """appended = sent + merged + dead (or expired as such) + dropped + waiting."""
    ended = sum(counts.get(name, 0) for name in ("sent", "merged", "dead", "expired", "dropped"))
    assert counts.get("appended", 0) == ended + sum(queues.values()), (counts, queues)
