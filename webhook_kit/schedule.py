"""Schedule of the workers: tasks that each worker repeats, in a thread of their own each, whatever they raise.

Tasks for all stores visit each store in its turn (:mod:`webhook_kit.stores.turns`), and are the sync workers' alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import redis

from webhook_kit.alerting.channels import AlertChannel
from webhook_kit.alerting.evaluation import AlertEvaluation
from webhook_kit.alerting.redis_watch import RedisWatch
from webhook_kit.errors import WebhookKitError
from webhook_kit.exit import end_process
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations import dead_letter_jobs, retention
from webhook_kit.operations.alert_rules import RULES_EVERY, alert_rules
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.archive.queue import ArchiveQueue
from webhook_kit.operations.gauges import sample_gauges
from webhook_kit.pos.store import Store
from webhook_kit.storage.locks import Intervals
from webhook_kit.storage.queues import PUBLISH_CATALOG_JOB, RECONCILE_JOB, SYNC_CATALOG_JOB, enqueue_sync
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.stores.turns import Turns

__all__ = ["ScheduledTask", "alert_tasks", "push_schedule", "start", "store_schedule", "sync_schedule"]

log = logger("worker")

_RETRY = 5.0
"""Seconds at most before a task that Redis or Gett has interrupted runs again."""

_RUN_LIMIT = 600.0
"""Seconds for which a run of a task lasts at most; a longer one is reported with the worker's sign of life."""

_READS_PER_MINUTE = 500
"""Reads at Gett per minute at most to compare the status of stores: half of what Gett allows."""

_running: dict[str, float] = {}
"""Names of the tasks of this process that run now, and the monotonic times at which they began."""

_DUE_JOBS = {"sync": SYNC_CATALOG_JOB, "publish": PUBLISH_CATALOG_JOB}


class ScheduledTask(NamedTuple):
    """A task that a worker runs every so many seconds."""

    name: str
    seconds: float
    run: Callable[[], object]
    at_once: bool = False
    """True: also run it when the worker starts."""


def push_schedule(kit: Kit, hangs: Callable[[], bool]) -> list[ScheduledTask]:
    """Return the tasks of a push worker.

    :param hangs: returns True while a job runs for so long that the worker must not seem alive.
    """
    return [
        ScheduledTask("notify", 1.0, kit.lanes.notify_if_ready),
        *_signs_of_life(kit, WorkerKind.PUSH, hangs),
        # That no sync worker is running is an alert, too, and somebody has to send it.
        *_alert_delivery(kit, 30.0, lambda: _sync_worker_missing(kit)),
    ]


def sync_schedule(kit: Kit, hangs: Callable[[], bool]) -> list[ScheduledTask]:
    """Return the tasks of a sync worker, of which one is enough.

    :param hangs: as for :func:`push_schedule`.
    """
    return [
        ScheduledTask("held-events", 2.0, kit.pos_events.retry_held),
        ScheduledTask("orders-in-doubt", 5.0, lambda: _recover_orders(kit)),
        ScheduledTask("stuck-orders", 15.0, kit.stuck_orders.check),
        ScheduledTask("onboarding", 5.0, lambda: _continue_onboardings(kit)),
        ScheduledTask("catalogs-due", 1.0, lambda: _queue_due_catalogs(kit)),
        ScheduledTask("samples", 30.0, lambda: sample_gauges(kit), at_once=True),
        ScheduledTask("archive", 60.0, kit.order_archive.archive_resting),
        _long_term_archive(kit),
        ScheduledTask("contact-data", 60.0, lambda: retention.expire_contact(kit)),
        ScheduledTask("dead-letters-and-incidents", 600.0, lambda: _expire(kit)),
        ScheduledTask("dead-letter-jobs", 1.0, lambda: dead_letter_jobs.work(kit)),
        ScheduledTask("former-order-list", 3600.0, lambda: _expire_former_list(kit), at_once=True),
        *alert_tasks(kit),
        *_signs_of_life(kit, WorkerKind.SYNC, hangs),
    ]


def _long_term_archive(kit: Kit) -> ScheduledTask:
    """Return the task that writes the long-term archive, or the one that ends an earlier one.

    :raises ConfigurationError: the extra for it is not installed.
    """
    if kit.settings.archive_url is None:
        return ScheduledTask("no-long-term-archive", 3600.0, ArchiveQueue(kit).end, at_once=True)
    # Imported here, because SQLAlchemy is an extra.
    database = open_archive(kit.settings)
    from webhook_kit.operations.archive.writer import ArchiveWriter

    return ScheduledTask("long-term-archive", 5.0, ArchiveWriter(kit, database).run, at_once=True)


def alert_tasks(kit: Kit) -> list[ScheduledTask]:
    """Return the tasks of a sync worker that open, resolve and send alerts."""
    intervals = Intervals(kit.redis, kit.keys)
    evaluation = AlertEvaluation(kit.redis, kit.keys, kit.open_alerts, alert_rules(kit))

    def evaluate() -> None:
        if intervals.claim("alert-rules", RULES_EVERY - 1) is not None:
            evaluation.run()

    return [ScheduledTask("alert-rules", RULES_EVERY, evaluate), *_alert_delivery(kit, 2.0, lambda: True)]


