"""Periodic work for 10,000 stores beside the updates of orders, with real workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.chaos.fake_gett_server import FakeGettServer
from tests.chaos.workers import make_kit
from tests.scenario.many_stores import SOURCE
from webhook_kit.kit import Kit
from webhook_kit.testing.processes import PATIENCE, Process, wait_until
from webhook_kit.testing.redis_server import RedisServer

PERIODIC_CALLS = {"fetch_catalog", "orders_since", "store_status"}
UPDATES = 20


class Workers:
    """Workers of an installation with many stores.

    :ivar calls: directory of the calls of their POS (:mod:`tests.scenario.many_stores`).
    """

    def __init__(self, kit: Kit, gett: FakeGettServer, gett_url: str, calls: Path) -> None:
        self.kit, self.gett, self.calls = kit, gett, calls
        self._gett_url = gett_url

    def process(self, which: str, stores: int, **env: str) -> Process:
        settings = {
            "REDIS_URL": self.kit.settings.redis_url,
            "KEY_PREFIX": self.kit.keys.prefix,
            "GETT_API_URL": self._gett_url,
            "GETT_API_KEY": "key",
            "GETT_WRITES_PER_MINUTE": "0",
            "COMPARE_STATUS_EVERY": "0",
            "STORES_SOURCE": SOURCE,
            "MANY_STORES": str(stores),
            "MANY_STORES_CALLS": str(self.calls),
            "POS_DEADLINE": str(PATIENCE),
            "WEBHOOK_DEADLINE": str(2 * PATIENCE),
        }
        return Process([sys.executable, "-m", "webhook_kit.cli", "worker", which], env=settings | env)

    def named(self, event: str) -> set[tuple[str, str]]:
        """Return the calls, and their stores, that have begun or ended."""
        files = (file.name.split() for file in self.calls.iterdir())
        return {(parts[0], parts[1]) for parts in files if parts[2:] == [event]}

    def answer(self) -> None:
        (self.calls / "answer").touch()


@pytest.fixture
def workers(redis_server: RedisServer, tmp_path: Path) -> Iterator[Workers]:
    gett = FakeGettServer()
    with gett.serve() as url:
        workers = Workers(make_kit(redis_server, key_prefix=f"t{uuid4().hex}:"), gett, url, tmp_path)
        try:
            yield workers
        finally:
            workers.answer()


@pytest.mark.parametrize("which", [("push", "sync"), ("all",)], ids=" and ".join)
def test_updates_do_not_wait_for_a_round_over_10_000_stores(which: tuple[str, ...], workers: Workers) -> None:
    """Updates flow, each after the one before has arrived, and no call of the round has ended then."""
    processes = [workers.process(each, 10_000) for each in which]
    try:
        for process in processes:
            process.start()
        wait_until(
            lambda: {call for call, _ in workers.named("began")} == PERIODIC_CALLS, message="a round of each task"
        )
        for number in range(UPDATES):
            update = (f"order-{number}", {"status": "confirmed"})
            workers.kit.order_updates.progress(update[0], "confirmed")
            wait_until(lambda update=update: workers.gett.has_received_update(update), message="the update to arrive")  # type: ignore[misc]
        assert workers.named("ended") == set()
        assert len(workers.named("began")) < 3 * 10_000 / 20, "the round is spread"
    finally:
        workers.answer()
        for process in processes:
            process.terminate()


def test_two_workers_give_every_store_its_turn(workers: Workers) -> None:
    workers.answer()
    env = {"HEALTH_CHECK_INTERVAL": "2", "RECONCILE_EVERY": "5", "CATALOG_REFRESH": "5"}
    every_call = {(call, f"s{number}") for call in PERIODIC_CALLS for number in range(12)}
    with workers.process("sync", 12, **env), workers.process("sync", 12, **env):
        wait_until(lambda: workers.named("ended") == every_call, message="a turn of each store in each task")
