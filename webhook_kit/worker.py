"""The RQ workers: ``push`` sends what waits for Gett, ``sync`` looks after orders, stores and menus.

One queue per process, because RQ takes a job off several queues in two steps and can lose it in between. A wake-up can die
with its worker, and RQ needs minutes to notice; so every worker also looks once a second whether something could be sent.
Nothing is forked: an HTTP session lives as long as its thread. A slice ends without waiting for what is being sent, for one slow
answer must not hold up everything else. SIGTERM ends the slice, too, and then what is being sent is finished; the rest stays in its
lanes.
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

from webhook_kit.errors import WebhookKitError
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.storage.connection import connect
from webhook_kit.storage.locks import Intervals
from webhook_kit.storage.queues import push_queue, sync_queue

__all__ = [
    "PushWorker",
    "Worker",
    "onboard",
    "publish_menu",
    "push",
    "reconcile",
    "run_push",
    "run_sync",
    "sweep_orders",
    "sync_menu",
]

log = logger("worker")

_SLICE = 8.0
"""Seconds a job drains at most: short enough for a platform's grace period."""

_HEARTBEAT = 30.0
"""Seconds between two signs of life at least; RQ takes a worker for dead after seven minutes without one."""

_RECONNECT = 2.0
_LOOK_AGAIN = 30.0

_current: list[tuple[Kit, Worker]] = []


class Worker(SimpleWorker):
    """An RQ worker that tells its job when it has been asked to stop."""

    max_connection_wait_time = 5.0  # seconds between two attempts to reach Redis, instead of a minute
    stopping = False
    working = False
    burst = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT: finish what is at hand."""
        self.stopping = True
        if not self.working:  # between two attempts to reach Redis
            raise StopRequested
        with suppress(redis.RedisError):  # RQ notes the request in Redis, which may be away
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call] # RQ leaves it untyped


class PushWorker(Worker):
    """Runs wake-ups without RQ's record of executions, which would take longer than sending: a wake-up has neither result nor
    failure, and the lanes know what is left to do.
    """

    _beat = 0.0

    def heartbeat(self, timeout: int | None = None, pipeline: redis.client.Pipeline | None = None) -> None:
        """Say that this worker lives: RQ wants to hear it every few minutes, not between a wake-up and its send."""
        if pipeline is not None or time.monotonic() - self._beat > _HEARTBEAT:
            super().heartbeat(timeout, pipeline)
            self._beat = time.monotonic()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Drain the outbox for a slice."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            pipeline.execute()
        try:
            push()
        except redis.RedisError as error:
            log.warning("slice interrupted", error=type(error).__name__)
        except Exception:
            log.exception("slice interrupted in an unexpected way")
        self.set_state(WorkerStatus.IDLE)


# -- the jobs ----------------------------------------------------------------------------------------------------------


def push() -> int:
    """Send what can be sent; what is left after the slice wakes the next job.

    In a burst it waits for what is being sent: the worker ends when no job is queued, and a sent update may queue one.
    """
    kit, worker = _current[-1]
    sent = kit.dispatcher.drain(_SLICE, lambda: worker.stopping, wait=worker.burst)
    kit.lanes.notify_if_ready()
    return sent


def reconcile(store_id: str) -> None:
    """Compare what a store's POS says with what Gett was told, and append what is missing."""
    kit, _ = _current[-1]
    store = kit.stores.by_id(store_id)
    if store is not None:
        kit.reconciler.reconcile(store, status=not kit.settings.health_check_interval)


def onboard(store_id: str) -> None:
    """Register a store, or go on with its onboarding; the worker takes it further from time to time."""
    kit, _ = _current[-1]
    kit.onboarding.follow(store_id)
    kit.onboarding.advance_all()


def sync_menu(store_id: str) -> None:
    """Fetch a store's menu and publish it."""
    kit, _ = _current[-1]
    store = kit.stores.by_id(store_id)
    if store is not None:
        kit.catalog_sync.sync(store)


def publish_menu(store_id: str) -> None:
    """Publish a store's menu anew, because something has run out or is back."""
    kit, _ = _current[-1]
    store = kit.stores.by_id(store_id)
    if store is not None:
        kit.catalog_sync.publish(store)


# -- the workers -------------------------------------------------------------------------------------------------------


def run_push(kit: Kit, *, burst: bool = False) -> None:
    """Send until told to stop.

    :param burst: stop when nothing is queued.
    :raises ConfigurationError: when there is no API key.
    """
    kit.client  # noqa: B018 - a missing key is found before the first update is
    try:
        _run(kit, PushWorker, push_queue, [(1.0, kit.lanes.notify_if_ready)], burst=burst)
    finally:
        kit.dispatcher.finish()