def _alert_delivery(kit: Kit, seconds: float, needed: Callable[[], bool]) -> list[ScheduledTask]:
    """Return the tasks that send alerts while ``needed`` returns True; each channel has its own, so that none waits for another."""

    def if_needed(name: str, run: Callable[[], object]) -> ScheduledTask:
        return ScheduledTask(name, seconds, lambda: needed() and run())

    def sending_to(channel: AlertChannel) -> ScheduledTask:
        return if_needed(f"alerts-to-{channel.id}", lambda: kit.alert_delivery.deliver(channel))

    tasks = [if_needed("alert-queues", kit.alert_delivery.queue_changes), *map(sending_to, kit.alert_channels)]
    if kit.alert_channels:
        watch = RedisWatch(kit.redis, kit.keys, kit.alert_channels, kit.settings)
        tasks.append(ScheduledTask("redis-watch", 10.0, watch.check))
    return tasks


def _sync_worker_missing(kit: Kit) -> bool:
    return kit.worker_life.last_signs()[WorkerKind.SYNC].missing


def store_schedule(kit: Kit, jobs: StoreJobs, stop: threading.Event) -> list[ScheduledTask]:
    """Return the tasks of a sync worker that visit each store in its turn.

    :param jobs: runs the jobs of the stores.
    """

    def in_turn(task: str, interval: float, visit: Callable[[Store], object], **limit: float) -> ScheduledTask:
        turns = Turns(kit.redis, kit.keys, task, interval, **limit)
        return ScheduledTask(task, turns.pause, lambda: turns.take(kit.stores, visit), at_once=True)

    def reconcile(store: Store) -> bool:
        # Gett has no orders for a store without an id.
        return not store.gett_id or jobs.start(RECONCILE_JOB, store.id, stop.is_set)

    def refresh_catalog(store: Store) -> bool:
        return jobs.start(SYNC_CATALOG_JOB, store.id, stop.is_set)

    def check_health(store: Store) -> bool:
        return kit.pos_health.start_check(store, stop.is_set)

    def compare_status(store: Store) -> None:
        kit.store_status_check.visit(store)

    settings = kit.settings
    tasks = [
        in_turn("reconciliation", settings.reconcile_every, reconcile),
        in_turn("catalog-refresh", settings.catalog_refresh, refresh_catalog),
    ]
    if interval := settings.health_check_interval:
        tasks.append(in_turn("health-checks", interval, check_health))
    if interval := settings.compare_status_every:
        tasks.append(in_turn("status-comparison", interval, compare_status, per_minute=_READS_PER_MINUTE))
    return tasks


def _signs_of_life(kit: Kit, kind: WorkerKind, hangs: Callable[[], bool]) -> list[ScheduledTask]:
    return [
        ScheduledTask("sign-of-life", 5.0, lambda: _give_sign(kit, kind, hangs), at_once=True),
        ScheduledTask("missing-workers", 30.0, kit.worker_life.check),
        ScheduledTask("data-loss", 5.0, lambda: _check_data_loss(kit), at_once=True),
    ]


def _check_data_loss(kit: Kit) -> None:
    if kit.data_loss.check():
        for store in kit.stores:
            if store.gett_id:
                enqueue_sync(kit.redis, RECONCILE_JOB, store.id, first=True)


def _give_sign(kit: Kit, kind: WorkerKind, hangs: Callable[[], bool]) -> None:
    if hangs():
        log.error("worker_hangs", worker=kind, why="a job has not ended for too long; no sign of life is given")
        return
    now = time.monotonic()
    hanging = sorted(name for name, began in list(_running.items()) if now - began > _RUN_LIMIT)
    for name in hanging:
        log.error(
            "scheduled_task_hangs", task=name, why=f"it has not ended within {_RUN_LIMIT:.0f} s; restart the worker"
        )
    kit.clock_watch.observe("Redis", kit.worker_life.give_sign(kind, hanging))


# Both parts are built only here, as the status comparison above: without an API key, or without a token secret, the other tasks still run.
def _recover_orders(kit: Kit) -> None:
    kit.placement_recovery.run()


def _continue_onboardings(kit: Kit) -> None:
    kit.onboarding.advance_all()


def _expire(kit: Kit) -> None:
    retention.expire_dead_letters(kit)
    retention.expire_incidents(kit)


def _expire_former_list(kit: Kit) -> None:
    if kit.redis.ttl(kit.keys.orders) == -1:
        kit.redis.expire(kit.keys.orders, kit.settings.order_ttl)


def _queue_due_catalogs(kit: Kit) -> None:
    for action, store_id in kit.catalog_sync.claim_due():
        enqueue_sync(kit.redis, _DUE_JOBS[action], store_id, first=True)


def start(tasks: list[ScheduledTask], stop: threading.Event) -> None:
    """Repeat tasks in threads of this process until ``stop`` is set."""
    for task in tasks:
        threading.Thread(target=_repeat, args=(task, stop), name=task.name, daemon=True).start()


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
        _running[task.name] = time.monotonic()
        try:
            task.run()
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("scheduled_task_interrupted", task=task.name, error=type(error).__name__)
            pause = min(task.seconds, _RETRY)
        except BaseException:  # a vendor's code may raise anything
            log.exception("scheduled_task_failed", task=task.name)
        finally:
            del _running[task.name]
