"""Workers are killed again and again, Redis is restarted, Gett fails at random: no update is lost, sent twice in a row or out of order."""

from __future__ import annotations

import threading
from functools import partial
from random import Random

import pytest
import redis

from tests.chaos.fake_gett_server import FakeGettServer, random_failures
from tests.chaos.workers import (
    READ_TIMEOUT,
    PosUpdate,
    WorkerProcess,
    final_counts,
    make_kit,
    order_traffic,
    report_until_stored,
    wait_until_sent,
)
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 200
UPDATES = 10 * ORDERS
KILLS = 30


def kill_redis(server: RedisServer) -> None:
    """SIGKILL it at a moment when everything that it has acknowledged has been written to the kernel.

    While a flush to the disk is running, Redis may hold back acknowledged writes for a moment, and a kill in that moment loses
    them. Reconciliation restores such a loss; in this test nothing may be lost at all.
    """
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")

        def is_written() -> bool:
            info = client.info("persistence")
            return bool(info["aof_buffer_length"] == info["aof_pending_bio_fsync"] == 0)

        wait_until(is_written, message="Redis to write everything")
    server.kill()


@pytest.mark.parametrize("seed", [20_260_130])
def test_no_update_is_lost_when_workers_are_killed_and_redis_is_restarted(seed: int) -> None:
    random, gett = Random(seed), FakeGettServer(random_failures(seed, READ_TIMEOUT))
    last: dict[str, PosUpdate] = {}
    kills = 0
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)

        def is_due(number: int) -> bool:
            return number < kills * UPDATES // KILLS

        def report_all() -> None:
            for number, update in enumerate(order_traffic(seed, ORDERS)):
                wait_until(partial(is_due, number), message="the next kill")  # spread over the whole run
                report_until_stored(kit, update)
                last[update.order] = update

        pos = threading.Thread(target=report_all, daemon=True)
        pos.start()
        with WorkerProcess(server, url) as first, WorkerProcess(server, url) as second:
            for kill in range(1, KILLS + 1):
                victim = random.choice([first, second])
                victim.wait_started()
                before = len(gett.received)
                kills = kill  # lets the POS report more
                wait_until(partial(gett.has_received, before + random.randint(1, 20)), message="some updates")
                victim.kill()
                if kills == KILLS // 3:
                    server.restart()
                if kills == 2 * KILLS // 3:
                    kill_redis(server)
                    server.start()
                victim.start()
            pos.join(PATIENCE)
            assert not pos.is_alive()
            wait_until_sent(kit)
            counts = final_counts(kit)
            assert counts["appended"] == UPDATES
            assert counts.get("dead_letters", 0) == counts.get("discarded", 0) == 0
    assert gett.out_of_order() == []
    at_gett = {order: received.step for order, received in gett.last_accepted().items()}
    assert at_gett == {order: update.step for order, update in last.items()}
