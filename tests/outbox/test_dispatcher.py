"""What each answer of Gett does to the update and to its lane; and how a worker drains the lanes."""

from __future__ import annotations

import threading

import pytest
import redis
import requests

from tests.outbox.outbox_env import LANE, Workbench
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.outbox.dispatcher import RetryPolicy, lease_seconds
from webhook_kit.testing.processes import PATIENCE, wait_until

OLD = 1000.0  # seconds; an order is young for 900


def delay(bench: Workbench) -> float:
    """Seconds until the order's lane is due again."""
    due = bench.redis.zscore(bench.keys.delayed, LANE)
    assert due is not None
    return (float(due) - bench.now()) / 1000


# -- taken -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_is_taken(bench: Workbench, status: int) -> None:
    bench.fails(status)
    assert bench.lanes.counts() == {"appended": 1, "sent": 1}


def test_an_answer_of_2xx_that_cannot_be_read_is_taken(bench: Workbench) -> None:
    bench.pause()
    bench.push(ApiResponse(200, {}, b"<html>"))
    assert bench.lanes.counts() == {"appended": 1, "sent": 1}
    assert bench.lanes.history("store:s1")[-1]["status"] == 200


def test_each_kind_of_update_goes_to_its_own_address(bench: Workbench) -> None:
    bench.pause()
    bench.order("1", "ready")
    bench.menu()
    bench.push()
    assert [sent.path for sent in bench.gett.sent] == [
        "stores/g-s1/status",
        "orders/g-1/status",
        "catalogset-notification?storeId=s1",
    ]


# -- failures that may pass --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [408, 425, 500, 502, 503, requests.ConnectionError(), requests.ReadTimeout()])
def test_a_failure_that_may_pass_is_tried_again_later_and_charged(bench: Workbench, answer: int | Exception) -> None:
    bench.fails(answer, first=100)
    assert 60 < delay(bench) <= 100
    assert bench.attempts() == 1
    bench.due(LANE)
    assert bench.push() == 1
    assert bench.lanes.counts() == {"appended": 1, "sent": 1}


def test_delays_double_up_to_a_limit_and_are_spread() -> None:
    policy = RetryPolicy()
    for tried, most in enumerate((1, 2, 4, 8, 16, 30, 30)):
        found = {policy.delay(tried, None) for _ in range(50)}
        assert len(found) > 1
        assert all(0.7 * most <= seconds <= most for seconds in found)


def test_a_wait_that_gett_asks_for_is_kept_unless_it_is_absurd() -> None:
    assert RetryPolicy().delay(0, 90.0) == 90.0
    assert RetryPolicy().delay(0, 1e9) == 3600.0
    assert RetryPolicy().delay(10, 0.0) > 20


def test_a_503_that_names_a_wait_delays_its_own_lane_only(bench: Workbench) -> None:
    bench.fails(ApiResponse(503, {"Retry-After": "2000"}))
    assert 1900 < delay(bench) <= 2000
    bench.order("2", "confirmed")
    assert bench.push() == 1


def test_what_has_failed_often_and_long_enough_is_buried(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    for tried in range(3):
        bench.age(LANE, 100)
        bench.push(503, give_up=250, least_attempts=2)
        assert bench.attempts() == (tried + 1 if tried < 2 else 0)
        if tried < 2:
            bench.due(LANE)
    (letter,) = bench.dead.find()
    assert letter.status == 503
    assert bench.lanes.counts() == {"appended": 1, "dead": 1}


def test_what_has_waited_long_but_hardly_been_tried_is_not_buried(bench: Workbench) -> None:
    bench.fails(503, age=100_000)
    assert bench.lanes.counts() == {"appended": 1}


def test_a_mistake_of_our_own_neither_clogs_the_lane_nor_loses_the_update(bench: Workbench) -> None:
    bench.fails(ValueError("a bug"), first=100)
    assert bench.attempts() == 1
    assert 60 < delay(bench) <= 100
    bench.age(LANE, 100_000)
    bench.due(LANE)
    bench.push(ValueError("a bug"), least_attempts=1)
    assert [letter.why for letter in bench.dead.find()] == ["not sent: ValueError"]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 409])
def test_404_and_409_are_tried_again_while_the_order_is_young(bench: Workbench, status: int) -> None:
    bench.fails(status, first=100)
    assert bench.attempts() == 1
    assert 60 < delay(bench) <= 100
    bench.due(LANE)
    assert bench.push() == 1


@pytest.mark.parametrize("status", [404, 409])
def test_404_and_409_bury_what_is_old(bench: Workbench, status: int) -> None:
    bench.fails(status, age=OLD)
    assert [letter.status for letter in bench.dead.find()] == [status]


def test_404_buries_what_is_no_order_at_once(bench: Workbench) -> None:
    bench.pause()
    bench.push(404)
    assert [letter.lane for letter in bench.dead.find()] == ["store:s1"]


@pytest.mark.parametrize("status", [301, 400, 402, 405, 410, 422, 451])
def test_any_other_refusal_buries_the_update_and_the_lane_goes_on(bench: Workbench, status: int) -> None:
    bench.fails(status)
    assert [letter.status for letter in bench.dead.find()] == [status]
    bench.order("1", "ready")
    bench.push()
    assert bench.told() == ["confirmed", "ready"]
    assert bench.lanes.counts() == {"appended": 2, "dead": 1, "sent": 1}


def test_refusals_do_not_open_the_circuit(bench: Workbench) -> None:
    for ref in range(20):
        bench.order(f"o{ref}", "confirmed")
    assert bench.push(*[422] * 10 + [404] * 10) == 20
    bench.order("1", "confirmed")
    assert bench.push() == 1


