"""Calls to POS systems: in threads of their own, capped, bound to a deadline, and kept from failing stores.

A thread cannot be stopped from outside, so a call that outlives its deadline goes on, keeps its place among the calls in
flight, and may still bring an answer. Whoever started it is told with :class:`~webhook_kit.errors.PosTimeout` in time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast

from webhook_kit.errors import CircuitOpen, ConcurrencyLimit, PosTimeout, Unsupported
from webhook_kit.pos.session import call_deadline
from webhook_kit.settings import Settings

__all__ = ["PosCall", "PosExecutor"]

T = TypeVar("T")


class PosCall(Generic[T]):
    """One POS call under way."""

    def __init__(self) -> None:
        self._said: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()
        self.ended: float | None = None

    def wait(self, seconds: float) -> T:
        """Its result, or the exception that it raised. To be called once.

        :raises PosTimeout: when it does not end within these seconds; it goes on.
        """
        try:
            result, failure = self._said.get(timeout=max(seconds, 0))
        except Empty:
            raise PosTimeout("the POS did not answer in time", retry_after=30) from None
        if failure is not None:
            raise failure
        return cast(T, result)

    def finish(self, result: T) -> None:
        """Hand over the result."""
        self._end(result, None)

    def fail(self, failure: BaseException) -> None:
        """Hand over the exception."""
        if not isinstance(failure, Exception):
            # A SystemExit of a vendor's code ends nobody's request but this one.
            failure = RuntimeError(f"the adapter raised {type(failure).__name__}")
        self._end(None, failure)

    def _end(self, result: T | None, failure: Exception | None) -> None:
        if self.ended is None:  # what comes after the end changes nothing
            self.ended = time.monotonic()
            self._said.put((result, failure))


class PosExecutor:
    """All POS calls of this process."""

    def __init__(self, settings: Settings) -> None:
        self._deadline = settings.pos_deadline
        self._limit = settings.pos_max_calls
        self._store_limit = settings.pos_max_calls_per_store
        self._breaker_failures = settings.pos_breaker_failures
        self._breaker_seconds = settings.pos_breaker_seconds
        self._lock = threading.Lock()
        self._in_flight: dict[str, int] = {}
        self._breakers: dict[str, _Breaker] = {}
        self._pool = _Pool()

    def run(self, store_id: str, call: Callable[[], T], *, deadline: float | None = None) -> T:
        """Call the POS and wait for its answer.

        :param deadline: seconds to wait; the setting's when None.
        :raises PosUnavailable: when no call can be made or waited for now; whatever the call raises passes through.
        """
        seconds = self._deadline if deadline is None else min(deadline, self._deadline)
        if seconds <= 0:  # the time was spent elsewhere: that is no failure of the POS
            raise PosTimeout("no time was left to call the POS", retry_after=5)

        def body(done: PosCall[T]) -> None:
            done.finish(call())

        return self.start(store_id, body, deadline=seconds).wait(seconds)

    def start(self, store_id: str, body: Callable[[PosCall[T]], None], *, deadline: float) -> PosCall[T]:
        """Start a call in a thread of its own.

        :param body: makes the call and hands its result to the :class:`PosCall` it is given; what it does after that keeps
            the call's place but nobody waiting.
        :raises PosBusy: too many in flight.
        :raises PosBroken: the store's breaker is open.
        """
        breaker = self._enter(store_id)
        call: PosCall[T] = PosCall()
        self._pool.submit(lambda: self._work(store_id, breaker, call, body, deadline))
        return call

    def in_flight(self) -> dict[str, int]:
        """How many calls run now, by store id."""
        with self._lock:
            return dict(self._in_flight)

    def _work(
        self, store_id: str, breaker: _Breaker, call: PosCall[T], body: Callable[[PosCall[T]], None], deadline: float
    ) -> None:
        started = time.monotonic()
        failed = False
        try:
            with call_deadline(deadline):
                body(call)
        except BaseException as failure:  # noqa: BLE001 - a vendor's code may raise anything; it belongs to who waits
            failed = not isinstance(failure, Unsupported)  # which says something of the adapter, not of the POS
            call.fail(failure)
        finally:
            # An answer after the deadline is a failure to whoever waited for it.
            ended = call.ended or time.monotonic()
            breaker.record(failed=failed or ended - started > deadline)
            self._leave(store_id)

    def _enter(self, store_id: str) -> _Breaker:
        with self._lock:
            breaker = self._breakers.setdefault(store_id, _Breaker(self._breaker_failures, self._breaker_seconds))
            here = self._in_flight.get(store_id, 0)
            if sum(self._in_flight.values()) >= self._limit:
                raise ConcurrencyLimit("too many POS calls are in flight", retry_after=2)
            if here >= self._store_limit:
                raise ConcurrencyLimit(f"too many POS calls of store {store_id} are in flight", retry_after=2)
            breaker.admit()
            self._in_flight[store_id] = here + 1
            return breaker

    def _leave(self, store_id: str) -> None:
        with self._lock:
            left = self._in_flight[store_id] - 1
            if left:
                self._in_flight[store_id] = left
            else:
                del self._in_flight[store_id]


class _Breaker:
    """Closed → open after so many failures in a row → one probe after so many seconds → closed again when it succeeds."""

    def __init__(self, failures: int, seconds: float) -> None:
        self._limit = failures
        self._seconds = seconds
        self._failures = 0
        self._open_until = 0.0

    def admit(self) -> None:
        if self._failures < self._limit:
            return
        left = self._open_until - time.monotonic()
        if left > 0:
            raise CircuitOpen("the store's POS keeps failing and is left alone for a while", retry_after=left)
        # This call is the probe; until it is back, others are turned away.
        self._open_until = time.monotonic() + self._seconds

    def record(self, *, failed: bool) -> None:
        self._failures = self._failures + 1 if failed else 0
        if failed:
            self._open_until = time.monotonic() + self._seconds


class _Pool:
    """Daemon threads that are kept for the next call; a hung one must not keep the process from ending."""

    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = 0

    def submit(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._pid != os.getpid():  # threads do not survive a fork
                self._pid, self._jobs, self._idle = os.getpid(), SimpleQueue(), 0
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._serve, args=(self._jobs,), name="pos-call", daemon=True).start()
            self._jobs.put(job)

    def _serve(self, jobs: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            jobs.get()()
            with self._lock:
                self._idle += 1
