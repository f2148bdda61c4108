"""Notifications of the push worker: jobs as RQ itself would write them, one at a time."""

from __future__ import annotations

import json
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from webhook_kit import worker
from webhook_kit.kit import Kit
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.storage.queues import PUSH_JOB, enqueue_sync, push_queue, sync_queue
from webhook_kit.testing.processes import PATIENCE, Process
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """RQ's keys have no prefix, so queues are shared by all who share a Redis."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def kit(make_kit: Callable[..., Kit], own_redis: RedisServer) -> Kit:
    kit = make_kit(redis_url=own_redis.url)
    kit.redis.flushall()
    return kit


def place(kit: Kit, ref: str = "g1", gett_id: str | None = None) -> None:
    gett_id = ref if gett_id is None else gett_id
    claim = kit.placement_store.claim(key=f"key of {ref}", gett_id=gett_id, store_id="s", fingerprint="f")
    assert isinstance(claim, Claim)
    kit.placement_store.settle(
        claim, AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id="T1", update='{"status":"confirmed"}'
    )


def test_placed_order_queues_a_job_that_rq_can_read(kit: Kit) -> None:
    place(kit)
    (queue,) = Queue.all(connection=kit.redis)
    assert (queue.name, queue.count) == (push_queue(kit.redis).name, 1)
    (job,) = push_queue(kit.redis).get_jobs()
    fetched = Job.fetch(job.id, connection=kit.redis, serializer=JSONSerializer)
    assert fetched.func_name == PUSH_JOB == f"{worker.push.__module__}.{worker.push.__qualname__}"
    assert fetched.func is worker.push
    assert (list(fetched.args), fetched.kwargs) == ([], {})
    assert (fetched.get_status(), fetched.timeout, fetched.origin) == ("queued", 60, queue.name)
    assert fetched.created_at is not None
    assert fetched.enqueued_at is not None


def test_job_is_json_and_not_a_pickle(kit: Kit) -> None:
    place(kit)
    (job,) = push_queue(kit.redis).get_jobs()
    raw: Any = kit.redis.hget(job.key, "data")
    assert json.loads(zlib.decompress(raw))[0] == PUSH_JOB


def test_job_equals_the_one_that_rq_would_queue(kit: Kit) -> None:
    place(kit)
    queue = push_queue(kit.redis)
    (ours,) = queue.get_jobs()
    theirs = queue.enqueue(PUSH_JOB, job_timeout=60, result_ttl=0, failure_ttl=3600, description="drain the outbox")
    fields: list[Any] = [kit.redis.hgetall(job.key) for job in (ours, theirs)]
    own = {b"created_at", b"enqueued_at"}
    assert {k: v for k, v in fields[0].items() if k not in own} == {k: v for k, v in fields[1].items() if k not in own}


def test_many_appends_queue_one_job(kit: Kit) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: place(kit, f"g{n}"), range(40)))
    assert push_queue(kit.redis).count == 1
    assert len(kit.lanes.all_waiting()) == 40


def test_append_after_the_job_has_begun_queues_another(kit: Kit) -> None:
    place(kit, "g1")
    kit.lanes.lease(0, 1000, notified=True)
    place(kit, "g2")
    assert push_queue(kit.redis).count == 2


def test_flag_of_a_lost_job_expires(kit: Kit) -> None:
    place(kit)
    assert 0 < int(kit.redis.ttl(kit.keys.notified)) <= 15


def test_lost_job_is_queued_again_only_for_linked_orders(kit: Kit) -> None:
    queue = push_queue(kit.redis)
    place(kit, "k1", gett_id="")
    kit.redis.delete(kit.keys.notified, queue.key)
    kit.lanes.notify_if_ready()
    assert queue.count == 0
    kit.placement_store.link("key of k1", "g1")
    assert queue.count == 1
    kit.redis.delete(kit.keys.notified, queue.key)  # as if a worker had taken the job and died
    kit.lanes.notify_if_ready()
    kit.lanes.notify_if_ready()
    assert queue.count == 1


def test_a_job_that_is_lost_before_it_began_is_queued_again_after_two_seconds(kit: Kit) -> None:
    queue = push_queue(kit.redis)
    place(kit)
    kit.redis.pexpire(kit.keys.notified, 12_900)
    kit.lanes.notify_if_ready()
    assert queue.count == 1, "it waits"
    kit.redis.delete(queue.key)  # a worker has taken it …
    kit.redis.pexpire(kit.keys.notified, 60_000)
    kit.lanes.notify_if_ready()
    assert queue.count == 0, "it may be about to begin"
    kit.redis.pexpire(kit.keys.notified, 12_900)
    kit.lanes.notify_if_ready()
    assert queue.count == 1, "… and died"
    assert kit.redis.pttl(kit.keys.notified) > 13_000


def test_rq_worker_runs_the_job(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(worker, "push", lambda: ran.append("push"))
    place(kit)
    queue = push_queue(kit.redis)
    worker_ = SimpleWorker([queue], connection=kit.redis, serializer=JSONSerializer)
    monkeypatch.setattr(worker_, "_install_signal_handlers", lambda: None)
    assert worker_.work(burst=True, logging_level="ERROR")
    assert ran == ["push"]
    assert queue.count == 0
    assert not list(kit.redis.scan_iter("rq:job:*"))


def test_rq_info_shows_the_queue(kit: Kit, own_redis: RedisServer) -> None:
    place(kit)
    info = Process([sys.executable, "-m", "rq.cli", "info", "--raw", "--only-queues", "--url", own_redis.url]).start()
    assert info.wait() == 0, info.output()
    assert f"queue {push_queue(kit.redis).name} 1" in info.output()


# -- the sync worker ---------------------------------------------------------------------------------------------------


def queue_sync(kit: Kit, store_id: str, *, first: bool = False) -> None:
    enqueue_sync(kit.redis, "webhook_kit.worker.sync_catalog", store_id, first=first)


def waiting(kit: Kit) -> list[str]:
    """The stores whose jobs the sync worker would execute, in order."""
    queue = sync_queue(kit.redis)
    stores = []
    for job_id in queue.get_job_ids():
        if (job := queue.fetch_job(job_id)) is not None:
            stores.append(job.args[0])
            job.delete(remove_from_queue=False)
    return stores


def test_job_of_a_kind_waits_once_for_each_store(kit: Kit) -> None:
    for _ in range(3):
        for store_id in ("a", "b:c", "ß\n"):
            queue_sync(kit, store_id)
    enqueue_sync(kit.redis, "webhook_kit.worker.reconcile", "a")
    assert waiting(kit) == ["a", "b:c", "ß\n", "a"]


def test_job_that_becomes_due_comes_before_the_others_and_is_executed_once(kit: Kit) -> None:
    for store_id in ("a", "b"):
        queue_sync(kit, store_id)
    queue_sync(kit, "b", first=True)
    assert waiting(kit) == ["b", "a"]


def test_lost_job_is_queued_again_after_a_while(kit: Kit) -> None:
    queue_sync(kit, "a")
    (job,) = sync_queue(kit.redis).get_jobs()
    assert 0 < int(kit.redis.ttl(job.key)) <= 900


def test_sync_worker_runs_the_jobs_of_other_stores_while_one_hangs(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    release, ran = threading.Event(), list[str]()

    def sync_catalog(_: Kit, store_id: str) -> None:
        if store_id == "hangs":
            assert release.wait(PATIENCE)
        else:
            ran.append(store_id)
            if len(ran) == 3:
                release.set()

    monkeypatch.setitem(worker._JOBS, "webhook_kit.worker.sync_catalog", sync_catalog)
    for store_id in ("hangs", "a", "b", "c"):
        queue_sync(kit, store_id)
    sync_queue(kit.redis).enqueue("os.getcwd", "foreign")
    worker.run_sync(kit, burst=True)
    assert sorted(ran) == ["a", "b", "c"]
    assert not list(kit.redis.scan_iter("rq:job:*"))


def test_jobs_that_do_not_end_are_queued_again_at_the_stop(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setitem(worker._JOBS, "webhook_kit.worker.sync_catalog", lambda *_: release.wait(PATIENCE) and None)
    monkeypatch.setattr(worker, "_STOP_SECONDS", 0.05)
    queue_sync(kit, "hangs")

    def stopped(*_: Any, **__: Any) -> None:
        worker.SyncWorker.jobs.start("webhook_kit.worker.sync_catalog", "hangs")

    monkeypatch.setattr(worker, "_run", stopped)
    kit.redis.flushall()
    worker.run_sync(kit)
    assert waiting(kit) == ["hangs"]
    release.set()


def test_jobs_are_queued_again_at_once_when_the_signal_is_repeated(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setitem(worker._JOBS, "webhook_kit.worker.sync_catalog", lambda *_: release.wait(PATIENCE) and None)

    def stopped(*_: Any, **__: Any) -> None:
        jobs = worker.SyncWorker.jobs
        jobs.start("webhook_kit.worker.sync_catalog", "hangs")
        wait, calls = jobs.wait, []

        def interrupted(seconds: float | None = None) -> list[tuple[str, str]]:
            calls.append(seconds)
            if len(calls) == 1:
                raise SystemExit
            return wait(seconds)

        monkeypatch.setattr(jobs, "wait", interrupted)

    monkeypatch.setattr(worker, "_run", stopped)
    kit.redis.flushall()
    worker.run_sync(kit)
    assert waiting(kit) == ["hangs"]
    release.set()
