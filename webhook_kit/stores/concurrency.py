"""Work for many stores: a task for all of them, some at a time, and jobs that each store does one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import NoReturn, TypeVar

from webhook_kit.logs import logger
from webhook_kit.pos.store import Store

__all__ = ["StoreJobs", "for_each_store"]

log = logger("jobs")

_STORES_AT_ONCE = 8
"""More would wait for the same POS or for Redis."""

Result = TypeVar("Result")


def for_each_store(
    stores: Iterable[Store],
    task: Callable[[Store], Result],
    on_result: Callable[[Result], object] = lambda _: None,
    *,
    name: str,
    slow: float = 30.0,
) -> list[Result]:
    """Run a task for each store, each in a thread.

    :param task: handles its own errors: an exception ends the whole call.
    :param on_result: called in the calling thread with each result as it is there.
    :param name: prefix of the threads' names.
    :param slow: seconds after which a store no longer counts among those that work at the same time, because its POS hangs.
    :return: the results in the order of the stores.
    """
    by_id = {store.id: store for store in stores}
    ended: SimpleQueue[tuple[str, Callable[[], Result]]] = SimpleQueue()

    def run(_job: str, store_id: str) -> None:
        try:
            result = task(by_id[store_id])
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread
            ended.put((store_id, partial(_raise, error)))
        else:
            ended.put((store_id, lambda: result))

    jobs = StoreJobs(run, places=_STORES_AT_ONCE, slow=slow)
    for store_id in by_id:
        if not jobs.start(name, store_id):
            run(name, store_id)
    results: dict[str, Result] = {}
    for _ in by_id:
        store_id, get = ended.get()
        results[store_id] = get()
        on_result(results[store_id])
    return [results[store_id] for store_id in by_id]


def _raise(error: BaseException) -> NoReturn:
    raise error


class StoreJobs:
    """Jobs of many stores, each store's one after another in a thread of its own. A store that hangs delays itself alone.

    A number of places keeps all stores from working at the same time. A job that takes long gives its place back: most of
    its time it waits for its POS.

    :param run: runs a job, given by its name, for a store, given by its id.
    :param places: number of jobs that begin at the same time.
    :param slow: seconds after which a job gives its place back.
    """

    def __init__(self, run: Callable[[str, str], None], *, places: int = 8, slow: float = 5.0) -> None:
        self._run = run
        self._slow = slow
        self._places = threading.Semaphore(places)
        self._changed = threading.Condition()
        self._jobs: dict[str, list[str]] = {}  # by store id: the job that runs, and those that wait

    def start(self, job: str, store_id: str, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Start a job, or let it wait for the store's other ones. A job that waits already is not added again.

        :param stopping: ends the wait for a place when it returns True.
        :return: False if it was neither started nor added.
        """
        if self._add(job, store_id):
            return True
        while not self._places.acquire(timeout=0.2):
            if stopping():
                return False
        with self._changed:
            if self._add(job, store_id):  # another thread has started a job of the store meanwhile
                self._places.release()
                return True
            self._jobs[store_id] = [job]
        try:
            threading.Thread(target=self._serve, args=(store_id,), name=f"{job} {store_id}", daemon=True).start()
        except RuntimeError:  # the system allows no further thread
            log.exception("job_not_started", job=job, store=store_id)
            self._places.release()
            with self._changed:
                del self._jobs[store_id]
            return False
        return True

    def _add(self, job: str, store_id: str) -> bool:
        """Let a job wait for the store's other ones. Return False if there are none."""
        with self._changed:
            jobs = self._jobs.get(store_id)
            if jobs is not None and job not in jobs[1:]:
                jobs.append(job)
            return jobs is not None

    def wait(self, seconds: float | None = None) -> list[tuple[str, str]]:
        """Wait until no job runs or waits, and return those that are left after so many seconds: name and store id each."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            while self._jobs and (deadline is None or deadline > time.monotonic()):
                self._changed.wait(None if deadline is None else deadline - time.monotonic())
            return [(job, store_id) for store_id, jobs in self._jobs.items() for job in jobs]

    def _serve(self, store_id: str) -> None:
        """Run a store's jobs until none is left. A place was taken for the first one."""
        jobs = self._jobs[store_id]
        while True:
            self._run_one(jobs[0], store_id)
            with self._changed:
                del jobs[0]
                if not jobs:
                    del self._jobs[store_id]
                    self._changed.notify_all()
                    return
            self._places.acquire()

    def _run_one(self, job: str, store_id: str) -> None:
        once = threading.Lock()

        def give_back() -> None:
            if once.acquire(blocking=False):
                self._places.release()

        slow = threading.Timer(self._slow, give_back)
        slow.daemon = True
        with suppress(RuntimeError):  # without it the job keeps its place
            slow.start()
        try:
            self._run(job, store_id)
        except BaseException:  # a vendor's code may raise anything
            log.exception("job_failed", job=job, store=store_id)
        finally:
            slow.cancel()
            give_back()
