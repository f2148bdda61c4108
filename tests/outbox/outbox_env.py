"""Lanes, sending state and dispatcher on a real Redis, with a fake Gett and a clock that a test moves."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from tests.redis_cluster import KEY_TAG
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.dispatcher import Dispatcher
from webhook_kit.outbox.lanes import AppendResult, Lanes, Lease, LeaseStatus, lane_name
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.retry_policy import RetryPolicy
from webhook_kit.outbox.sending_state import SendingState
from webhook_kit.outbox.updates import (
    Kind,
    Update,
    catalog_changed,
    order_ended,
    order_progress,
    store_online,
    store_paused,
)
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import connect, text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.storage.scripts import Script
from webhook_kit.testing.redis_server import RedisServer

LEASE_MS = 60_000
HOUR = 3_600_000
LANE = "order:1"
TTL = 3600
CATALOG_URL = "https://example.org/catalog"


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the fake Gett received."""

    path: str
    body: dict[str, Any]


class FakeGett:
    """Returns the queued responses, then 202; a queued exception is raised instead of a response."""

    def __init__(self) -> None:
        self.responses: deque[ApiResponse | Exception] = deque()
        self.requests: list[ReceivedRequest] = []

    def send(self, call: ApiCall) -> ApiResponse:
        path = call.url.partition("/v1/commerce/")[2]
        self.requests.append(ReceivedRequest(path, json.loads(call.body or b"{}")))
        response = self.responses.popleft() if self.responses else ApiResponse(202, {}, b'{"status": "online"}')
        if isinstance(response, Exception):
            raise response
        return response

    def respond_with(self, *responses: int | ApiResponse | Exception) -> None:
        self.responses.extend(ApiResponse(one) if isinstance(one, int) else one for one in responses)


def order_update(step: str) -> Update:
    """Return the update for a status or state of an order."""
    if step == "cancelled":
        return order_ended(step, "the kitchen is on fire")
    return order_ended(step) if step == "completed" else order_progress(step)


