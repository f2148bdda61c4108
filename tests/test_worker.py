"""A worker knows when its job hangs."""

from __future__ import annotations

import time

import pytest
from rq.worker import WorkerStatus

from webhook_kit import worker
from webhook_kit.kit import Kit
from webhook_kit.storage.queues import push_queue


def test_a_worker_hangs_if_its_job_runs_for_too_long(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    running = worker.PushWorker([push_queue(kit.redis)], connection=kit.redis)
    monkeypatch.setattr(worker, "_current", [(kit, running)])
    assert not worker._hangs()
    running.set_state(WorkerStatus.BUSY)
    assert not worker._hangs(), "a drain takes some seconds"
    running.busy_since = time.monotonic() - 61
    assert worker._hangs()
    running.set_state(WorkerStatus.IDLE)
    assert not worker._hangs()
