"""RQ workers: ``push`` sends updates to Gett, ``sync`` maintains orders, stores and catalogs. Processes and schedule only.

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
from typing import NamedTuple

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from webhook_kit.errors import WebhookKitError
from webhook_kit.exit import end_process
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.storage.connection import connect
from webhook_kit.storage.faults import RedisFault, describe, fault
from webhook_kit.storage.locks import Intervals
from webhook_kit.storage.queues import enqueue_sync, push_queue, sync_queue
from webhook_kit.stores.concurrency import StoreJobs

__all__ = [
    "PushWorker",
    "ScheduledTask",
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

_RETRY = 5.0
"""Seconds at most before a task that Redis or Gett has interrupted runs again."""

_RECONNECT = 2.0
"""Seconds between two attempts to reach Redis."""

_current: list[tuple[Kit, Worker]] = []
"""The kit and the worker of this process, for its jobs."""


class Worker(SimpleWorker):
    """An RQ worker whose jobs can see that it has to stop."""

    max_connection_wait_time = 5.0  # seconds between two attempts to reach Redis; RQ's own value is a minute
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


def reconcile(store_id: str) -> None:
    """Compare the orders of a store's POS with the updates sent to Gett, and append missing ones."""
    kit, _ = _current[-1]
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.reconciler.reconcile(store, status=not kit.settings.health_check_interval)


def onboard(store_id: str) -> None:
    """Register a store at Gett, or continue its onboarding; the schedule continues it from then on."""
    kit, _ = _current[-1]
    kit.onboarding.follow(store_id)
    kit.onboarding.advance_all()


def sync_catalog(store_id: str) -> None:
    """Fetch a store's catalog and publish it."""
    kit, _ = _current[-1]
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.catalog_sync.sync(store)


def publish_catalog(store_id: str) -> None:
    """Publish a store's last good catalog again, after its unavailable items have changed."""
    kit, _ = _current[-1]
    if (store := kit.stores.by_id(store_id)) is not None:
        kit.catalog_sync.publish(store)


_DUE_JOBS: dict[str, Callable[[str], None]] = {"sync": sync_catalog, "publish": publish_catalog}


def _name(job: Callable[[str], None]) -> str:
    return f"{job.__module__}.{job.__qualname__}"


_JOBS = {_name(job): job for job in (reconcile, onboard, sync_catalog, publish_catalog)}
"""Jobs of the sync worker by their names."""


# -- schedule ----------------------------------------------------------------------------------------------------------


class ScheduledTask(NamedTuple):
    """A task that a worker runs every so many seconds."""

    name: str
    seconds: float
    run: Callable[[], object]
    at_once: bool = False
    """True: also run it when the worker starts."""


def _push_schedule(kit: Kit) -> list[ScheduledTask]:
    return [ScheduledTask("notify", 1.0, kit.lanes.notify_if_ready), *_signs_of_life(kit, WorkerKind.PUSH)]


def _sync_schedule(kit: Kit) -> list[ScheduledTask]:
    settings = kit.settings
    tasks = [
        ScheduledTask("held-events", 2.0, kit.pos_events.retry_held),
        ScheduledTask("orders-in-doubt", 5.0, lambda: _recover_orders(kit)),
        ScheduledTask("stuck-orders", 15.0, kit.stuck_orders.check),
        ScheduledTask("onboarding", 5.0, lambda: _continue_onboardings(kit)),
        ScheduledTask("reconciliation", settings.reconcile_every, lambda: _queue_reconciliations(kit), at_once=True),
        ScheduledTask("catalog-refresh", settings.catalog_refresh, lambda: _queue_catalog_refreshes(kit), at_once=True),
        ScheduledTask("catalogs-due", 1.0, lambda: _queue_due_catalogs(kit)),
        *_signs_of_life(kit, WorkerKind.SYNC),
    ]
    if settings.health_check_interval:
        tasks.append(ScheduledTask("health-checks", settings.health_check_interval, kit.pos_health.check_all))
    if settings.compare_status_every:
        tasks.append(ScheduledTask("status-comparison", settings.compare_status_every, lambda: _compare_status(kit)))
    return tasks


def _signs_of_life(kit: Kit, kind: WorkerKind) -> list[ScheduledTask]:
    return [
        ScheduledTask("sign-of-life", 5.0, lambda: _give_sign(kit, kind), at_once=True),
        ScheduledTask("missing-workers", 30.0, kit.worker_life.check),
        ScheduledTask("data-loss", 5.0, lambda: _check_data_loss(kit), at_once=True),
    ]


def _check_data_loss(kit: Kit) -> None:
    if kit.data_loss.check():
        for store in kit.stores:
            if store.gett_id:
                enqueue_sync(kit.redis, _name(reconcile), store.id, first=True)


