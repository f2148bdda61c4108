"""Push workers as processes, and the updates of many orders as a POS reports them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import redis
import rq

from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.settings import Settings
from webhook_kit.storage.queues import PUSH_QUEUE
from webhook_kit.testing.processes import Process, wait_until
from webhook_kit.testing.redis_server import RedisServer

WORKER = [sys.executable, "-m", "webhook_kit.cli", "worker", "push"]
STARTED = f'"queue": "{PUSH_QUEUE}"'
READ_TIMEOUT = 0.8  # seconds that a worker waits for a response
SHORT_TIMEOUTS = {"GETT_CONNECT_TIMEOUT": "0.5", "GETT_READ_TIMEOUT": str(READ_TIMEOUT), "GETT_WRITES_PER_MINUTE": "0"}
FIRST_ESTIMATE = datetime(2099, 1, 1, 19, tzinfo=UTC)


class WorkerProcess(Process):
    """A push worker."""

    def __init__(self, server: RedisServer, gett: str, env: Mapping[str, str] | None = None) -> None:
        addresses = {"REDIS_URL": server.url, "GETT_API_URL": gett, "GETT_API_KEY": "key", "LOG_FORMAT": "json"}
        super().__init__(WORKER, env={**addresses, **SHORT_TIMEOUTS, **(env or {})})
        self._starts = 0

    def start(self) -> WorkerProcess:
        self._starts += 1
        super().start()
        return self

    def wait_started(self) -> None:
        """Wait until it works since its last start."""
        self.wait_until(lambda: self.output().count(STARTED) >= self._starts, message="the worker to start")

    def wait_ready(self, kit: Kit) -> None:
        """Wait until a worker is idle or busy, and by that handles signals."""
        self.wait_until(lambda: {worker.get_state() for worker in rq.Worker.all(kit.redis)} & {"idle", "busy"})


def make_kit(server: RedisServer, **settings: Any) -> Kit:
    """Return a kit for this process on that Redis."""
    return Kit(Settings(redis_url=server.url, gett_api_key="key", **settings))


def wait_until_sent(kit: Kit) -> None:
    """Wait until no lane has a waiting update."""
    wait_until(lambda: not kit.lanes.all_waiting(), message="every update to be sent")


def final_counts(kit: Kit) -> dict[str, int]:
    """Return the counts of updates, after a check that nothing waits and every update has ended in some way."""
    counts = kit.lanes.counts()
    assert kit.lanes.all_waiting() == {}
    assert list(kit.redis.scan_iter(f"{kit.keys.queue('')}*", count=1000)) == []
    ended = sum(counts.get(name, 0) for name in ("sent", "merged", "dead_letters", "discarded"))
    assert counts["appended"] == ended, counts
    return counts


# -- the POS -----------------------------------------------------------------------------------------------------------


class PosUpdate(NamedTuple):
    """One update of an order that the POS reports."""

    order: str
    step: str
    estimate: datetime | None = None

    def report(self, kit: Kit) -> AppendResult:
        if self.step == "completed":
            return kit.order_updates.complete(self.order)
        if self.step == "cancelled":
            return kit.order_updates.cancel(self.order, "the customer has left")
        return kit.order_updates.progress(self.order, self.step, estimated_ready_at=self.estimate)


def order_traffic(seed: int, orders: int) -> Iterator[PosUpdate]:
    """Yield ten updates for each of so many orders: each order's in their order, those of all orders mixed at random.

    Forty orders are open at a time.
    """
    random = Random(seed)
    future = [f"o{number:03}" for number in range(orders)]
    remaining = {order: _steps(random) for order in (future.pop() for _ in range(min(40, orders)))}
    while remaining:
        order = random.choice(list(remaining))
        step, estimate = remaining[order].pop(0)
        yield PosUpdate(order, step, estimate)
        if not remaining[order]:
            del remaining[order]
            if future:
                remaining[future.pop()] = _steps(random)


def _steps(random: Random) -> list[tuple[str, datetime | None]]:
    confirmed = random.randint(1, 6)
    early = ["confirmed"] * confirmed + ["preparing"] * (7 - confirmed)
    steps: list[tuple[str, datetime | None]] = [
        (step, FIRST_ESTIMATE + timedelta(minutes=minute)) for minute, step in enumerate(early)
    ]
    return [*steps, ("ready", None), ("inTransit", None), (random.choice(["completed", "cancelled"]), None)]


def report_until_stored(kit: Kit, update: PosUpdate) -> None:
    """Report an update again until the outbox has it, as a POS does that gets no response."""

    def is_stored() -> bool:
        try:
            return update.report(kit) in (AppendResult.OK, AppendResult.DUPLICATE)
        except redis.RedisError:
            return False

    wait_until(is_stored, message=f"the outbox to store {update}")
