"""The schedule of a worker: its threads go on whatever a task raises, and a thread that ends does not go unnoticed."""

from __future__ import annotations

import threading

import pytest
import redis

from webhook_kit import worker
from webhook_kit.errors import WebhookKitError
from webhook_kit.worker import ScheduledTask


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

    worker._repeat(ScheduledTask("sweep", 0.001, run), stop)
    assert len(runs) == 3


def test_process_ends_with_a_thread_that_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of the loop itself")

    monkeypatch.setattr(worker, "_repeat_until", broken)
    monkeypatch.setattr(worker, "end_process", ended.append)
    with pytest.raises(RuntimeError):
        worker._repeat(ScheduledTask("sweep", 0.001, broken), threading.Event())
    assert ended == [1]
