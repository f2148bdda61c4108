"""RQ workers: ``push`` sends updates to Gett, ``sync`` maintains orders, stores and catalogs.

Each process serves one queue, because RQ takes a job off several queues in two steps and can lose it in between. A job can also
be lost with its worker, and RQ needs minutes to detect that; so every push worker checks once a second if an update could be
sent. Nothing is forked: an HTTP session lives as long as its thread.

A job drains the outbox for a few seconds and returns without waiting for the updates that are being sent, so that one slow
response delays nothing else. SIGTERM ends the job, too; then the worker waits for the updates that are being sent, and the rest
stays in its lanes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from webhook_kit import error_reports
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.schedule import ScheduledTask, push_schedule, start, store_schedule, sync_schedule
from webhook_kit.storage.connection import connect
from webhook_kit.storage.faults import RedisFault, describe, fault
from webhook_kit.storage.queues import (
    ONBOARD_JOB,
    PUBLISH_CATALOG_JOB,
    RECONCILE_JOB,
    SYNC_CATALOG_JOB,
    enqueue_sync,
    push_queue,
    sync_queue,
)
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.tracing import span, start_tracing

__all__ = [
    "PushWorker",
    "SyncWorker",
    "Worker",
    "onboard",
    "publish_catalog",
    "push",
    "reconcile",
    "run_push",
    "run_sync",
    "sync_catalog",
]

log = logger("worker")

_DRAIN_SECONDS = 8.0
"""Seconds that a job drains the outbox at most: less than a platform's grace period."""

_STOP_SECONDS = 10.0
"""Seconds that a sync worker waits for its jobs when it has to stop. Another worker does the rest: each job may be repeated."""

_HEARTBEAT = 30.0
"""Seconds between two heartbeats at least; RQ regards a worker as dead after seven minutes without one."""

_HANGS_AFTER = 60.0
"""Seconds for which a job runs in the main thread at most; a drain takes much less, and other jobs run in threads."""

_RECONNECT = 2.0
"""Seconds between two attempts to reach Redis."""

_current: list[tuple[Kit, Worker]] = []
"""The kit and the worker of this process, for its jobs."""


class Worker(SimpleWorker):
    """An RQ worker whose jobs can see that it has to stop."""

    max_connection_wait_time = 5.0  # seconds between two attempts to reach Redis; RQ's own value is a minute
    # Seconds of one wait for a job, and after which a server that no longer answers is left; RQ's own value is seven minutes.
    dequeue_timeout = 5
    connection_timeout = 10
    stopping = False
    working = False
    burst = False
    busy_since: float | None = None

    @property
    def hangs(self) -> bool:
        """True if the job that runs in the main thread should have ended long ago."""
        return self.busy_since is not None and time.monotonic() - self.busy_since > _HANGS_AFTER

    def set_state(self, state: str, pipeline: redis.client.Pipeline | None = None) -> None:
        """Record the worker's state in Redis, and since when it is busy."""
        self.busy_since = time.monotonic() if state == WorkerStatus.BUSY else None
        super().set_state(state, pipeline)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop after the current job, on SIGTERM or SIGINT."""
        self.stopping = True
        if not self.working:  # between two attempts to reach Redis
            raise StopRequested
        with suppress(redis.RedisError):  # RQ records the request in Redis, which may be out of reach
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call] # RQ leaves it untyped


class PushWorker(Worker):
    """A worker without RQ's record of executions, which would take longer than sending.

    A job that drains the outbox has neither result nor failure: the lanes hold what is left.
    """

    _last_heartbeat = 0.0

    def heartbeat(self, timeout: int | None = None, pipeline: redis.client.Pipeline | None = None) -> None:
        """Send a heartbeat every half minute. RQ would send one between each notification and its send."""
        if pipeline is not None or time.monotonic() - self._last_heartbeat > _HEARTBEAT:
            super().heartbeat(timeout, pipeline)
            self._last_heartbeat = time.monotonic()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Drain the outbox."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            pipeline.execute()
        try:
            push()
        except redis.RedisError as error:
            log.warning("drain_interrupted", error=type(error).__name__)
        except Exception:
            log.exception("drain_failed")
        self.set_state(WorkerStatus.IDLE)


class SyncWorker(Worker):
    """A worker whose jobs run in a thread of their store each, so that a store that hangs delays itself alone.

    A job has no record of RQ: a failure is logged, and the schedule queues the next one.
    """

    jobs: StoreJobs

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Start a job."""
        self.set_state(WorkerStatus.BUSY)  # a signal waits until the job has been started
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            pipeline.execute()
        name, arguments = str(job.func_name), job.args
        if name not in _JOBS or len(arguments) != 1:
            log.error("job_unknown", job=name)
        elif not self.jobs.start(name, str(arguments[0]), lambda: self.stopping):
            enqueue_sync(self.connection, name, str(arguments[0]), first=True)
        self.set_state(WorkerStatus.IDLE)


# -- jobs --------------------------------------------------------------------------------------------------------------


