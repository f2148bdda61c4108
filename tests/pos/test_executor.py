"""Execution of POS calls: concurrency limits, deadlines, circuit breakers, and results after the deadline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from webhook_kit.errors import CircuitOpen, ConcurrencyLimit, NotPlaced, PosTimeout, Unsupported
from webhook_kit.pos import executor as module
from webhook_kit.pos.executor import PosCall, PosExecutor
from webhook_kit.pos.session import current_session
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE, wait_until

A, B = "a", "b"


def make_executor(**changes: Any) -> PosExecutor:
    return PosExecutor(
        Settings(
            **{"pos_max_calls": 3, "pos_max_calls_per_store": 2, "pos_deadline": 60, "webhook_deadline": 60} | changes
        )
    )


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Event that hanging calls wait for; set at the end of the test at the latest."""
    release = threading.Event()
    yield release
    release.set()


def hang(executor: PosExecutor, store_id: str, release: threading.Event, deadline: float = 60) -> PosCall[bool]:
    def body(call: PosCall[bool]) -> None:
        call.finish(release.wait(PATIENCE))

    return executor.start(store_id, "quote", body, deadline=deadline)


def idle(executor: PosExecutor) -> bool:
    return executor.in_flight() == {}


def fail(executor: PosExecutor, store_id: str = A, error: Callable[[], BaseException] = RuntimeError) -> None:
    def call() -> None:
        raise error()

    with pytest.raises(Exception):  # noqa: B017 - other tests check the type
        executor.run(store_id, "quote", call)


