"""Queue of reports: a reporter that is slow, hangs or fails neither delays an order nor breaks it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from queue import Full, Queue

from webhook_kit.logs import logger
from webhook_kit.printing import printable

__all__ = ["CONTEXT", "ErrorReporter", "ErrorReports", "context_of"]

log = logger("error_reports")

ErrorReporter = Callable[[BaseException, dict[str, str]], object]
"""Function that is called with an exception and its context: ``component``, ``event``, and fields of :data:`CONTEXT`."""

CONTEXT = frozenset({"adapter", "call", "job", "kind", "lane", "order", "store", "task", "update"})
"""Fields of a log line that a reporter gets: ids and names. Everything else stays in the log."""

_LONGEST = 200
"""Characters of a value at most."""

_QUEUE = 100
"""Reports that wait at most; further ones are dropped."""

_FLUSH = 2.0
"""Seconds that the end of the process waits for reports."""


class ErrorReports:
    """Passes exceptions to reporters, in a thread of its own.

    :param reporters: called one after the other; what one of them raises is logged once, and the others are called all the same.
    """

    def __init__(self, reporters: Iterable[ErrorReporter]) -> None:
        self._reporters = tuple(reporters)
        self._failed: set[int] = set()
        self._after_fork()
        os.register_at_fork(after_in_child=self._after_fork)
        atexit.register(self.flush)

    def _after_fork(self) -> None:
        """Begin without a thread, and without the reports of the parent."""
        self._queue: Queue[tuple[BaseException, dict[str, str]]] = Queue(_QUEUE)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropping = False

    def submit(self, error: BaseException, event: Mapping[str, object]) -> None:
        """Report an exception soon. Nothing is raised, and nobody waits.

        :param event: the log line.
        """
        if threading.current_thread() is self._thread:  # a reporter that logs its own failures would never end
            return
        try:
            self._queue.put_nowait((error, context_of(event)))
        except Full:
            if not self._dropping:
                self._dropping = True
                log.error("error_reports_dropped", why="the reporter is too slow", waiting=_QUEUE)  # noqa: TRY400
            return
        self._dropping = False
        self._require_thread()

    def flush(self) -> None:
        """Wait for the reports that were submitted, for a short time."""
        end = time.monotonic() + _FLUSH
        while self._queue.unfinished_tasks and self._thread is not None and time.monotonic() < end:
            time.sleep(0.01)

    def _require_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="error-reports", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the process is ending, or the system allows no further thread
                    self._thread = None

    def _run(self) -> None:
        while True:
            error, context = self._queue.get()
            for number, reporter in enumerate(self._reporters):
                self._report(number, reporter, error, context)
            del error  # its frames hold the variables of the call that failed
            self._queue.task_done()

    def _report(self, number: int, reporter: ErrorReporter, error: BaseException, context: dict[str, str]) -> None:
        try:
            reporter(error, dict(context))
        except BaseException as failure:  # noqa: BLE001 - a vendor's code may raise anything
            if number not in self._failed:
                self._failed.add(number)
                log.error("error_report_failed", error=type(failure).__name__, reported=context.get("event"))  # noqa: TRY400
        else:
            self._failed.discard(number)


def context_of(event: Mapping[str, object]) -> dict[str, str]:
    """Return what a reporter gets of a log line."""
    context = {"component": event.get("logger"), "event": event.get("event")}
    context |= {name: value for name, value in event.items() if name in CONTEXT}
    return {name: printable(str(value))[:_LONGEST] for name, value in context.items() if isinstance(value, str | int)}
