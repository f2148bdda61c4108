"""A worker knows when its job hangs."""

from __future__ import annotations

import time

import pytest
from rq.worker import WorkerStatus

from webhook_kit import worker
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect
from webhook_kit.storage.queues import push_queue
from webhook_kit.testing.redis_server import RedisServer


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


def test_a_worker_leaves_a_server_that_no_longer_answers(redis_server: RedisServer) -> None:
    connection = connect(Settings(redis_url=redis_server.url))
    running = worker.PushWorker([push_queue(connection)], connection=connection)
    assert connection.connection_pool.connection_kwargs["socket_timeout"] == running.connection_timeout == 10
