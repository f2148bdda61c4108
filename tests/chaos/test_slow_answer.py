"""Gett answers one update slowly: nothing else waits for that, but a worker that is asked to go does."""

from __future__ import annotations

import os
import signal

import rq

from tests.chaos.fake_gett_server import Sink
from tests.chaos.workers import Said, Worker, account, make_kit, say_durably, soon
from webhook_kit.testing.redis_server import RedisServer


def test_one_slow_answer_holds_up_neither_other_orders_nor_a_cancellation_but_the_end_of_the_worker() -> None:
    sink = Sink()
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)
        with Worker(server, gett, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "60"}) as worker:
            worker.wait_ready(kit)
            sink.open.clear()
            say_durably(kit, Said("slow", "confirmed"))
            soon(lambda: sink.held == 1, "the first update")
            soon(lambda: {one.get_state() for one in rq.Worker.all(kit.redis)} == {"idle"}, "the end of its slice")
            say_durably(kit, Said("o2", "confirmed"))
            soon(lambda: sink.held == 2, "another order's update")
            say_durably(kit, Said("o3", "cancelled"))
            soon(lambda: sink.held == 3, "a cancellation")
            assert kit.lanes.state("order:slow").get("attempts", "0") == "0"  # all this time it has not been given up
            os.kill(worker.pid, signal.SIGTERM)
            soon(lambda: not rq.Worker.all(kit.redis), "the worker to take no more jobs")
            assert worker.running
            sink.open.set()
            assert worker.wait() == 0
        assert account(kit) == {"appended": 3, "sent": 3}
