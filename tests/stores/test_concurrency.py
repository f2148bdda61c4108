"""A task for many stores, some at a time, and the jobs of each store."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from webhook_kit.adapter import Store
from webhook_kit.stores.concurrency import StoreJobs, for_each_store
from webhook_kit.testing.processes import PATIENCE, wait_until

STORES = [Store(f"s{number}", f"gett-{number}", "bogus") for number in range(20)]


def test_results_come_in_the_order_of_the_stores_and_are_reported_in_the_calling_thread() -> None:
    reported: list[tuple[str, int]] = []
    first_may_end = threading.Event()

    def task(store: Store) -> str:
        if store.id == "s0":
            assert first_may_end.wait(PATIENCE)
        else:
            first_may_end.set()
        return store.id

    results = for_each_store(STORES, task, lambda name: reported.append((name, threading.get_ident())), name="test")
    assert results == [store.id for store in STORES]
    assert sorted(name for name, _ in reported) == sorted(results)
    assert {thread for _, thread in reported} == {threading.get_ident()}


def test_no_more_than_eight_stores_are_handled_at_once() -> None:
    running, most, lock, enough = 0, 0, threading.Lock(), threading.Event()

    def task(_: Store) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 8:
                enough.set()
        assert enough.wait(PATIENCE)
        with lock:
            running -= 1

    for_each_store(STORES, task, name="test")
    assert most == 8


def test_an_exception_of_the_task_reaches_the_caller() -> None:
    def task(store: Store) -> None:
        raise ValueError(store.id)

    with pytest.raises(ValueError, match="s"):
        for_each_store(STORES, task, name="test")


def test_stores_that_hang_do_not_count_among_those_at_once() -> None:
    last_begun = threading.Event()

    def task(store: Store) -> bool:
        if store is STORES[-1]:
            last_begun.set()
        return last_begun.wait(PATIENCE)

    assert for_each_store(STORES, task, name="test", slow=0.01) == [True] * len(STORES)


# -- jobs --------------------------------------------------------------------------------------------------------------


class Jobs:
    """Jobs whose stores hang if their id begins with ``h``, until they are released."""

    def __init__(self, *, places: int = 2) -> None:
        self.begun: list[tuple[str, str]] = []
        self.release = threading.Event()
        self.jobs = StoreJobs(self._run, places=places, slow=0.05)

    def _run(self, job: str, store_id: str) -> None:
        self.begun.append((job, store_id))
        if store_id.startswith("h"):
            assert self.release.wait(PATIENCE)
        if store_id.startswith("b"):
            raise SystemExit(store_id)


@pytest.fixture
def many() -> Iterator[Jobs]:
    many = Jobs()
    yield many
    many.release.set()


def test_stores_that_hang_delay_themselves_alone(many: Jobs) -> None:
    for number in range(20):
        assert many.jobs.start("sync", f"h{number}")
    assert many.jobs.start("sync", "healthy")
    wait_until(lambda: ("sync", "healthy") in many.begun)


def test_store_does_its_jobs_one_after_another_and_each_kind_waits_once(many: Jobs) -> None:
    for job in ("sync", "reconcile", "sync", "reconcile", "sync"):
        assert many.jobs.start(job, "h")
    assert many.jobs.wait(0.1) == [("sync", "h"), ("reconcile", "h"), ("sync", "h")]
    assert many.begun == [("sync", "h")]
    many.release.set()
    assert many.jobs.wait() == []
    assert many.begun == [("sync", "h"), ("reconcile", "h"), ("sync", "h")]


def test_jobs_that_several_threads_start_for_one_store_run_one_after_another() -> None:
    """All threads wait for a place before any of them has started a job of the store."""
    many, waiting, most, running = Jobs(), threading.Semaphore(0), list[int](), list[str]()
    for number in range(2):
        assert many.jobs.start("sync", f"h{number}")
    acquire, run = many.jobs._places.acquire, many.jobs._run

    def counted(timeout: float | None = None) -> bool:
        waiting.release()
        return acquire(timeout=timeout)

    def observed(job: str, store_id: str) -> None:
        running.append(store_id)
        most.append(running.count("a"))
        run(job, store_id)
        running.remove(store_id)

    many.jobs._places.acquire, many.jobs._run = counted, observed  # type: ignore[method-assign, assignment]
    many.jobs._slow = 60
    threads = [threading.Thread(target=many.jobs.start, args=(f"job-{number}", "a")) for number in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=PATIENCE)
    many.release.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert many.jobs.wait(PATIENCE) == []
    assert sorted(job for job, store_id in many.begun if store_id == "a") == ["job-0", "job-1"]
    assert max(most) == 1
    assert many.jobs._places._value == 2


def test_failure_of_a_job_ends_neither_the_next_job_nor_gives_a_place_back_twice() -> None:
    jobs = Jobs(places=1)
    for number in range(5):
        jobs.jobs.start("sync", f"b{number}")
        jobs.jobs.start("reconcile", f"b{number}")
    assert jobs.jobs.wait(PATIENCE) == []
    assert len(jobs.begun) == 10
    assert jobs.jobs._places._value == 1


def test_wait_for_a_place_ends_when_the_process_has_to_stop() -> None:
    jobs = Jobs(places=0)
    assert not jobs.jobs.start("sync", "a", stopping=lambda: True)
    assert jobs.jobs.wait() == []


def test_job_for_which_no_thread_can_be_started_keeps_neither_place_nor_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    jobs = Jobs(places=1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        assert not jobs.jobs.start("sync", "a")
    assert jobs.jobs.start("sync", "a")
    assert jobs.jobs.wait(PATIENCE) == []
    assert jobs.begun == [("sync", "a")]