def run_sync(kit: Kit, *, burst: bool = False) -> None:
    """Look after orders, stores and menus until told to stop."""
    tasks: list[tuple[float, Callable[[], object]]] = [
        (2.0, kit.pos_events.retry_held),
        (5.0, lambda: sweep_orders(kit)),
        (15.0, kit.stuck_orders.check),
        (5.0, lambda: _advance_onboardings(kit)),
        (kit.settings.reconcile_every, lambda: _queue_reconciliations(kit)),
        (kit.settings.catalog_refresh, lambda: _queue_menus(kit)),
        (1.0, lambda: _queue_due_menus(kit)),
    ]
    if kit.settings.health_check_interval:
        tasks.append((kit.settings.health_check_interval, kit.pos_health.check_all))
    if kit.settings.compare_status_every:
        tasks.append((kit.settings.compare_status_every, lambda: _compare_status(kit)))
    _run(kit, Worker, sync_queue, tasks, burst=burst)


def _run(
    kit: Kit,
    kind: type[Worker],
    queue: Callable[[redis.Redis], Queue],
    tasks: list[tuple[float, Callable[[], object]]],
    *,
    burst: bool,
) -> None:
    stop = threading.Event()
    for seconds, task in tasks:
        threading.Thread(target=_every, args=(seconds, task, stop), name="sweep", daemon=True).start()
    try:
        while not _work(kit, kind, queue, burst=burst):
            log.warning("redis out of reach, waiting")
            time.sleep(_RECONNECT)
    except StopRequested:
        return
    finally:
        stop.set()


def _work(kit: Kit, kind: type[Worker], queue: Callable[[redis.Redis], Queue], *, burst: bool) -> bool:
    """Work until told to stop, or with nothing left to do; False when Redis went away."""
    connection = connect(kit.settings)
    worker: Worker | None = None
    try:
        worker = kind([queue(connection)], connection=connection, serializer=JSONSerializer)
        worker.burst = burst
        worker.working = True
        _current.append((kit, worker))
        log.info("working", queue=worker.queues[0].name)
        # No scheduler: it would be a forked process that outlives a killed worker, and nothing here needs one.
        worker.work(burst=burst, logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("work interrupted", error=type(error).__name__)
        return worker is not None and worker.stopping
    finally:
        if worker is not None:
            worker.working = False
    # RQ ends without a word, too, when Redis fails in the middle of its work.
    return burst or worker.stopping


def _every(seconds: float, task: Callable[[], object], stop: threading.Event) -> None:
    while not stop.wait(seconds):
        try:
            task()
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("sweep failed, will try again", error=type(error).__name__)
        except Exception:
            log.exception("sweep failed in an unexpected way")


def sweep_orders(kit: Kit) -> None:
    """Look up the orders whose POS call died or is in doubt; settle those that the POS has. Never places."""
    for ref in kit.placement_store.expired():
        try:
            settled = kit.placement.look_up(ref)
        except redis.RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the order waits
            log.warning("order in doubt not looked up", order=ref, error=repr(error))
            settled = False
        if settled:
            log.info("order in doubt found at the pos", order=ref)
        else:
            kit.placement_store.postpone_lookup(ref, _LOOK_AGAIN)


def _advance_onboardings(kit: Kit) -> None:
    kit.onboarding.advance_all()


def _compare_status(kit: Kit) -> None:
    """Once a round, by whichever worker comes first."""
    if Intervals(kit.redis, kit.keys).claim("status-comparison", kit.settings.compare_status_every * 0.9):
        kit.store_status_check.check_all()


def _queue_reconciliations(kit: Kit) -> None:
    """One job a store, by whichever worker comes first."""
    every = max(1, int(kit.settings.reconcile_every) - 1)
    if not Intervals(kit.redis, kit.keys).claim("reconciliation", every):
        return
    for store in kit.stores:
        if not store.gett_id:  # Gett knows nothing of it yet
            continue
        sync_queue(kit.redis).enqueue(reconcile, store.id, result_ttl=0, failure_ttl=86_400, job_timeout=600)


def _queue_menus(kit: Kit) -> None:
    every = max(1, int(kit.settings.catalog_refresh) - 1)
    if not Intervals(kit.redis, kit.keys).claim("catalog-refresh", every):
        return
    for store in kit.stores:
        _queue_menu(kit, sync_menu, store.id)


def _queue_due_menus(kit: Kit) -> None:
    for what, store_id in kit.catalog_sync.claim_due():
        _queue_menu(kit, sync_menu if what == "sync" else publish_menu, store_id, soon=True)


def _queue_menu(kit: Kit, job: Callable[[str], None], store_id: str, *, soon: bool = False) -> None:
    sync_queue(kit.redis).enqueue(job, store_id, result_ttl=0, failure_ttl=86_400, job_timeout=600, at_front=soon)
