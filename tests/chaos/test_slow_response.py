"""Gett responds slowly to one update: other updates do not wait for it, but a worker that stops does."""

from __future__ import annotations

import os
import signal

import rq

from tests.chaos.fake_gett_server import FakeGettServer
from tests.chaos.workers import PosUpdate, WorkerProcess, final_counts, make_kit, report_until_stored
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer


def test_slow_response_delays_only_its_own_order_and_the_end_of_the_worker() -> None:
    gett = FakeGettServer()
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)
        with WorkerProcess(server, url, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "60"}) as worker:
            worker.wait_ready(kit)
            gett.responding.clear()
            report_until_stored(kit, PosUpdate("slow", "confirmed"))
            wait_until(lambda: gett.pending == 1, message="the first update")
            wait_until(
                lambda: {one.get_state() for one in rq.Worker.all(kit.redis)} == {"idle"}, message="the end of the job"
            )
            report_until_stored(kit, PosUpdate("o2", "confirmed"))
            wait_until(lambda: gett.pending == 2, message="another order's update")
            report_until_stored(kit, PosUpdate("o3", "cancelled"))
            wait_until(lambda: gett.pending == 3, message="a cancellation")
            assert kit.lanes.state("order:slow").get("attempts", "0") == "0"  # its request has not timed out
            os.kill(worker.pid, signal.SIGTERM)
            wait_until(lambda: not rq.Worker.all(kit.redis), message="the worker to take no more jobs")
            assert worker.running
            gett.responding.set()
            assert worker.wait() == 0
        assert final_counts(kit) == {"appended": 3, "sent": 3}