@pytest.fixture
def advance_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advance the clock of the circuit breakers."""
    real, added = time.monotonic, [0.0]

    class Clock:
        monotonic = staticmethod(lambda: real() + added[0])

    monkeypatch.setattr(module, "time", Clock)

    def add(seconds: float) -> None:
        added[0] += seconds

    return add


def test_run_returns_the_result_or_raises_the_exception_of_the_call() -> None:
    executor = make_executor()
    assert executor.run(A, "quote", lambda: 42) == 42
    error = NotPlaced("no connection")

    def raising() -> None:
        raise error

    with pytest.raises(NotPlaced) as caught:
        executor.run(A, "quote", raising)
    assert caught.value is error


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_exception_that_would_end_the_process_becomes_a_runtime_error(raised: type[BaseException]) -> None:
    executor = make_executor()

    def raising() -> None:
        raise raised

    with pytest.raises(RuntimeError, match=raised.__name__):
        executor.run(A, "quote", raising)
    assert executor.run(A, "quote", lambda: "next") == "next"


def test_calls_are_limited_per_store_and_per_process(release: threading.Event) -> None:
    executor = make_executor()
    hanging = [hang(executor, A, release), hang(executor, A, release)]
    assert executor.in_flight() == {"a": 2}
    with pytest.raises(ConcurrencyLimit, match="store a") as caught:
        executor.run(A, "quote", lambda: None)
    assert caught.value.retry_after > 0
    hanging.append(hang(executor, B, release))
    with pytest.raises(ConcurrencyLimit, match="too many POS calls are in flight"):
        executor.run(B, "quote", lambda: None)
    release.set()
    assert all(call.wait(PATIENCE) for call in hanging)
    wait_until(lambda: executor.in_flight() == {})
    assert executor.run(A, "quote", lambda: "again") == "again"


def test_hanging_store_does_not_block_other_stores(release: threading.Event) -> None:
    executor = make_executor()
    for _ in range(2):
        hang(executor, A, release)
    assert executor.run(B, "quote", lambda: "served") == "served"


def test_call_beyond_its_deadline_still_counts_as_in_flight(release: threading.Event) -> None:
    executor = make_executor()
    with pytest.raises(PosTimeout):
        executor.run(A, "quote", lambda: release.wait(PATIENCE), deadline=0.1)
    assert executor.in_flight() == {"a": 1}
    release.set()
    wait_until(lambda: executor.in_flight() == {})


def test_deadline_and_open_breaker_are_errors_in_the_log_with_the_store(
    release: threading.Event, events: list[MutableMapping[str, Any]]
) -> None:
    executor = make_executor(pos_breaker_failures=1)
    with pytest.raises(PosTimeout):
        executor.run(A, "quote", lambda: release.wait(PATIENCE), deadline=0.1)
    release.set()
    wait_until(lambda: executor.in_flight() == {})
    assert [(event["log_level"], event["event"], event["store"]) for event in events] == [
        ("error", "pos_deadline_exceeded", A),
        ("error", "pos_circuit_opened", A),
    ]


def test_result_after_the_deadline_is_not_lost(release: threading.Event) -> None:
    recorded: list[str] = []

    def body(call: PosCall[str]) -> None:
        release.wait(PATIENCE)
        recorded.append("ticket")
        call.finish("ticket")

    call = make_executor().start(A, "quote", body, deadline=0.05)
    with pytest.raises(PosTimeout):
        call.wait(0.05)
    assert recorded == []
    release.set()
    assert call.wait(PATIENCE) == "ticket"


def test_caller_does_not_wait_for_work_after_the_result(release: threading.Event) -> None:
    def body(call: PosCall[str]) -> None:
        call.finish("ticket")
        release.wait(PATIENCE)

    executor = make_executor()
    assert executor.start(A, "quote", body, deadline=60).wait(PATIENCE) == "ticket"
    assert executor.in_flight() == {"a": 1}


def test_run_without_remaining_time_calls_nothing_and_is_not_a_failure_of_the_pos() -> None:
    executor, called = make_executor(pos_breaker_failures=1), []
    for deadline in (0.0, -1.0):
        with pytest.raises(PosTimeout, match="no time was left"):
            executor.run(A, "quote", lambda: called.append(1), deadline=deadline)
    assert called == []
    assert executor.run(A, "quote", lambda: "closed breaker") == "closed breaker"


def test_deadline_of_a_call_is_limited_by_the_setting() -> None:
    executor = make_executor(pos_deadline=50)
    remaining = executor.run(A, "quote", lambda: (current_session().deadline or 0) - time.monotonic(), deadline=1000)
    assert 40 < remaining <= 50
    assert executor.run(A, "quote", lambda: (current_session().deadline or 0) - time.monotonic(), deadline=40) <= 40


# -- circuit breaker ---------------------------------------------------------------------------------------------------


def test_failures_in_a_row_open_the_circuit_breaker_of_their_store_alone(
    advance_clock: Callable[[float], None],
) -> None:
    executor = make_executor(pos_breaker_failures=3, pos_breaker_seconds=600)
    fail(executor)
    fail(executor)
    executor.run(A, "quote", lambda: "a success resets the count")
    for _ in range(3):
        fail(executor)
    with pytest.raises(CircuitOpen, match=r"store a; retry in \d+ s") as caught:
        executor.run(A, "quote", lambda: pytest.fail("called"))
    assert 500 < caught.value.retry_after <= 600
    assert executor.run(B, "quote", lambda: "served") == "served"
    wait_until(lambda: idle(executor))


def test_call_is_not_in_flight_anymore_when_its_caller_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = PosExecutor._leave

    def leave_slowly(executor: PosExecutor, store_id: str) -> None:
        time.sleep(0.2)
        real(executor, store_id)

    monkeypatch.setattr(PosExecutor, "_leave", leave_slowly)
    executor = make_executor(pos_max_calls_per_store=1)
    assert executor.run(A, "quote", lambda: 42) == 42
    assert idle(executor)
    fail(executor)
    assert idle(executor)


def test_open_circuit_breaker_lets_one_probe_through_after_its_time(
    release: threading.Event, advance_clock: Callable[[float], None]
) -> None:
    executor = make_executor(pos_breaker_failures=1, pos_breaker_seconds=600)
    fail(executor)
    advance_clock(600.1)
    fail(executor)  # the probe is let through, and fails
    with pytest.raises(CircuitOpen):
        executor.run(A, "quote", lambda: None)
    advance_clock(600.1)
    probe = hang(executor, A, release)
    with pytest.raises(CircuitOpen):
        executor.run(A, "quote", lambda: None)
    release.set()
    assert probe.wait(PATIENCE)
    wait_until(lambda: executor.in_flight() == {})
    assert executor.run(A, "quote", lambda: "closed") == "closed"


def test_result_after_the_deadline_is_a_failure_but_work_after_a_result_is_not(
    advance_clock: Callable[[float], None],
) -> None:
    def late(call: PosCall[None]) -> None:
        advance_clock(61)
        call.finish(None)

    def long_work_after_the_result(call: PosCall[None]) -> None:
        call.finish(None)
        advance_clock(61)

    for body, works in ((long_work_after_the_result, True), (late, False)):
        executor = make_executor(pos_breaker_failures=1, pos_breaker_seconds=1000)
        executor.start(A, "quote", body, deadline=60).wait(PATIENCE)
        wait_until(partial(idle, executor))
        if works:
            assert executor.run(A, "quote", lambda: "closed") == "closed"
        else:
            with pytest.raises(CircuitOpen):
                executor.run(A, "quote", lambda: None)


def test_a_thread_that_begins_late_does_not_make_a_late_result_a_success(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = make_executor(pos_breaker_failures=1)
    submit, begin = executor._pool.submit, threading.Event()

    def submit_late(job: Callable[[], None]) -> None:
        def late() -> None:
            begin.wait(PATIENCE)
            job()

        submit(late)

    monkeypatch.setattr(executor._pool, "submit", submit_late)
    with pytest.raises(PosTimeout):
        executor.run(A, "quote", lambda: 1, deadline=0.05)
    begin.set()
    wait_until(lambda: executor.in_flight() == {})
    with pytest.raises(CircuitOpen):
        executor.run(A, "quote", lambda: 1)


def test_unsupported_method_is_not_a_failure_of_the_pos() -> None:
    executor = make_executor(pos_breaker_failures=1)
    for _ in range(3):
        fail(executor, error=lambda: Unsupported("quote"))
    assert executor.run(A, "quote", lambda: "closed") == "closed"


# -- threads -----------------------------------------------------------------------------------------------------------


def test_threads_are_reused() -> None:
    executor = make_executor()
    used = set()
    for _ in range(10):
        used.add(executor.run(A, "quote", threading.get_ident))
        wait_until(lambda: executor.in_flight() == {})
    assert len(used) <= 3


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.01)
    executor = make_executor()
    used = executor.run(A, "quote", threading.current_thread)
    wait_until(lambda: not used.is_alive())
    assert executor.run(A, "quote", threading.current_thread) is not used


def test_call_that_comes_when_its_thread_is_about_to_end_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    class TooLate(SimpleQueue[Any]):
        """Queue on which a thread does not see a job that comes at the end of its patience."""

        misses = 0

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            job = super().get(timeout=PATIENCE)
            if callable(job) and TooLate.misses:
                TooLate.misses -= 1
                self.put(job)
                raise Empty
            return job

    monkeypatch.setattr(module, "SimpleQueue", TooLate)
    executor = make_executor()
    executor.run(A, "quote", lambda: 1)
    for number in range(5):
        wait_until(lambda: executor._pool._idle == 1)
        TooLate.misses = 1
        assert executor.run(A, "quote", lambda n=number: n) == number  # type: ignore[misc]


def test_concurrent_callers_each_get_their_own_result() -> None:
    executor = make_executor(pos_max_calls=64, pos_max_calls_per_store=64)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: executor.run(A, "quote", lambda: n), range(200))) == list(range(200))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_process_can_make_calls() -> None:
    executor = make_executor()
    executor.run(A, "quote", lambda: None)
    child = os.fork()
    if child == 0:
        try:
            os._exit(executor.run(A, "quote", lambda: 7))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_catalog_has_a_deadline_of_its_own(release: threading.Event) -> None:
    executor = make_executor(pos_deadline=0.05, catalog_deadline=PATIENCE)
    timer = threading.Timer(0.3, release.set)
    timer.start()
    assert executor.fetch_catalog(A, lambda: release.wait(PATIENCE))
    timer.join()
    release.clear()
    executor = make_executor(catalog_deadline=0.05)
    with pytest.raises(PosTimeout):
        executor.fetch_catalog(A, lambda: release.wait(PATIENCE))


def test_call_for_which_no_thread_can_be_started_is_not_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    executor = make_executor()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(5):
            with pytest.raises(ConcurrencyLimit, match="no thread can be started"):
                executor.run(A, "quote", lambda: 1)
    assert idle(executor)
    assert executor.run(A, "quote", lambda: 1) == 1
