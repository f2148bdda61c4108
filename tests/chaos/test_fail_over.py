"""Redis fails over while a push worker is running: it follows to the new primary and goes on sending."""

from __future__ import annotations

from typing import cast

from tests.chaos.fake_gett_server import FakeGettServer
from tests.chaos.workers import PosUpdate, WorkerProcess, make_kit, report_until_stored, wait_until_sent
from tests.storage.fail_over import FailOver
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer


def test_a_running_push_worker_follows_a_fail_over() -> None:
    gett = FakeGettServer()
    with FailOver() as fail_over, gett.serve() as url:
        server = cast(RedisServer, fail_over)  # only its URL is used
        kit = make_kit(server)
        with WorkerProcess(server, url) as worker:
            worker.wait_started()
            report_until_stored(kit, PosUpdate("1", "confirmed"))
            wait_until_sent(kit)
            fail_over()
            report_until_stored(kit, PosUpdate("1", "ready"))
            wait_until_sent(kit)
            kit.redis.delete(kit.keys.workers)
            wait_until(
                lambda: not kit.worker_life.last_signs()[WorkerKind.PUSH].missing,
                message="a sign of life at the new primary",
            )
            assert worker.running
            assert "Traceback" not in worker.output()
    steps = [received.step for received in gett.received]
    assert steps[0] == "confirmed"
    assert steps[-1] == "ready"