def push() -> int:
    """Drain the outbox for some seconds; a notification for the rest queues the next job.

    In a burst it waits for the updates that are being sent: the worker ends when no job is queued, and an update that was sent
    may queue one.
    """
    kit, worker = _current[-1]
    sent = kit.dispatcher.drain(_DRAIN_SECONDS, lambda: worker.stopping, wait=worker.burst)
    kit.lanes.notify_if_ready()
    return sent


def reconcile(kit: Kit, store_id: str) -> None:
    """Compare the orders of a store's POS with the updates sent to Gett, and append missing ones."""
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.reconciler.reconcile(store, status=not kit.settings.health_check_interval)


def onboard(kit: Kit, store_id: str) -> None:
    """Register a store at Gett, or continue its onboarding; the schedule continues it from then on."""
    kit.onboarding.follow(store_id)
    kit.onboarding.advance_all()


def sync_catalog(kit: Kit, store_id: str) -> None:
    """Fetch a store's catalog and publish it."""
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.catalog_sync.sync(store)


def publish_catalog(kit: Kit, store_id: str) -> None:
    """Publish a store's last good catalog again, after its unavailable items have changed."""
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.catalog_sync.publish(store)


_JOBS = {
    RECONCILE_JOB: reconcile,
    ONBOARD_JOB: onboard,
    SYNC_CATALOG_JOB: sync_catalog,
    PUBLISH_CATALOG_JOB: publish_catalog,
}
"""Jobs of the sync worker by their names."""


def _run_job(kit: Kit, name: str, store_id: str) -> None:
    with span(_JOBS[name].__name__, "consumer") as traced:
        traced.set(store=store_id)
        _JOBS[name](kit, store_id)


# -- processes ---------------------------------------------------------------------------------------------------------


def run_push(kit: Kit, *, burst: bool = False) -> None:
    """Send updates until the process has to stop.

    :param burst: stop when nothing is queued.
    :raises ConfigurationError: GETT_API_KEY is not set.
    """
    _ = kit.client  # report a missing key before the first update
    try:
        _run(kit, PushWorker, push_queue, push_schedule(kit, _hangs), threading.Event(), burst=burst)
    finally:
        kit.dispatcher.finish()


def run_sync(kit: Kit, *, burst: bool = False) -> None:
    """Maintain orders, stores and catalogs until the process has to stop.

    :param burst: stop when nothing is queued.
    """
    _ = kit.stores  # built once, before the tasks use it at the same time
    kit.pos_executor.limit_stores_only()
    SyncWorker.jobs = jobs = StoreJobs(lambda name, store_id: _run_job(kit, name, store_id))
    stop, schedule = threading.Event(), sync_schedule(kit, _hangs)
    if not burst:  # it ends soon: no work that nobody has asked for
        schedule += store_schedule(kit, jobs, stop)
    try:
        _run(kit, SyncWorker, sync_queue, schedule, stop, burst=burst)
    finally:
        try:
            left = jobs.wait(None if burst else _STOP_SECONDS)
        except SystemExit:  # RQ's answer to a second signal
            left = jobs.wait(0)
        if left:
            log.warning(
                "jobs_left_to_another_worker", jobs=len(left), stores=sorted({store_id for _, store_id in left})[:10]
            )
        with suppress(redis.RedisError):  # then the schedule queues them again
            for name, store_id in left:
                enqueue_sync(kit.redis, name, store_id, first=True)


def _hangs() -> bool:
    return bool(_current) and _current[-1][1].hangs


def _run(
    kit: Kit,
    worker_class: type[Worker],
    queue: Callable[[redis.Redis], Queue],
    schedule: list[ScheduledTask],
    stop: threading.Event,
    *,
    burst: bool,
) -> None:
    if burst:
        schedule = [task._replace(at_once=False) for task in schedule]
    error_reports.start(kit.settings)
    start(schedule, stop)
    kit.metrics.start()
    start_tracing(f"webhook-kit-{'push' if worker_class is PushWorker else 'sync'}")
    try:
        while (reason := _work(kit, worker_class, queue, burst=burst)) is not None:
            log.warning(
                "redis_not_reachable" if reason.unreachable else "redis_not_usable",
                reason=reason,
                retry_in=_RECONNECT,
            )
            time.sleep(_RECONNECT)
    except StopRequested:
        return
    finally:
        stop.set()


def _work(
    kit: Kit, worker_class: type[Worker], queue: Callable[[redis.Redis], Queue], *, burst: bool
) -> RedisFault | None:
    """Work until the process has to stop, or nothing is left in a burst. Return the reason if Redis failed before."""
    connection = connect(kit.settings)
    worker: Worker | None = None
    try:
        worker = worker_class([queue(connection)], connection=connection, serializer=JSONSerializer)
        worker.burst = burst
        worker.working = True
        _current.append((kit, worker))
        log.info("worker_started", queue=worker.queues[0].name)
        # Without RQ's scheduler: it would be a forked process that outlives a killed worker, and nothing here needs it.
        worker.work(burst=burst, logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("worker_interrupted", error=type(error).__name__, why=describe(error))
        return None if worker is not None and worker.stopping else fault(error)
    finally:
        if worker is not None:
            worker.working = False
    # RQ returns without an error, too, when Redis fails during its work.
    return None if burst or worker.stopping else RedisFault.NOT_REACHABLE
