"""Execution of POS calls: in threads, with a concurrency limit, a deadline, and a circuit breaker per store.

A thread cannot be stopped from outside. A call that exceeds its deadline continues, still counts as in flight, and may still
return a result. Its caller gets a :class:`~webhook_kit.errors.PosTimeout` at the deadline.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast

from webhook_kit.errors import CircuitOpen, ConcurrencyLimit, PosTimeout, Unsupported
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import POS_CALLS, POS_CALLS_REJECTED
from webhook_kit.pos.session import call_deadline
from webhook_kit.settings import Settings
from webhook_kit.tracing import current_traceparent, span

__all__ = ["PosCall", "PosExecutor"]

log = logger("pos")

_Result = TypeVar("_Result")


class PosCall(Generic[_Result]):
    """POS call that is in flight or has ended."""

    def __init__(self) -> None:
        self._outcome: SimpleQueue[tuple[_Result | None, Exception | None]] = SimpleQueue()
        self.ended: float | None = None

    def wait(self, seconds: float) -> _Result:
        """Return the result of the call, or raise its exception. May be called once.

        :raises PosTimeout: the call has not ended within these seconds; it continues.
        """
        try:
            result, error = self._outcome.get(timeout=max(seconds, 0))
        except Empty:
            raise PosTimeout(f"the POS did not answer within {seconds:.0f} s", retry_after=30) from None
        if error is not None:
            raise error
        return cast(_Result, result)

    def finish(self, result: _Result) -> None:
        """End the call with a result."""
        self._end(result, None)

    def fail(self, error: BaseException) -> None:
        """End the call with an exception."""
        if not isinstance(error, Exception):
            # A SystemExit of a vendor's code must end this request only, not the process.
            error = RuntimeError(f"the adapter raised {type(error).__name__}")
        self._end(None, error)

    def _end(self, result: _Result | None, error: Exception | None) -> None:
        if self.ended is None:  # a call ends once; a later result or exception is ignored
            self.ended = time.monotonic()
            self._outcome.put((result, error))


class PosExecutor:
    """Executes the POS calls of this process."""

    def __init__(
        self, settings: Settings, on_circuit: Callable[[str, float], object] = lambda _store, _open: None
    ) -> None:
        """:param on_circuit: called with a store's id and the seconds for which its circuit breaker stays open; 0: it closed."""
        self._on_circuit = on_circuit
        self._deadline = settings.pos_deadline
        self._catalog_deadline = settings.catalog_deadline
        self._limit = settings.pos_max_calls
        self._store_limit = settings.pos_max_calls_per_store
        self._breaker_failures = settings.pos_breaker_failures
        self._breaker_seconds = settings.pos_breaker_seconds
        self._lock = threading.Lock()
        self._in_flight: dict[str, int] = {}
        self._breakers: dict[str, _CircuitBreaker] = {}
        self._pool = _Pool()

    def limit_stores_only(self) -> None:
        """Limit the calls of each store, but not their sum. In a worker one store must not use up the calls of all others."""
        self._limit = sys.maxsize

    def run(self, store_id: str, method: str, call: Callable[[], _Result], *, deadline: float | None = None) -> _Result:
        """Call the POS and return its result. Exceptions of the call are passed on.

        :param method: the adapter's method, for the metrics.
        :param deadline: seconds to wait, at most ``POS_DEADLINE``; None: ``POS_DEADLINE``.
        :raises PosUnavailable: no call can be made or waited for now.
        """
        seconds = self._deadline if deadline is None else min(deadline, self._deadline)
        return self._run(store_id, method, call, seconds)

    def fetch_catalog(self, store_id: str, call: Callable[[], _Result]) -> _Result:
        """Fetch a catalog from the POS as :meth:`run` does, but within ``CATALOG_DEADLINE``: nobody waits for its result.

        :raises PosUnavailable: no call can be made or waited for now.
        """
        return self._run(store_id, "fetch_catalog", call, self._catalog_deadline)

    def _run(self, store_id: str, method: str, call: Callable[[], _Result], seconds: float) -> _Result:
        if seconds <= 0:  # the time was used up before the call, which is not a failure of the POS
            raise PosTimeout("no time was left to call the POS", retry_after=5)

        started: PosCall[_Result] = self.start(store_id, method, lambda _: call(), deadline=seconds)
        try:
            return started.wait(seconds)
        except PosTimeout:
            if started.ended is None:  # otherwise the vendor's code raised it
                log.error("pos_deadline_exceeded", store=store_id, seconds=round(seconds, 1))  # noqa: TRY400
            raise

    def start(
        self, store_id: str, method: str, body: Callable[[PosCall[_Result]], _Result | None], *, deadline: float
    ) -> PosCall[_Result]:
        """Start a call in a separate thread.

        :param method: the adapter's method, for the metrics.
        :param body: makes the call and returns its result. It may end the :class:`PosCall` that it gets before it returns:
            work that it does afterwards still counts as in flight, but its caller does not wait for it.
        :raises ConcurrencyLimit: too many calls are in flight.
        :raises CircuitOpen: the circuit breaker of the store is open.
        """
        try:
            breaker = self._enter(store_id)
        except (CircuitOpen, ConcurrencyLimit) as error:
            POS_CALLS_REJECTED.count("circuit_open" if isinstance(error, CircuitOpen) else "concurrency_limit")
            raise
        call: PosCall[_Result] = PosCall()
        parent, started = current_traceparent(), time.monotonic()  # not in the thread, which may begin late
        try:
            self._pool.submit(lambda: self._work(store_id, method, breaker, call, body, started, deadline, parent))
        except RuntimeError as error:  # the system allows no further thread
            self._leave(store_id)
            raise ConcurrencyLimit(f"no thread can be started for a POS call: {error}", retry_after=2) from error
        return call

    def in_flight(self) -> dict[str, int]:
        """Return the number of calls in flight, by store id."""
        with self._lock:
            return dict(self._in_flight)

    def _work(
        self,
        store_id: str,
        method: str,
        breaker: _CircuitBreaker,
        call: PosCall[_Result],
        body: Callable[[PosCall[_Result]], _Result | None],
        started: float,
        deadline: float,
        parent: str | None,
    ) -> None:
        result: _Result | None = None
        failure: BaseException | None = None
        try:
            with span(f"pos {method}", "client", parent=parent) as traced, call_deadline(deadline):
                traced.set(store=store_id)
                result = body(call)
        except BaseException as error:  # noqa: BLE001 - a vendor's code may raise anything; the caller gets it
            failure = error
        # Unsupported is about the adapter, not about the POS. A result after the deadline counts as a failure: its caller did
        # not get it.
        failed = failure is not None and not isinstance(failure, Unsupported)
        duration = (call.ended or time.monotonic()) - started
        opened_for = breaker.record(failed=failed or duration > deadline)
        self._leave(store_id)
        POS_CALLS.observe(duration, method, _outcome(failure, late=duration > deadline))
        # Last, so that the caller's next call does not find this one in flight.
        if failure is not None:
            call.fail(failure)
        else:
            call.finish(cast(_Result, result))
        if opened_for is not None:  # nobody waits for this
            self._on_circuit(store_id, opened_for)

    def _enter(self, store_id: str) -> _CircuitBreaker:
        with self._lock:
            breaker = self._breakers.setdefault(
                store_id, _CircuitBreaker(store_id, self._breaker_failures, self._breaker_seconds)
            )
            of_store = self._in_flight.get(store_id, 0)
            if sum(self._in_flight.values()) >= self._limit:
                raise ConcurrencyLimit(
                    f"too many POS calls are in flight (limit {self._limit}, POS_MAX_CALLS)", retry_after=2
                )
            if of_store >= self._store_limit:
                raise ConcurrencyLimit(
                    f"too many POS calls of store {store_id} are in flight (limit {self._store_limit}, POS_MAX_CALLS_PER_STORE)",
                    retry_after=2,
                )
            breaker.admit()
            self._in_flight[store_id] = of_store + 1
            return breaker

    def _leave(self, store_id: str) -> None:
        with self._lock:
            remaining = self._in_flight[store_id] - 1
            if remaining:
                self._in_flight[store_id] = remaining
            else:
                del self._in_flight[store_id]


