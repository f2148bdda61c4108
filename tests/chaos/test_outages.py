"""Gett away, Redis away, a worker asked to go: nothing is lost, nothing is charged, nobody stampedes."""

from __future__ import annotations

import signal
import threading
from uuid import uuid4

import pytest
import redis

from tests.chaos.fake_gett_server import ACCEPTED, Sink
from tests.chaos.workers import Worker, account, make_kit, soon
from webhook_kit.gett.client import GettClient
from webhook_kit.kit import Kit
from webhook_kit.outbox.dispatcher import Dispatcher, RetryPolicy
from webhook_kit.outbox.lanes import Lanes, LeaseResult
from webhook_kit.outbox.quota import Quota, SendingState
from webhook_kit.outbox.updates import order_progress
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.testing.processes import PATIENCE, free_port
from webhook_kit.testing.redis_server import RedisServer


def confirm(kit: Kit, orders: int, prefix: str = "o") -> None:
    for number in range(orders):
        kit.order_updates.progress(f"{prefix}{number}", "confirmed")


def tell_all(kit: Kit, sink: Sink, orders: int) -> None:
    """Wait until so many orders have been told in all, each once."""
    soon(lambda: not kit.lanes.all_waiting(), "everything to be told")
    assert account(kit) == {"appended": orders, "sent": orders}
    assert len(sink.accepted()) == orders


# -- Gett is away ------------------------------------------------------------------------------------------------------


class WatchedLanes(Lanes):
    """Remembers the moment at which each send was booked."""

    booked: list[float]
    watch: redis.Redis
    sends: str

    def lease(self, limit: int, lease_ms: int, *, notified: bool = False) -> LeaseResult:
        result = super().lease(limit, lease_ms, notified=notified)
        if result.leases:
            self.booked += reversed(
                [float(moment) for moment in self.watch.lrange(self.sends, 0, len(result.leases) - 1)]
            )
        return result


def test_a_long_outage_of_gett_costs_no_update_and_ends_without_a_stampede(redis_server: RedisServer) -> None:
    limit, window_ms, orders = 20, 1_000, 60
    sink, port = Sink(), free_port()
    connection, keys = redis.Redis.from_url(redis_server.url), Keys(f"t{uuid4().hex[:12]}:")
    lanes = WatchedLanes(connection, keys, WorkerNotification(connection, keys), Quota(limit, window_ms), ttl=3600)
    lanes.booked, lanes.watch, lanes.sends = [], connection, keys.sends
    gate = SendingState(connection, keys)
    client = GettClient(
        f"http://127.0.0.1:{port}",
        "key",
        connect_timeout=2,
        read_timeout=60,
        on_response=gate.record_rate_limit_headers,
    )
    # Patient enough to sit out the outage, and done for by anything that charges what merely waits.
    pusher = Dispatcher(
        lanes, gate, client, threads=8, retry=RetryPolicy(first_delay=0.2, max_delay=0.5, max_age=1, min_attempts=50)
    )
    for number in range(orders):
        lanes.append(f"order:{number}", order_progress("confirmed"), store_id="s1", gett_id=str(number))
    stop = threading.Event()
    drain = threading.Thread(target=pusher.drain, args=(300, stop.is_set), daemon=True)
    drain.start()

    def failures() -> int:
        return int(connection.hget(keys.sending, "failures") or 0)

    soon(lambda: failures() >= 6, "the circuit to open, and a probe to fail")
    tried = len(lanes.booked)
    assert tried <= 5 + 7 + 2  # a full row, what was under way with it, and the probe; not one for each order
    assert lanes.counts() == {"appended": orders}
    with sink.serve(port):
        soon(lambda: lanes.counts().get("sent") == orders, "everything to be told")
        stop.set()
        drain.join(PATIENCE)
    assert lanes.counts() == {"appended": orders, "sent": orders}
    assert lanes.all_waiting() == {}
    after = lanes.booked[tried:]
    assert len(after) >= orders
    assert max(sum(start <= at < start + window_ms - 0.01 for at in lanes.booked) for start in lanes.booked) <= limit
    # Slowly at first: pacing begins with an empty purse.
    came_back = next(at for at in after if sum(at <= other < at + 100 for other in after) > 1)
    assert sum(came_back <= at < came_back + window_ms / 4 for at in after) <= limit // 4 + limit // 10 + 1


# -- a worker is asked to go -------------------------------------------------------------------------------------------


def test_a_worker_that_is_asked_to_go_finishes_what_is_under_way_and_hands_back_the_rest_uncharged() -> None:
    sink = Sink(lambda: ACCEPTED)
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)
        sink.open.clear()
        confirm(kit, 60)
        with Worker(server, gett, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "60"}) as worker:
            soon(lambda: sink.held == 4, "all threads to be busy")
            threading.Timer(0.5, sink.open.set).start()
            assert worker.terminate(timeout=PATIENCE) == 0
        sent = kit.lanes.counts()["sent"]
        assert sent == len(sink.log) == 4
        waiting = kit.lanes.all_waiting()
        assert len(waiting) == 60 - sent
        assert set(waiting.values()) == {"ready"}
        assert {kit.lanes.state(lane).get("attempts", "0") for lane in waiting} == {"0"}
        with Worker(server, gett):
            tell_all(kit, sink, 60)


@pytest.mark.parametrize("gate", ["blocked", "halted", "nothing to do"])
def test_a_worker_that_waits_goes_at_once(gate: str) -> None:
    sink = Sink()
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)
        with Worker(server, gett) as worker:
            if gate == "blocked":
                kit.sending.record_rate_limited(3600)
            if gate == "halted":
                kit.sending.halt("401")
            if gate != "nothing to do":
                confirm(kit, 3)
            worker.wait_ready(kit)
            soon(lambda: not kit.redis.exists(kit.keys.notified), "the wake-up to be taken")
            assert worker.terminate(timeout=PATIENCE) == 0
        assert sink.log == []
        assert kit.lanes.counts().get("appended", 0) == len(kit.lanes.all_waiting())


# -- Redis is away -----------------------------------------------------------------------------------------------------


def test_a_worker_started_without_redis_waits_and_begins_when_redis_comes() -> None:
    sink = Sink()
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)
        confirm(kit, 10)
        server.stop()
        with Worker(server, gett) as worker:
            worker.wait_until(lambda: "redis_not_reachable" in worker.output(), message="a word about Redis")
            server.start()
            tell_all(kit, sink, 10)


def test_a_worker_without_redis_goes_when_it_is_asked_to() -> None:
    with RedisServer() as server, Worker(server, "http://127.0.0.1:9") as worker:
        worker.wait_working()
        server.stop()
        worker.wait_until(lambda: worker.output().count("retrying in") + worker.output().count("waiting"))
        worker.terminate(timeout=PATIENCE)
        assert worker.returncode in (0, 1, -signal.SIGTERM)


def test_a_worker_outlives_a_restart_of_redis_in_the_middle_of_its_work() -> None:
    sink = Sink()
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server)
        with Worker(server, gett, {"PUSH_THREADS": "4", "GETT_READ_TIMEOUT": "3"}) as worker:
            for round in range(3):
                sink.open.clear()
                confirm(kit, 20, f"round {round} order ")
                soon(lambda: sink.held, "some sending")
                server.restart()
                sink.open.set()
            soon(lambda: not kit.lanes.all_waiting(), "everything to be told")
            assert worker.running
        counts = account(kit)
        assert counts["appended"] == counts["sent"] == len(sink.accepted()) == 60
