"""The schedule of a worker: its threads go on whatever a task raises, and a thread that ends does not go unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.alerting.alert_env import Recorder, in_doubt
from webhook_kit import schedule
from webhook_kit.errors import WebhookKitError
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.schedule import ScheduledTask
from webhook_kit.storage.queues import RECONCILE_JOB, SYNC_CATALOG_JOB
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.testing.processes import PATIENCE, wait_until


@pytest.mark.parametrize(
    "error", [redis.ConnectionError(), WebhookKitError("a"), OSError("no space left"), MemoryError(), SystemExit(3)]
)
def test_task_is_repeated_whatever_it_raises(error: BaseException) -> None:
    stop, runs = threading.Event(), []

    def run() -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()
        raise error

    schedule._repeat(ScheduledTask("sweep", 0.001, run), stop)
    assert len(runs) == 3


def test_process_ends_with_a_thread_that_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of the loop itself")

    monkeypatch.setattr(schedule, "_repeat_until", broken)
    monkeypatch.setattr(schedule, "end_process", ended.append)
    with pytest.raises(RuntimeError):
        schedule._repeat(ScheduledTask("sweep", 0.001, broken), threading.Event())
    assert ended == [1]


def test_a_task_that_is_due_at_once_does_not_wait_and_an_interrupted_one_is_repeated_soon() -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return len(waits) > 3

    results = iter([redis.ConnectionError(), None, None])

    def run() -> None:
        if error := next(results):
            raise error

    schedule._repeat_until(ScheduledTask("catalog-refresh", 300.0, run, at_once=True), Stop())
    assert waits == [0.0, 5.0, 300.0, 300.0]
    waits.clear()
    schedule._repeat_until(ScheduledTask("notify", 1.0, lambda: None), Stop())
    assert waits == [1.0] * 4


def test_a_worker_that_hangs_gives_no_sign_of_life(kit: Kit, events: list[Any]) -> None:
    schedule._give_sign(kit, WorkerKind.PUSH, lambda: False)
    assert kit.redis.hexists(kit.keys.workers, "push")
    kit.redis.delete(kit.keys.workers)
    schedule._give_sign(kit, WorkerKind.PUSH, lambda: True)
    assert not kit.redis.hexists(kit.keys.workers, "push")
    assert events[-1]["event"] == "worker_hangs"


def test_a_task_that_does_not_end_is_reported(kit: Kit, monkeypatch: pytest.MonkeyPatch, events: list[Any]) -> None:
    began, release, stop = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        release.wait(PATIENCE)

    running: dict[str, float] = {}
    monkeypatch.setattr(schedule, "_running", running)
    schedule.start([ScheduledTask("held-events", 0.001, hang)], stop)
    try:
        assert began.wait(PATIENCE)
        schedule._give_sign(kit, WorkerKind.SYNC, lambda: False)
        assert "do not end" not in str(kit.worker_life.last_signs()[WorkerKind.SYNC])
        running["held-events"] -= 601
        schedule._give_sign(kit, WorkerKind.SYNC, lambda: False)
        assert str(kit.worker_life.last_signs()[WorkerKind.SYNC]).endswith("restart it: held-events")
        assert (events[-1]["event"], events[-1]["task"]) == ("scheduled_task_hangs", "held-events")
    finally:
        stop.set()
        release.set()
    wait_until(lambda: not running)
    schedule._give_sign(kit, WorkerKind.SYNC, lambda: False)
    assert "do not end" not in str(kit.worker_life.last_signs()[WorkerKind.SYNC])


def test_the_first_round_over_a_few_stores_is_due_at_once(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(compare_status_every=0)
    started: list[tuple[str, str]] = []
    jobs = StoreJobs(lambda job, store_id: started.append((job, store_id)))
    for task in schedule.store_schedule(kit, jobs, threading.Event()):
        assert task.at_once
        task.run()
    assert jobs.wait(PATIENCE) == []
    assert sorted(started) == [(RECONCILE_JOB, "main"), (SYNC_CATALOG_JOB, "main")]


def test_a_store_whose_job_was_not_started_keeps_its_turn(kit: Kit) -> None:
    """The process has to stop while it waits for a place."""
    stop, started = threading.Event(), list[str]()
    full = StoreJobs(lambda *_: None, places=0)
    stop.set()
    for _ in range(2):
        tasks = {task.name: task for task in schedule.store_schedule(kit, full, stop)}
        assert tasks["catalog-refresh"].run() == 0
    jobs = StoreJobs(lambda _, store_id: started.append(store_id))
    tasks = {task.name: task for task in schedule.store_schedule(kit, jobs, stop)}
    assert tasks["catalog-refresh"].run() == 1
    assert jobs.wait(PATIENCE) == []
    assert started == ["main"]


def run_tasks(tasks: list[ScheduledTask]) -> None:
    for task in tasks:
        if task.name.startswith(("alert", "missing-workers")):
            task.run()


def test_a_push_worker_sends_alerts_while_no_sync_worker_is_running(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    got = Recorder()
    monkeypatch.setitem(kit.__dict__, "alert_channels", [got.channel])
    tasks = schedule.push_schedule(kit, lambda: False)
    kit.worker_life.give_sign(WorkerKind.SYNC)
    kit.open_alerts.open(in_doubt())
    run_tasks(tasks)
    assert not got.got
    kit.redis.hset(kit.keys.workers, WorkerKind.SYNC, "1.0")
    run_tasks(tasks)
    run_tasks(tasks)
    assert {message.code for message in got.got} == {"order_in_doubt", "worker_not_running"}
    assert len(got.got) == 2


def test_each_channel_has_a_task_of_its_own_and_the_rules_run_once_per_interval(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = [Recorder("a").channel, Recorder("b").channel]
    monkeypatch.setitem(kit.__dict__, "alert_channels", channels)
    runs: list[int] = []
    monkeypatch.setattr("webhook_kit.alerting.evaluation.AlertEvaluation.run", lambda _: runs.append(1))
    tasks = [*schedule.sync_schedule(kit, lambda: False), *schedule.sync_schedule(kit, lambda: False)]
    names = [task.name for task in tasks]
    assert all(names.count(f"alerts-to-{channel.id}") == 2 for channel in channels)
    for task in tasks:
        if task.name == "alert-rules":
            task.run()
    assert runs == [1]


def test_without_a_channel_nothing_is_sent_and_alerts_are_opened_all_the_same(kit: Kit) -> None:
    kit.sending.halt("401")
    run_tasks(schedule.sync_schedule(kit, lambda: False))
    assert any(each.startswith("sending_halted") for each in kit.open_alerts.ids())
    assert not kit.redis.exists(kit.keys.alerts_changed)