class OutboxEnv:
    """An outbox with its own keys.

    What is postponed stays so until a test moves the clock, however slow the machine is.
    """

    def __init__(self, server: RedisServer, *, quota: Quota | None = None) -> None:
        self.keys = Keys(f"{KEY_TAG}t{uuid4().hex[:12]}:")
        self.redis = connect(Settings(redis_url=server.url, redis_timeout=30.0, key_prefix=self.keys.prefix))
        self.notifier = WorkerNotification(self.redis, self.keys)
        self.quota = quota or Quota(0)
        self.lanes = self.make_lanes(self.quota)
        self.sending = SendingState(self.redis, self.keys)
        self.dead_letters = DeadLetters(self.redis, self.keys, self.notifier)
        self.gett = FakeGett()
        self.client = GettClient(
            "https://gett.example", "key", transport=self.gett, on_response=self.sending.record_rate_limit_headers
        )
        self.retry = RetryPolicy(first_delay=900.0, max_delay=900.0)
        self.alerts: Alerts | None = None

    def make_lanes(self, quota: Quota, *, merging: bool = True, api_key_id: str = "") -> Lanes:
        return Lanes(self.redis, self.keys, self.notifier, quota, ttl=TTL, merging=merging, api_key_id=api_key_id)

    def set_quota(self, limit: int, window_ms: int = 60_000) -> None:
        """Use this quota from now on."""
        self.quota = Quota(limit, window_ms)
        self.lanes = self.make_lanes(self.quota)

    def close(self) -> None:
        for key in self.redis.scan_iter(f"{self.keys.prefix}*", count=1000):
            self.redis.delete(key)
        self.redis.close()

    # -- appending -----------------------------------------------------------------------------------------------------

    def append_order(self, ref: str, *steps: str, gett_id: str | None = None, force: bool = False) -> AppendResult:
        """Append these steps of an order. Return the result of the last append."""
        for step in steps:
            result = self.append(lane_name(Kind.ORDER, ref), order_update(step), gett_id=gett_id, force=force)
        return result

    def append(self, lane: str, update: Update, *, gett_id: str | None = None, force: bool = False) -> AppendResult:
        gett_id = f"g-{lane.partition(':')[2]}" if gett_id is None else gett_id
        return self.lanes.append(lane, update, store_id="s1", gett_id=gett_id, force=force)

    def pause(self, store: str = "s1") -> AppendResult:
        return self.append(lane_name(Kind.STORE, store), store_paused("too_busy"))

    def resume(self, store: str = "s1") -> AppendResult:
        return self.append(lane_name(Kind.STORE, store), store_online())

    def change_catalog(self, store: str = "s1") -> AppendResult:
        return self.append(lane_name(Kind.CATALOG, store), catalog_changed(CATALOG_URL), force=True)

    def link(self, lane: str, gett_id: str) -> None:
        """Attach a Gett order id to a lane, as placement does."""
        Script(self.redis, self.keys, "tests.outbox/link")(self.keys.lane(lane), lane=lane, gett_id=gett_id)

    # -- sending -------------------------------------------------------------------------------------------------------

    def lease(self, limit: int = 1) -> list[Lease]:
        return list(self.lanes.lease(limit, LEASE_MS).leases)

    def lease_one(self) -> Lease:
        """Lease the lane that is next."""
        (lease,) = self.lease()
        return lease

    def lease_status(self) -> LeaseStatus:
        """Return the reason for which nothing can be leased now."""
        result = self.lanes.lease(1, LEASE_MS)
        assert not result.leases
        return result.status

    def make_dispatcher(self, *, threads: int = 4, **retry: Any) -> Dispatcher:
        policy = replace(self.retry, **retry)
        return Dispatcher(self.lanes, self.sending, self.client, threads=threads, retry=policy, alerts=self.alerts)

    def send_all(self, *responses: int | ApiResponse | Exception, **retry: float) -> int:
        """Send everything that may be sent now, one after the other, to a Gett that gives these responses."""
        self.gett.respond_with(*responses)
        dispatcher, tried = self.make_dispatcher(threads=1, **retry), 0
        while leases := self.lease():
            dispatcher.send(leases[0])
            tried += 1
        return tried

    def send_once(self, response: int | ApiResponse | Exception, *, age: float = 0.0, **retry: float) -> None:
        """Append an update to :data:`LANE`, make it so many seconds old, and send it once to a Gett that responds so."""
        self.append_order("1", "confirmed")
        if age:
            self.make_older(LANE, age)
        assert self.send_all(response, **retry) == 1

    # -- the clock -----------------------------------------------------------------------------------------------------

    def make_due(self, lane: str) -> None:
        """Let the time pass for which a lane is leased or postponed."""
        assert self.redis.zadd(self.keys.delayed, {lane: 1}, xx=True, ch=True)

    def make_all_due(self) -> None:
        """Let the time pass for which lanes are leased or postponed."""
        for lane, place in self.lanes.all_waiting().items():
            if place == "delayed":
                self.make_due(lane)

    def turn_clock_back(self) -> None:
        """Turn the clock of the sending state back an hour, so that nothing in it ends before a test moves the clock."""
        self.skip_time(-HOUR)

    def skip_time(self, milliseconds: float) -> None:
        """Let time pass for the sending state: all its moments move into the past."""
        sends = [float(moment) for moment in self.redis.lrange(self.keys.sends, 0, -1)]
        if sends:
            self.redis.delete(self.keys.sends)
            self.redis.rpush(self.keys.sends, *(f"{moment - milliseconds:.3f}" for moment in sends))
        for field in ("blocked_until", "open_until", "filled", "remaining_until"):
            moment = self.redis.hget(self.keys.sending, field)
            if moment is not None:
                self.redis.hset(self.keys.sending, field, f"{float(moment) - milliseconds:.3f}")
        for name, value in self.redis.hgetall(self.keys.halt).items():
            if (field := text(name)).endswith(":probe_at"):
                self.redis.hset(self.keys.halt, field, f"{float(value) - milliseconds:.3f}")

    def make_older(self, lane: str, seconds: float) -> None:
        """Make a lane's waiting updates older by so many seconds."""
        entries = [entry | {"at": entry["at"] - seconds * 1000} for entry in self.lanes.waiting(lane)]
        self.redis.delete(self.keys.queue(lane))
        self.redis.rpush(self.keys.queue(lane), *map(json.dumps, entries))

    def now(self) -> float:
        """Return Redis TIME in ms."""
        return redis_time(self.redis) * 1000

    # -- reading -------------------------------------------------------------------------------------------------------

    def sending_field(self, name: str) -> str:
        return text(self.redis.hget(self.keys.sending, name))

    def waiting_steps(self, lane: str) -> list[str]:
        """Return status or state of each update that waits in a lane."""
        return [entry["body"].get("status") or entry["body"].get("state") for entry in self.lanes.waiting(lane)]

    def attempts(self, lane: str = LANE) -> int:
        """Return the number of failed attempts of a lane's head."""
        return int(self.lanes.state(lane).get("attempts", 0))

    def sent_steps(self) -> list[str]:
        """Return status or state of each update that Gett received; ``catalog`` for a change of a catalog."""
        bodies = [request.body for request in self.gett.requests]
        return [body.get("status") or body.get("state") or "catalog" for body in bodies]

    def queue_lengths(self) -> dict[str, int]:
        """Return the number of updates that wait in each lane."""
        prefix = self.keys.queue("")
        return {
            text(key).removeprefix(prefix): int(self.redis.llen(key))
            for key in self.redis.scan_iter(f"{prefix}*", count=1000)
        }

    def check_invariants(self) -> None:
        """Assert that every update is counted, and every lane with a waiting update is in exactly one set."""
        check_counts(self.lanes.counts(), self.queue_lengths())
        places: dict[str, list[str]] = {}
        for key in (self.keys.ready, self.keys.delayed, self.keys.unlinked):
            for lane in self.redis.zrange(key, 0, -1):
                places.setdefault(text(lane), []).append(key)
        assert dict.fromkeys(self.queue_lengths(), 1) == {lane: len(sets) for lane, sets in places.items()}, places
        assert self.redis.hlen(self.keys.dead_letters) == self.lanes.counts().get("dead_letters", 0)


def check_counts(counts: dict[str, int], queue_lengths: dict[str, int]) -> None:
    """Assert appended = sent + merged + dead letters (or expired) + discarded + waiting."""
    ended = sum(counts.get(name, 0) for name in ("sent", "merged", "dead_letters", "expired", "discarded"))
    assert counts.get("appended", 0) == ended + sum(queue_lengths.values()), (counts, queue_lengths)
