"""Dispatcher: the effect of each response of Gett, and draining with threads."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest
import redis
import requests

from tests.outbox.outbox_env import LANE, OutboxEnv
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.outbox.dispatcher import lease_seconds
from webhook_kit.storage.alerts import Alerts
from webhook_kit.testing.processes import PATIENCE, wait_until

OLD = 1000.0  # seconds; an order is new for 900


def delay(outbox: OutboxEnv) -> float:
    """Seconds until the order's lane is due again."""
    due = outbox.redis.zscore(outbox.keys.delayed, LANE)
    assert due is not None
    return (float(due) - outbox.now()) / 1000


# -- acknowledged ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_response_acknowledges_the_update(outbox: OutboxEnv, status: int) -> None:
    outbox.send_once(status)
    assert outbox.lanes.counts() == {"appended": 1, "sent": 1}


def test_a_2xx_response_that_cannot_be_read_acknowledges_the_update(outbox: OutboxEnv) -> None:
    outbox.pause()
    outbox.send_all(ApiResponse(200, {}, b"<html>"))
    assert outbox.lanes.counts() == {"appended": 1, "sent": 1}
    assert outbox.lanes.history("store:s1")[-1]["status"] == 200


def test_each_kind_of_update_is_sent_to_its_own_path(outbox: OutboxEnv) -> None:
    outbox.pause()
    outbox.append_order("1", "ready")
    outbox.change_catalog()
    outbox.send_all()
    assert [sent.path for sent in outbox.gett.requests] == [
        "stores/g-s1/status",
        "orders/g-1/status",
        "catalogset-notification?storeId=s1",
    ]


# -- retriable failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", [408, 425, 500, 502, 503, requests.ConnectionError(), requests.ReadTimeout()])
def test_a_retriable_failure_is_retried_later_and_counts_as_an_attempt(
    outbox: OutboxEnv, response: int | Exception
) -> None:
    outbox.send_once(response, first_delay=100)
    assert 60 < delay(outbox) <= 100
    assert outbox.attempts() == 1
    outbox.make_due(LANE)
    assert outbox.send_all() == 1
    assert outbox.lanes.counts() == {"appended": 1, "sent": 1}


def test_a_503_with_retry_after_delays_its_own_lane_only(outbox: OutboxEnv) -> None:
    outbox.send_once(ApiResponse(503, {"Retry-After": "2000"}))
    assert 1900 < delay(outbox) <= 2000
    outbox.append_order("2", "confirmed")
    assert outbox.send_all() == 1


