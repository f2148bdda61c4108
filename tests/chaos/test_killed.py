"""Workers are killed again and again, Redis is restarted, Gett has a bad day; and no update is lost, doubled or turned round."""

from __future__ import annotations

import threading
from functools import partial
from random import Random

import pytest
import redis

from tests.chaos.fake_gett_server import Sink, bad_day
from tests.chaos.workers import READ_TIMEOUT, Said, Worker, account, evening, make_kit, say_durably, soon
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 200
WORDS = 10 * ORDERS
KILLS = 30


def kill_redis(server: RedisServer) -> None:
    """SIGKILL it at a moment when everything that it has acknowledged is in the hands of the kernel.

    While a flush to the disk is under way, Redis may hold back what it has acknowledged for a moment, and a kill in that
    very moment loses it. That loss is reconciliation's to heal; here nothing may be lost at all.
    """
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")

        def written() -> bool:
            info = client.info("persistence")
            return bool(info["aof_buffer_length"] == info["aof_pending_bio_fsync"] == 0)

        wait_until(written, message="Redis to write everything down")
    server.kill()


@pytest.mark.parametrize("seed", [20_260_130])
def test_nothing_is_lost_when_workers_are_killed_and_redis_is_restarted(seed: int) -> None:
    random, sink = Random(seed), Sink(bad_day(seed, READ_TIMEOUT))
    last: dict[str, Said] = {}
    kills = 0
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)

        def is_due(word: int) -> bool:
            return word < kills * WORDS // KILLS

        def talk() -> None:
            for number, said in enumerate(evening(seed, ORDERS)):
                wait_until(partial(is_due, number), message="the next kill")  # spread over the whole run
                say_durably(kit, said)
                last[said.order] = said

        pos = threading.Thread(target=talk, daemon=True)
        pos.start()
        with Worker(server, gett) as first, Worker(server, gett) as second:
            for kill in range(1, KILLS + 1):
                victim = random.choice([first, second])
                victim.wait_working()
                seen = len(sink.log)
                kills = kill  # and with it the POS goes on
                soon(partial(sink.has_seen, seen + random.randint(1, 20)), "some sending")
                victim.kill()
                if kills == KILLS // 3:
                    server.restart()
                if kills == 2 * KILLS // 3:
                    kill_redis(server)
                    server.start()
                victim.start()
            pos.join(PATIENCE)
            assert not pos.is_alive()
            soon(lambda: not kit.lanes.all_waiting(), "everything to be told")
            assert account(kit)["appended"] == WORDS
            assert kit.lanes.counts().get("dead_letters", 0) == kit.lanes.counts().get("discarded", 0) == 0
    assert sink.steps_back() == []
    told = {order: arrival.step for order, arrival in sink.accepted().items()}
    assert told == {order: said.step for order, said in last.items()}
