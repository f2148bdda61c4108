"""Push workers as processes of their own, and a POS that says how its orders come along."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import redis
import rq
from pydantic import SecretStr

from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import Process, wait_until
from webhook_kit.testing.redis_server import RedisServer

WORKER = [sys.executable, "-m", "webhook_kit.cli", "worker", "push"]
UP = '"queue": "webhook-kit-push"'
READ_TIMEOUT = 0.8  # seconds for which a worker waits for an answer
CALM = {"GETT_CONNECT_TIMEOUT": "0.5", "GETT_READ_TIMEOUT": str(READ_TIMEOUT), "GETT_WRITES_PER_MINUTE": "0"}
DINNER = datetime(2099, 1, 1, 19, tzinfo=UTC)


class Worker(Process):
    """A push worker."""

    def __init__(self, server: RedisServer, gett: str, env: Mapping[str, str] | None = None) -> None:
        places = {"REDIS_URL": server.url, "GETT_API_URL": gett, "GETT_API_KEY": "key", "LOG_FORMAT": "json"}
        super().__init__(WORKER, env={**places, **CALM, **(env or {})})
        self._starts = 0

    def start(self) -> Worker:
        self._starts += 1
        super().start()
        return self

    def wait_working(self) -> None:
        """Wait until it has come up since its last start."""
        self.wait_until(lambda: self.output().count(UP) >= self._starts, message="the worker to work")

    def wait_ready(self, kit: Kit) -> None:
        """Wait until a worker is idle or busy, and with it listens to signals."""
        self.wait_until(lambda: {worker.get_state() for worker in rq.Worker.all(kit.redis)} & {"idle", "busy"})


def make_kit(server: RedisServer, **settings: Any) -> Kit:
    """The kit of this process, on that Redis."""
    return Kit(Settings(redis_url=server.url, gett_api_key=SecretStr("key"), **settings))


def account(kit: Kit) -> dict[str, int]:
    """The counts, after everything has been checked against them: nothing waits, and every update has ended somehow."""
    counts = kit.lanes.counts()
    assert kit.lanes.all_waiting() == {}
    assert list(kit.redis.scan_iter(f"{kit.keys.queue('')}*", count=1000)) == []
    assert counts["appended"] == sum(counts.get(end, 0) for end in ("sent", "merged", "dead_letters", "discarded")), (
        counts
    )
    return counts


# -- the POS -----------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """One thing that the POS says about an order."""

    order: str
    step: str
    estimate: datetime | None = None

    def tell(self, kit: Kit) -> AppendResult:
        if self.step == "completed":
            return kit.order_updates.complete(self.order)
        if self.step == "cancelled":
            return kit.order_updates.cancel(self.order, "the guest has gone")
        return kit.order_updates.progress(self.order, self.step, estimated_ready_at=self.estimate)


def evening(seed: int, orders: int) -> Iterator[Said]:
    """Ten words on each of so many orders, every order's own in their order, all orders' mixed at random.

    Guests come one after the other: forty orders are open at a time.
    """
    random = Random(seed)
    coming = [f"o{number:03}" for number in range(orders)]
    being_made = {order: _words(random) for order in (coming.pop() for _ in range(min(40, orders)))}
    while being_made:
        order = random.choice(list(being_made))
        step, estimate = being_made[order].pop(0)
        yield Said(order, step, estimate)
        if not being_made[order]:
            del being_made[order]
            if coming:
                being_made[coming.pop()] = _words(random)


def _words(random: Random) -> list[tuple[str, datetime | None]]:
    early = random.randint(1, 6)
    steps = ["confirmed"] * early + ["preparing"] * (7 - early)
    minutes = range(len(steps))
    told: list[tuple[str, datetime | None]] = [
        (step, DINNER + timedelta(minutes=minute)) for step, minute in zip(steps, minutes, strict=True)
    ]
    return [*told, ("ready", None), ("inTransit", None), (random.choice(["completed", "cancelled"]), None)]


def say_durably(kit: Kit, said: Said) -> None:
    """Say it until the outbox has it, as a POS that gets no answer does."""

    def heard() -> bool:
        try:
            return said.tell(kit) in (AppendResult.OK, AppendResult.DUPLICATE)
        except redis.RedisError:
            return False

    wait_until(heard, message=f"the outbox to take {said}")


def soon(condition: Callable[[], object], what: str) -> None:
    """Wait, with all the patience that a slow machine needs."""
    wait_until(condition, message=what)
