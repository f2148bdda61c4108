"""Gett or Redis is out of reach, a worker is stopped: no update is lost or charged, and no burst follows an outage."""

from __future__ import annotations

import signal
import threading
from uuid import uuid4

import pytest
import redis

from tests.chaos.fake_gett_server import FakeGettServer
from tests.chaos.workers import WorkerProcess, final_counts, make_kit, wait_until_sent
from webhook_kit.gett.client import GettClient
from webhook_kit.kit import Kit
from webhook_kit.outbox.dispatcher import Dispatcher
from webhook_kit.outbox.lanes import Lanes, LeaseResult
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.retry_policy import RetryPolicy
from webhook_kit.outbox.sending_state import SendingState
from webhook_kit.outbox.updates import order_progress
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer


def confirm(kit: Kit, orders: int, prefix: str = "o") -> None:
    for number in range(orders):
        kit.order_updates.progress(f"{prefix}{number}", "confirmed")


def wait_until_all_sent_once(kit: Kit, gett: FakeGettServer, orders: int) -> None:
    """Wait until so many orders have been sent in all, each once."""
    wait_until_sent(kit)
    assert final_counts(kit) == {"appended": orders, "sent": orders}
    assert len(gett.last_accepted()) == orders


# -- Gett is out of reach ----------------------------------------------------------------------------------------------


class WatchedLanes(Lanes):
    """Lanes that record the moment of each send's entry in the quota's window."""

    send_times: list[float]
    watch: redis.Redis
    sends: str

    def lease(self, limit: int, lease_ms: int, *, notified: bool = False) -> LeaseResult:
        result = super().lease(limit, lease_ms, notified=notified)
        if result.leases:
            self.send_times += reversed(
                [float(moment) for moment in self.watch.lrange(self.sends, 0, len(result.leases) - 1)]
            )
        return result


def test_long_outage_of_gett_loses_no_update_and_ends_without_a_burst(redis_server: RedisServer) -> None:
    limit, window_ms, orders = 20, 1_000, 60
    gett, port = FakeGettServer(), free_port()
    connection, keys = redis.Redis.from_url(redis_server.url), Keys(f"t{uuid4().hex[:12]}:")
    lanes = WatchedLanes(connection, keys, WorkerNotification(connection, keys), Quota(limit, window_ms), ttl=3600)
    lanes.send_times, lanes.watch, lanes.sends = [], connection, keys.sends
    sending = SendingState(connection, keys)
    client = GettClient(
        f"http://127.0.0.1:{port}",
        "key",
        connect_timeout=2,
        read_timeout=60,
        on_response=sending.record_rate_limit_headers,
    )
    # Retries outlast the outage, but not if updates that only wait were charged, too.
    dispatcher = Dispatcher(
        lanes, sending, client, threads=8, retry=RetryPolicy(first_delay=0.2, max_delay=0.5, max_age=1, min_attempts=50)
    )
    for number in range(orders):
        lanes.append(f"order:{number}", order_progress("confirmed"), store_id="s1", gett_id=str(number))
    stop = threading.Event()
    drain = threading.Thread(target=dispatcher.drain, args=(300, stop.is_set), daemon=True)
    drain.start()

    def failures() -> int:
        return int(connection.hget(keys.sending, "failures") or 0)

    wait_until(lambda: failures() >= 6, message="the circuit breaker to open, and a probe to fail")
    tried = len(lanes.send_times)
    assert (
        tried <= 5 + 7 + 2
    )  # the failures that open it, sends in flight at that moment, and the probe; not one for each order
    assert lanes.counts() == {"appended": orders}
    with gett.serve(port):
        wait_until(lambda: lanes.counts().get("sent") == orders, message="every update to be sent")
        stop.set()
        drain.join(PATIENCE)
    assert lanes.counts() == {"appended": orders, "sent": orders}
    assert lanes.all_waiting() == {}
    after = lanes.send_times[tried:]
    assert len(after) >= orders
    assert (
        max(sum(start <= at < start + window_ms - 0.01 for at in lanes.send_times) for start in lanes.send_times)
        <= limit
    )
    # Slowly at first: pacing starts without tokens.
    recovery = next(at for at in after if sum(at <= other < at + 100 for other in after) > 1)
    assert sum(recovery <= at < recovery + window_ms / 4 for at in after) <= limit // 4 + limit // 10 + 1


# -- a worker is stopped -----------------------------------------------------------------------------------------------


def test_stopped_worker_finishes_its_sends_and_leaves_the_rest_uncharged() -> None:
    gett = FakeGettServer()
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)
        gett.responding.clear()
        confirm(kit, 60)
        with WorkerProcess(server, url, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "60"}) as worker:
            wait_until(lambda: gett.pending == 4, message="all threads to be busy")
            threading.Timer(0.5, gett.responding.set).start()
            assert worker.terminate(timeout=PATIENCE) == 0
        sent = kit.lanes.counts()["sent"]
        assert sent == len(gett.received) == 4
        waiting = kit.lanes.all_waiting()
        assert len(waiting) == 60 - sent
        assert set(waiting.values()) == {"ready"}
        assert {kit.lanes.state(lane).get("attempts", "0") for lane in waiting} == {"0"}
        with WorkerProcess(server, url):
            wait_until_all_sent_once(kit, gett, 60)


@pytest.mark.parametrize("state", ["rate limited", "halted", "idle"])
def test_waiting_worker_stops_at_once(state: str) -> None:
    gett = FakeGettServer()
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)
        with WorkerProcess(server, url) as worker:
            if state == "rate limited":
                kit.sending.record_rate_limited(3600)
            if state == "halted":
                kit.sending.halt("401")
            if state != "idle":
                confirm(kit, 3)
            worker.wait_ready(kit)
            wait_until(lambda: not kit.redis.exists(kit.keys.notified), message="the job to begin")
            assert worker.terminate(timeout=PATIENCE) == 0
        assert gett.received == []
        assert kit.lanes.counts().get("appended", 0) == len(kit.lanes.all_waiting())


# -- Redis is out of reach ---------------------------------------------------------------------------------------------


def test_worker_started_without_redis_begins_when_redis_starts() -> None:
    gett = FakeGettServer()
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)
        confirm(kit, 10)
        server.stop()
        with WorkerProcess(server, url) as worker:
            worker.wait_until(lambda: "redis_not_reachable" in worker.output(), message="a warning about Redis")
            server.start()
            wait_until_all_sent_once(kit, gett, 10)


def test_worker_without_redis_stops_when_asked() -> None:
    with RedisServer() as server, WorkerProcess(server, "http://127.0.0.1:9") as worker:
        worker.wait_started()
        server.stop()
        worker.wait_until(lambda: worker.output().count("retrying in") + worker.output().count("redis_not_reachable"))
        worker.terminate(timeout=PATIENCE)
        assert worker.returncode in (0, 1, -signal.SIGTERM)


def test_worker_survives_restarts_of_redis_during_sends() -> None:
    gett = FakeGettServer()
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server)
        with WorkerProcess(server, url, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "3"}) as worker:
            for round in range(3):
                gett.responding.clear()
                confirm(kit, 20, f"round {round} order ")
                wait_until(lambda: gett.pending, message="some updates")
                server.restart()
                gett.responding.set()
            wait_until_sent(kit)
            assert worker.running
        counts = final_counts(kit)
        assert counts["appended"] == counts["sent"] == len(gett.last_accepted()) == 60
