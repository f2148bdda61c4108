"""Threads that handle requests, and the bounded number of requests that wait for one.

Without a bound, requests that come faster than they are answered wait longer and longer, until nobody waits for their answers any
more: the server would work, and place orders, for callers that have gone. So a request waits for a few seconds at most.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from webhook_kit.logs import logger

__all__ = ["MAX_WAIT", "RequestThreads"]

log = logger("server")

MAX_WAIT = 5.0
"""Seconds for which a request waits for a thread at most."""

_WAITING_PER_THREAD = 4
"""Requests that may wait for each thread: enough for a burst, and few enough to be handled in time."""


class RequestThreads:
    """A fixed number of threads that share a queue.

    :param name: beginning of the threads' names.
    """

    def __init__(self, name: str, number: int) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._pending = 0
        self._most_pending = number * (1 + _WAITING_PER_THREAD)
        for each in range(number):
            threading.Thread(target=self._serve, name=f"{name}-{each + 1}", daemon=True).start()

    async def run(self, handle: Callable[[], None]) -> bool:
        """Call a function in a thread, and wait for its end.

        :return: False if no thread is free in time. The function is not called then.
        """
        if self._pending >= self._most_pending:
            return False
        loop = asyncio.get_running_loop()
        job = _Job(handle, loop)
        self._pending += 1
        self._jobs.put(job)
        in_time = loop.call_later(MAX_WAIT, job.give_up)
        try:
            return await job.handled
        finally:
            in_time.cancel()
            self._pending -= 1

    def _serve(self) -> None:
        while True:
            try:
                self._jobs.get().run()
            except BaseException:  # the thread is one of a fixed number, and serves the next request
                log.exception("request_failed")


class _Job:
    """A function that waits for a thread.

    :ivar handled: True when it has ended, False when nobody will call it.
    """

    def __init__(self, handle: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self.handled: asyncio.Future[bool] = loop.create_future()
        self._handle: Callable[[], None] | None = handle
        self._loop = loop
        self._ends_at = time.monotonic() + MAX_WAIT
        self._decided = threading.Lock()

    def run(self) -> None:
        """Call the function, unless its time is over."""
        # Both are asked: the event loop of a busy process may be late.
        if time.monotonic() > self._ends_at or not self._decided.acquire(blocking=False):
            return
        assert self._handle is not None
        try:
            self._handle()
        finally:
            with suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._resolve, True)

    def give_up(self) -> None:
        """Let no thread call the function any more. Called by the event loop."""
        if self._decided.acquire(blocking=False):
            self._handle = None  # holds the request's body, and the job is still in the queue
            self._resolve(False)

    def _resolve(self, handled: bool) -> None:
        if not self.handled.done():
            self.handled.set_result(handled)
