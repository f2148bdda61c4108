"""POS calls: capped, bound to a deadline, kept from failing stores, and never lost when late."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from webhook_kit.errors import CircuitOpen, ConcurrencyLimit, NotPlaced, PosTimeout, Unsupported
from webhook_kit.pos import executor as module
from webhook_kit.pos.executor import PosCall, PosExecutor
from webhook_kit.pos.session import current_session
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE, wait_until

A, B = "a", "b"


def make(**changes: Any) -> PosExecutor:
    return PosExecutor(
        Settings(
            **{"pos_max_calls": 3, "pos_max_calls_per_store": 2, "pos_deadline": 60, "webhook_deadline": 60} | changes
        )
    )


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hanging calls hang on; opened at the end at the latest."""
    gate = threading.Event()
    yield gate
    gate.set()


def hang(calls: PosExecutor, store_id: str, gate: threading.Event, deadline: float = 60) -> PosCall[bool]:
    def body(call: PosCall[bool]) -> None:
        call.finish(gate.wait(PATIENCE))

    return calls.start(store_id, body, deadline=deadline)


def idle(calls: PosExecutor) -> bool:
    return calls.in_flight() == {}


def fail(calls: PosExecutor, store_id: str = A, error: Callable[[], BaseException] = RuntimeError) -> None:
    def call() -> None:
        raise error()

    with pytest.raises(Exception):  # noqa: B017 - which one is another test's business
        calls.run(store_id, call)


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let breakers believe that time has passed."""
    real, passed = time.monotonic, [0.0]

    class Clock:
        monotonic = staticmethod(lambda: real() + passed[0])

    monkeypatch.setattr(module, "time", Clock)

    def add(seconds: float) -> None:
        passed[0] += seconds

    return add


def test_the_result_comes_back_and_so_does_whatever_is_raised() -> None:
    calls = make()
    assert calls.run(A, lambda: 42) == 42
    error = NotPlaced("no connection")

    def raising() -> None:
        raise error

    with pytest.raises(NotPlaced) as caught:
        calls.run(A, raising)
    assert caught.value is error


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_would_end_a_thread_or_process_reaches_who_waits_as_a_failure(raised: type[BaseException]) -> None:
    calls = make()

    def raising() -> None:
        raise raised

    with pytest.raises(RuntimeError, match=raised.__name__):
        calls.run(A, raising)
    assert calls.run(A, lambda: "next") == "next"


def test_a_store_has_its_cap_and_the_process_too(gate: threading.Event) -> None:
    calls = make()
    hanging = [hang(calls, A, gate), hang(calls, A, gate)]
    assert calls.in_flight() == {"a": 2}
    with pytest.raises(ConcurrencyLimit, match="store a") as busy:
        calls.run(A, lambda: None)
    assert busy.value.retry_after > 0
    hanging.append(hang(calls, B, gate))
    with pytest.raises(ConcurrencyLimit, match="too many POS calls are in flight"):
        calls.run(B, lambda: None)
    gate.set()
    assert all(call.wait(PATIENCE) for call in hanging)
    wait_until(lambda: calls.in_flight() == {})
    assert calls.run(A, lambda: "again") == "again"


def test_a_hung_store_does_not_starve_the_others(gate: threading.Event) -> None:
    calls = make()
    for _ in range(2):
        hang(calls, A, gate)
    assert calls.run(B, lambda: "served") == "served"


def test_who_waits_is_told_in_time_and_the_late_answer_still_counts_as_in_flight(gate: threading.Event) -> None:
    calls = make()
    with pytest.raises(PosTimeout):
        calls.run(A, lambda: gate.wait(PATIENCE), deadline=0.1)
    assert calls.in_flight() == {"a": 1}
    gate.set()
    wait_until(lambda: calls.in_flight() == {})


def test_a_late_answer_is_not_lost(gate: threading.Event) -> None:
    recorded: list[str] = []

    def body(call: PosCall[str]) -> None:
        gate.wait(PATIENCE)
        recorded.append("ticket")
        call.finish("ticket")

    call = make().start(A, body, deadline=0.05)
    with pytest.raises(PosTimeout):
        call.wait(0.05)
    assert recorded == []
    gate.set()
    assert call.wait(PATIENCE) == "ticket"


def test_what_a_body_does_after_its_answer_keeps_nobody_waiting(gate: threading.Event) -> None:
    def body(call: PosCall[str]) -> None:
        call.finish("ticket")
        gate.wait(PATIENCE)

    calls = make()
    assert calls.start(A, body, deadline=60).wait(PATIENCE) == "ticket"
    assert calls.in_flight() == {"a": 1}


def test_without_time_left_nothing_is_called_and_the_pos_is_not_blamed() -> None:
    calls, called = make(pos_breaker_failures=1), []
    for deadline in (0.0, -1.0):
        with pytest.raises(PosTimeout, match="no time was left"):
            calls.run(A, lambda: called.append(1), deadline=deadline)
    assert called == []
    assert calls.run(A, lambda: "closed breaker") == "closed breaker"


def test_a_call_never_gets_more_than_the_settings_deadline() -> None:
    calls = make(pos_deadline=50)
    left = calls.run(A, lambda: (current_session().deadline or 0) - time.monotonic(), deadline=1000)
    assert 40 < left <= 50
    assert calls.run(A, lambda: (current_session().deadline or 0) - time.monotonic(), deadline=40) <= 40


# -- the breaker -------------------------------------------------------------------------------------------------------


def test_failures_in_a_row_open_the_breaker_of_their_store_alone(shift: Callable[[float], None]) -> None:
    calls = make(pos_breaker_failures=3, pos_breaker_seconds=600)
    fail(calls)
    fail(calls)
    calls.run(A, lambda: "a success in between starts the count anew")
    for _ in range(3):
        fail(calls)
    with pytest.raises(CircuitOpen) as broken:
        calls.run(A, lambda: pytest.fail("called"))
    assert 500 < broken.value.retry_after <= 600
    assert calls.run(B, lambda: "served") == "served"
    assert calls.in_flight() == {}


def test_after_its_pause_one_call_probes_and_decides_for_all(
    gate: threading.Event, shift: Callable[[float], None]
) -> None:
    calls = make(pos_breaker_failures=1, pos_breaker_seconds=600)
    fail(calls)
    shift(600.1)
    fail(calls)  # the probe is let through, and fails
    with pytest.raises(CircuitOpen):
        calls.run(A, lambda: None)
    shift(600.1)
    probe = hang(calls, A, gate)
    with pytest.raises(CircuitOpen):
        calls.run(A, lambda: None)
    gate.set()
    assert probe.wait(PATIENCE)
    wait_until(lambda: calls.in_flight() == {})
    assert calls.run(A, lambda: "closed") == "closed"


def test_an_answer_after_the_deadline_is_a_failure_and_work_after_an_answer_is_none(
    shift: Callable[[float], None],
) -> None:
    def late(call: PosCall[None]) -> None:
        shift(61)
        call.finish(None)

    def busy_afterwards(call: PosCall[None]) -> None:
        call.finish(None)
        shift(61)

    for body, works in ((busy_afterwards, True), (late, False)):
        calls = make(pos_breaker_failures=1, pos_breaker_seconds=1000)
        calls.start(A, body, deadline=60).wait(PATIENCE)
        wait_until(partial(idle, calls))
        if works:
            assert calls.run(A, lambda: "closed") == "closed"
        else:
            with pytest.raises(CircuitOpen):
                calls.run(A, lambda: None)


def test_what_an_adapter_does_not_offer_is_no_failure_of_its_pos() -> None:
    calls = make(pos_breaker_failures=1)
    for _ in range(3):
        fail(calls, error=lambda: Unsupported("quote"))
    assert calls.run(A, lambda: "closed") == "closed"


# -- threads -----------------------------------------------------------------------------------------------------------


def test_threads_are_kept_for_the_next_call() -> None:
    calls = make()
    used = set()
    for _ in range(10):
        used.add(calls.run(A, threading.get_ident))
        wait_until(lambda: calls.in_flight() == {})
    assert len(used) <= 3


def test_many_callers_at_once_all_get_their_own_answer() -> None:
    calls = make(pos_max_calls=64, pos_max_calls_per_store=64)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: calls.run(A, lambda: n), range(200))) == list(range(200))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_makes_calls_of_its_own() -> None:
    calls = make()
    calls.run(A, lambda: None)
    child = os.fork()
    if child == 0:
        try:
            os._exit(calls.run(A, lambda: 7))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