def test_an_update_that_failed_often_and_long_enough_is_dead_lettered(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    for attempt in range(3):
        outbox.make_older(LANE, 100)
        outbox.send_all(503, max_age=250, min_attempts=2)
        assert outbox.attempts() == (attempt + 1 if attempt < 2 else 0)
        if attempt < 2:
            outbox.make_due(LANE)
    (letter,) = outbox.dead_letters.find()
    assert letter.status == 503
    assert outbox.lanes.counts() == {"appended": 1, "dead_letters": 1}


def test_an_old_update_with_few_attempts_is_not_dead_lettered(outbox: OutboxEnv) -> None:
    outbox.send_once(503, age=100_000)
    assert outbox.lanes.counts() == {"appended": 1}


def test_an_unexpected_exception_is_retried_and_finally_dead_lettered(outbox: OutboxEnv) -> None:
    outbox.send_once(ValueError("a bug"), first_delay=100)
    assert outbox.attempts() == 1
    assert 60 < delay(outbox) <= 100
    outbox.make_older(LANE, 100_000)
    outbox.make_due(LANE)
    outbox.send_all(ValueError("a bug"), min_attempts=1)
    assert [letter.why for letter in outbox.dead_letters.find()] == ["not sent: ValueError"]


# -- rejections --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 409])
def test_404_and_409_are_retried_while_the_order_is_new(outbox: OutboxEnv, status: int) -> None:
    outbox.send_once(status, first_delay=100)
    assert outbox.attempts() == 1
    assert 60 < delay(outbox) <= 100
    outbox.make_due(LANE)
    assert outbox.send_all() == 1


@pytest.mark.parametrize("status", [404, 409])
def test_404_and_409_dead_letter_the_update_of_an_older_order(outbox: OutboxEnv, status: int) -> None:
    outbox.send_once(status, age=OLD)
    assert [letter.status for letter in outbox.dead_letters.find()] == [status]


def test_404_dead_letters_the_update_of_a_store_at_once(outbox: OutboxEnv) -> None:
    outbox.pause()
    outbox.send_all(404)
    assert [letter.lane for letter in outbox.dead_letters.find()] == ["store:s1"]


@pytest.mark.parametrize("status", [400, 402, 405, 410, 422, 451])
def test_any_other_rejection_dead_letters_the_update_and_the_lane_goes_on(outbox: OutboxEnv, status: int) -> None:
    outbox.send_once(status)
    assert [letter.status for letter in outbox.dead_letters.find()] == [status]
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.sent_steps() == ["confirmed", "ready"]
    assert outbox.lanes.counts() == {"appended": 2, "dead_letters": 1, "sent": 1}


@pytest.mark.parametrize("status", [301, 304, 307, 308])
def test_redirect_raises_an_alert_and_is_dead_lettered_like_an_outage(
    status: int, outbox: OutboxEnv, events: list[MutableMapping[str, Any]]
) -> None:
    outbox.alerts = Alerts(outbox.redis, outbox.keys, ttl=60)
    outbox.send_once(status, min_attempts=2, max_age=0)
    outbox.append_order("2", "confirmed")
    outbox.send_all(status)
    assert outbox.lanes.counts() == {"appended": 2}
    assert outbox.attempts() == 1
    alerts = [event for event in events if event["event"] == "alert_raised"]
    assert [(alert["kind"], alert["setting"]) for alert in alerts] == [("gett_redirected", "GETT_API_URL")]
    for _ in range(2):
        outbox.make_due(LANE)
        outbox.send_all(status, min_attempts=2, max_age=0)
    assert [letter.status for letter in outbox.dead_letters.find()] == [status]


def test_update_is_not_sent_with_an_old_lease(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    dispatcher = outbox.make_dispatcher()
    dispatcher.send(replace(lease, leased=lease.leased - 60))
    assert outbox.gett.requests == []
    assert outbox.attempts() == 0
    assert outbox.send_all() == 1


def test_rejections_do_not_open_the_circuit_breaker(outbox: OutboxEnv) -> None:
    for ref in range(20):
        outbox.append_order(f"o{ref}", "confirmed")
    assert outbox.send_all(*[422] * 10 + [404] * 10) == 20
    outbox.append_order("1", "confirmed")
    assert outbox.send_all() == 1


# -- draining ----------------------------------------------------------------------------------------------------------


def test_drain_sends_everything_with_several_threads_and_returns(outbox: OutboxEnv) -> None:
    for ref in range(40):
        outbox.append_order(f"o{ref}", "confirmed", "ready")
    assert outbox.make_dispatcher().drain(60) == 40
    assert outbox.lanes.counts() == {"appended": 80, "merged": 40, "sent": 40}


def test_a_stopped_drain_finishes_its_leases_and_leaves_the_rest(outbox: OutboxEnv) -> None:
    for ref in range(20):
        outbox.append_order(f"o{ref}", "confirmed")
    in_flight, go_on, stop = threading.Semaphore(0), threading.Event(), threading.Event()
    respond = outbox.gett.send

    def slow(call: ApiCall) -> ApiResponse:
        in_flight.release()
        assert go_on.wait(PATIENCE)
        return respond(call)

    outbox.gett.send = slow  # type: ignore[method-assign]
    drain = threading.Thread(target=outbox.make_dispatcher(threads=3).drain, args=(60, stop.is_set))
    drain.start()
    for _ in range(3):
        assert in_flight.acquire(timeout=PATIENCE)
    stop.set()
    go_on.set()
    drain.join(PATIENCE)
    assert not drain.is_alive()
    assert outbox.lanes.counts() == {"appended": 20, "sent": 3}
    assert set(outbox.lanes.all_waiting().values()) == {"ready"}
    assert {outbox.attempts(lane) for lane in outbox.lanes.all_waiting()} == {0}


class SlowForOneOrder:
    """A fake Gett that delays the responses for one order until a test sets ``go_on``."""

    def __init__(self, outbox: OutboxEnv, order: str) -> None:
        self._path = f"orders/g-{order}/status"
        self._respond = outbox.gett.send
        self.received, self.go_on = threading.Event(), threading.Event()
        outbox.gett.send = self.send  # type: ignore[method-assign]

    def send(self, call: ApiCall) -> ApiResponse:
        if call.url.endswith(self._path):
            self.received.set()
            assert self.go_on.wait(PATIENCE)
        return self._respond(call)


def test_a_slow_response_outlasts_its_drain_and_delays_no_other_update(outbox: OutboxEnv) -> None:
    gett, dispatcher = SlowForOneOrder(outbox, "slow"), outbox.make_dispatcher(threads=2)
    outbox.append_order("slow", "confirmed")
    assert dispatcher.drain(600, wait=False) == 1  # although its response has not come
    assert gett.received.wait(PATIENCE)
    for ref in range(10):
        outbox.append_order(f"o{ref}", "confirmed")
    outbox.append_order("slow", "ready")  # has to wait for the first
    assert dispatcher.drain(600, wait=False) >= 1
    wait_until(lambda: outbox.lanes.counts().get("sent") == 10, PATIENCE, "the other orders' updates to be sent")
    outbox.append_order("o1", "cancelled")
    assert dispatcher.drain(600, wait=False) == 1
    wait_until(lambda: outbox.lanes.counts()["sent"] == 11, PATIENCE, "the cancellation to be sent")
    assert outbox.lanes.all_waiting() == {"order:slow": "delayed"}
    gett.go_on.set()
    dispatcher.finish()
    assert outbox.lanes.counts()["sent"] == 12
    assert dispatcher.drain(600) == 1
    assert outbox.sent_steps()[-2:] == ["confirmed", "ready"]
    assert outbox.lanes.all_waiting() == {}


def test_all_threads_are_free_after_a_slow_response(outbox: OutboxEnv) -> None:
    gett, dispatcher, threads = SlowForOneOrder(outbox, "slow"), outbox.make_dispatcher(threads=3), 3
    outbox.append_order("slow", "confirmed")
    for _ in range(5):
        assert dispatcher.drain(600, wait=False) <= 1
    gett.go_on.set()
    dispatcher.finish()
    respond, all_at_once = outbox.gett.send, threading.Barrier(threads)

    def together(call: ApiCall) -> ApiResponse:
        all_at_once.wait(PATIENCE)
        return respond(call)

    outbox.gett.send = together  # type: ignore[method-assign]
    for ref in range(threads):
        outbox.append_order(f"o{ref}", "confirmed")
    assert dispatcher.drain(600) == threads
    assert outbox.lanes.counts()["sent"] == threads + 1


def test_a_rate_limited_drain_uses_its_whole_time_and_stops_at_once_when_asked(outbox: OutboxEnv) -> None:
    outbox.sending.record_rate_limited(3600)
    outbox.append_order("1", "confirmed")
    stop = threading.Event()
    drain = threading.Thread(target=outbox.make_dispatcher().drain, args=(600, stop.is_set))
    drain.start()
    wait_until(lambda: not outbox.redis.exists(outbox.keys.notified), message="the drain to begin")
    assert drain.is_alive()
    stop.set()
    drain.join(PATIENCE)
    assert not drain.is_alive()
    assert outbox.gett.requests == []


def test_an_update_whose_outcome_was_not_recorded_is_sent_again_after_its_lease(
    outbox: OutboxEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.append_order("1", "confirmed")

    def fail(*_: object, **__: object) -> bool:
        raise redis.ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(outbox.lanes, "acknowledge", fail)
        assert outbox.make_dispatcher().drain(60) == 1
    assert outbox.lanes.counts() == {"appended": 1}
    outbox.make_due(LANE)
    outbox.send_all()
    assert outbox.sent_steps() == ["confirmed", "confirmed"]
    assert outbox.lanes.counts() == {"appended": 1, "sent": 1}


def test_a_lease_is_longer_than_all_timeouts_of_a_call() -> None:
    assert lease_seconds(3.05, 10.0) > 3.05 + 10.0 + 2 * 2.0  # and Redis may take its time-out twice
    assert lease_seconds(0.1, 0.1) > 4.0