def _outcome(failure: BaseException | None, *, late: bool) -> str:
    if isinstance(failure, Unsupported):
        return "unsupported"
    if failure is not None:
        return "failed"
    return "late" if late else "ok"


class _CircuitBreaker:
    """Circuit breaker of a store.

    It opens after a number of failures in a row, lets one call through after a number of seconds, and closes if that succeeds.
    """

    def __init__(self, store_id: str, failures: int, seconds: float) -> None:
        self._store_id = store_id
        self._limit = failures
        self._seconds = seconds
        self._failures = 0
        self._open_until = 0.0

    def admit(self) -> None:
        if self._failures < self._limit:
            return
        remaining = self._open_until - time.monotonic()
        if remaining > 0:
            raise CircuitOpen(
                f"circuit breaker open for store {self._store_id}; retry in {remaining:.0f} s", retry_after=remaining
            )
        # This call is the probe; other calls are rejected until it ends.
        self._open_until = time.monotonic() + self._seconds

    def record(self, *, failed: bool) -> float | None:
        """Record the end of a call; return the seconds for which the breaker is open now, 0 if it closed, None if nothing changed."""
        before = self._failures
        self._failures = before + 1 if failed else 0
        if failed:
            self._open_until = time.monotonic() + self._seconds
        if self._failures == self._limit:
            log.error("pos_circuit_opened", store=self._store_id, failures=self._failures, seconds=self._seconds)
        if self._failures >= self._limit:
            return self._seconds
        return 0.0 if before >= self._limit else None


_IDLE_SECONDS = 60


class _Pool:
    """Daemon threads that are reused, and end when idle. A thread that hangs must not keep the process from ending."""

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
            try:
                job = jobs.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._idle:  # otherwise a job that is being submitted counts on this thread
                        self._idle -= 1
                        return
                continue
            job()
            del job  # an idle thread must not keep the adapter's objects alive
            with self._lock:
                self._idle += 1
