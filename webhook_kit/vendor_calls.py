"""Calls of a vendor's code that may block: each in a thread of its own, with a deadline, and few at a time.

A thread cannot be stopped from outside. So a call that blocks holds its thread, but not the one of the request that waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["VendorCalls"]

_Result = TypeVar("_Result")


class VendorCalls:
    """Runs calls of one kind.

    :param name: name of the threads.
    :param limit: calls at the same time at most.
    """

    def __init__(self, name: str, *, limit: int = 16) -> None:
        self._name = name
        self._limit = limit
        self._free = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._overdue = 0

    def run(self, call: Callable[[], _Result], *, seconds: float) -> _Result:
        """Return the result of a call. Its exceptions are passed on.

        :raises TimeoutError: it does not end within these seconds; or so many earlier calls still block that none can begin.
        """
        end = time.monotonic() + seconds
        if self._overdue >= self._limit or not self._free.acquire(timeout=seconds):
            raise TimeoutError(f"{self._name}: {self._limit} earlier calls have not ended")
        future: Future[_Result] = Future()
        threading.Thread(target=self._work, args=(call, future), name=self._name, daemon=True).start()
        try:
            return future.result(max(0.0, end - time.monotonic()))
        except TimeoutError:
            with self._lock:
                overdue = not future.done()
                self._overdue += overdue
            if overdue:
                future.add_done_callback(self._end_overdue)
                raise TimeoutError(f"{self._name}: no result within {seconds:g} s") from None
        return future.result()

    def _work(self, call: Callable[[], _Result], future: Future[_Result]) -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - a vendor's code may raise anything; the caller gets it
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._free.release()

    def _end_overdue(self, _: Future[_Result]) -> None:
        with self._lock:
            self._overdue -= 1