# -- draining ----------------------------------------------------------------------------------------------------------


def test_draining_sends_everything_with_several_threads_and_ends(bench: Workbench) -> None:
    for ref in range(40):
        bench.order(f"o{ref}", "confirmed", "ready")
    assert bench.pusher().drain(60) == 40
    assert bench.lanes.counts() == {"appended": 80, "merged": 40, "sent": 40}


def test_a_drain_that_is_told_to_stop_finishes_what_is_under_way_and_leaves_the_rest(bench: Workbench) -> None:
    for ref in range(20):
        bench.order(f"o{ref}", "confirmed")
    under_way, go_on, stop = threading.Semaphore(0), threading.Event(), threading.Event()
    answer_at_once = bench.gett.send

    def slow(call: ApiCall) -> ApiResponse:
        under_way.release()
        assert go_on.wait(PATIENCE)
        return answer_at_once(call)

    bench.gett.send = slow  # type: ignore[method-assign]
    drain = threading.Thread(target=bench.pusher(threads=3).drain, args=(60, stop.is_set))
    drain.start()
    for _ in range(3):
        assert under_way.acquire(timeout=PATIENCE)
    stop.set()
    go_on.set()
    drain.join(PATIENCE)
    assert not drain.is_alive()
    assert bench.lanes.counts() == {"appended": 20, "sent": 3}
    assert set(bench.lanes.all_waiting().values()) == {"ready"}
    assert {bench.attempts(lane) for lane in bench.lanes.all_waiting()} == {0}


class OneSlow:
    """A Gett that holds the answer to one order's updates back until a test lets it go."""

    def __init__(self, bench: Workbench, order: str) -> None:
        self._address = f"orders/g-{order}/status"
        self._answer = bench.gett.send
        self.asked, self.go_on = threading.Event(), threading.Event()
        bench.gett.send = self.send  # type: ignore[method-assign]

    def send(self, call: ApiCall) -> ApiResponse:
        if call.url.endswith(self._address):
            self.asked.set()
            assert self.go_on.wait(PATIENCE)
        return self._answer(call)


def test_a_slow_answer_outlasts_its_slice_and_holds_nothing_else_up(bench: Workbench) -> None:
    gett, pusher = OneSlow(bench, "slow"), bench.pusher(threads=2)
    bench.order("slow", "confirmed")
    assert pusher.drain(600, wait=False) == 1  # although its answer has not come
    assert gett.asked.wait(PATIENCE)
    for ref in range(10):
        bench.order(f"o{ref}", "confirmed")
    bench.order("slow", "ready")  # must wait for its turn
    assert pusher.drain(600, wait=False) >= 1
    wait_until(lambda: bench.lanes.counts().get("sent") == 10, PATIENCE, "the other orders' updates to be sent")
    bench.order("o1", "cancelled")
    assert pusher.drain(600, wait=False) == 1
    wait_until(lambda: bench.lanes.counts()["sent"] == 11, PATIENCE, "the cancellation to be sent")
    assert bench.lanes.all_waiting() == {"order:slow": "delayed"}
    gett.go_on.set()
    pusher.finish()
    assert bench.lanes.counts()["sent"] == 12
    assert pusher.drain(600) == 1
    assert bench.told()[-2:] == ["confirmed", "ready"]
    assert bench.lanes.all_waiting() == {}


def test_after_a_slow_answer_all_threads_are_free_again(bench: Workbench) -> None:
    gett, pusher, threads = OneSlow(bench, "slow"), bench.pusher(threads=3), 3
    bench.order("slow", "confirmed")
    for _ in range(5):
        assert pusher.drain(600, wait=False) <= 1
    gett.go_on.set()
    pusher.finish()
    answer, all_at_once = bench.gett.send, threading.Barrier(threads)

    def together(call: ApiCall) -> ApiResponse:
        all_at_once.wait(PATIENCE)
        return answer(call)

    bench.gett.send = together  # type: ignore[method-assign]
    for ref in range(threads):
        bench.order(f"o{ref}", "confirmed")
    assert pusher.drain(600) == threads
    assert bench.lanes.counts()["sent"] == threads + 1


def test_behind_a_closed_gate_a_drain_waits_its_time_out_and_is_stopped_at_once(bench: Workbench) -> None:
    bench.gate.record_rate_limited(3600)
    bench.order("1", "confirmed")
    stop = threading.Event()
    drain = threading.Thread(target=bench.pusher().drain, args=(600, stop.is_set))
    drain.start()
    wait_until(lambda: not bench.redis.exists(bench.keys.notified), message="the drain to begin")
    assert drain.is_alive()
    stop.set()
    drain.join(PATIENCE)
    assert not drain.is_alive()
    assert bench.gett.sent == []


def test_an_outcome_that_cannot_be_recorded_is_sent_again_when_the_lease_lapses(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.order("1", "confirmed")

    def gone(*_: object, **__: object) -> bool:
        raise redis.ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(bench.lanes, "acknowledge", gone)
        assert bench.pusher().drain(60) == 1
    assert bench.lanes.counts() == {"appended": 1}
    bench.due(LANE)
    bench.push()
    assert bench.told() == ["confirmed", "confirmed"]
    assert bench.lanes.counts() == {"appended": 1, "sent": 1}


def test_a_lease_outlasts_every_timeout_of_a_call() -> None:
    assert lease_seconds(3.05, 10.0) > 3.05 + 10.0 + 2 * 2.0  # and Redis may take its time-out twice
    assert lease_seconds(0.1, 0.1) > 4.0