def _give_sign(kit: Kit, kind: WorkerKind) -> None:
    worker = _current[-1][1] if _current else None
    if worker is not None and worker.hangs:
        log.error("worker_hangs", worker=kind, why=f"a job has not ended within {_HANGS_AFTER:.0f} s")
    else:
        kit.clock_watch.observe("Redis", kit.worker_life.give_sign(kind))


# Both parts are built only here: without an API key, or without a token secret, the other tasks still run.
def _recover_orders(kit: Kit) -> None:
    kit.placement_recovery.run()


def _continue_onboardings(kit: Kit) -> None:
    kit.onboarding.advance_all()


def _queue_reconciliations(kit: Kit) -> None:
    if _is_first(kit, "reconciliation", kit.settings.reconcile_every):
        for store in kit.stores:
            if store.gett_id:  # else Gett has no orders for it
                enqueue_sync(kit.redis, _name(reconcile), store.id)


def _queue_catalog_refreshes(kit: Kit) -> None:
    if _is_first(kit, "catalog-refresh", kit.settings.catalog_refresh):
        for store in kit.stores:
            enqueue_sync(kit.redis, _name(sync_catalog), store.id)


def _queue_due_catalogs(kit: Kit) -> None:
    for action, store_id in kit.catalog_sync.claim_due():
        enqueue_sync(kit.redis, _name(_DUE_JOBS[action]), store_id, first=True)


def _compare_status(kit: Kit) -> None:
    if Intervals(kit.redis, kit.keys).claim("status-comparison", kit.settings.compare_status_every * 0.9):
        kit.store_status_check.check_all()


def _is_first(kit: Kit, task: str, seconds: float) -> bool:
    """Return True for the first of all workers in an interval, which ends just before the next run is due."""
    return Intervals(kit.redis, kit.keys).claim(task, max(1, int(seconds) - 1)) is not None


# -- processes ---------------------------------------------------------------------------------------------------------


def run_push(kit: Kit, *, burst: bool = False) -> None:
    """Send updates until the process has to stop.

    :param burst: stop when nothing is queued.
    :raises ConfigurationError: GETT_API_KEY is not set.
    """
    _ = kit.client  # report a missing key before the first update
    try:
        _run(kit, PushWorker, push_queue, _push_schedule(kit), burst=burst)
    finally:
        kit.dispatcher.finish()


def run_sync(kit: Kit, *, burst: bool = False) -> None:
    """Maintain orders, stores and catalogs until the process has to stop.

    :param burst: stop when nothing is queued.
    """
    _ = kit.stores  # built once, before the tasks use it at the same time
    kit.pos_executor.limit_stores_only()
    SyncWorker.jobs = jobs = StoreJobs(lambda name, store_id: _JOBS[name](store_id))
    try:
        _run(kit, SyncWorker, sync_queue, _sync_schedule(kit), burst=burst)
    finally:
        left = jobs.wait(None if burst else _STOP_SECONDS)
        if left:
            log.warning(
                "jobs_left_to_another_worker", jobs=len(left), stores=sorted({store_id for _, store_id in left})[:10]
            )
        with suppress(redis.RedisError):  # then the schedule queues them again
            for name, store_id in left:
                enqueue_sync(kit.redis, name, store_id, first=True)


def _run(
    kit: Kit,
    worker_class: type[Worker],
    queue: Callable[[redis.Redis], Queue],
    schedule: list[ScheduledTask],
    *,
    burst: bool,
) -> None:
    stop = threading.Event()
    if burst:  # it ends soon: no work that nobody has asked for
        schedule = [task._replace(at_once=False) for task in schedule]
    for task in schedule:
        threading.Thread(target=_repeat, args=(task, stop), name=task.name, daemon=True).start()
    try:
        while (reason := _work(kit, worker_class, queue, burst=burst)) is not None:
            event = "redis_not_reachable" if reason.unreachable else "redis_not_usable"
            log.warning(event, reason=reason, retry_in=_RECONNECT)
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


def _repeat(task: ScheduledTask, stop: threading.Event) -> None:
    """Run a task every so many seconds. Nothing else replaces this thread: if it ends, the process ends and is started again."""
    try:
        _repeat_until(task, stop)
    finally:
        if not stop.is_set():
            log.error(
                "scheduled_task_ended", task=task.name, why="the process ends, so that its supervisor starts it again"
            )
            end_process(1)


def _repeat_until(task: ScheduledTask, stop: threading.Event) -> None:
    pause = 0.0 if task.at_once else task.seconds
    while not stop.wait(pause):
        pause = task.seconds
        try:
            task.run()
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("scheduled_task_interrupted", task=task.name, error=type(error).__name__)
            pause = min(task.seconds, _RETRY)
        except BaseException:  # a vendor's code may raise anything
            log.exception("scheduled_task_failed", task=task.name)
