"""Worker processes of the outbox's benchmark: ``python -m benchmarks.outbox_worker ours|rq|rq-simple|limit|fifo``.

Each loads its code before its first job, like a worker that has run for a while. They are configured by the environment:
REDIS_URL, GETT_API_URL (the fake Gett), and for ``ours`` the kit's settings, MERGING and QUOTA_WINDOW_MS.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.outbox_updates import post, session, updates, url
from webhook_kit.kit import Kit
from webhook_kit.outbox.dispatcher import Dispatcher
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.quota import Quota
from webhook_kit.worker import run_push

__all__ = ["kit"]

THREADS = 16


def kit() -> Kit:
    """Return the kit with the settings that only a benchmark changes."""
    result = Kit.from_env()
    settings = result.settings
    window_ms = int(os.environ.get("QUOTA_WINDOW_MS", "60000"))
    quota = Quota(settings.gett_writes_per_minute, window_ms)
    merging = os.environ["MERGING"] == "1"
    result.lanes = Lanes(
        result.redis, result.keys, result.worker_notification, quota, ttl=settings.order_ttl, merging=merging
    )
    # The wait scales with the quota's window: 0.25 s for a minute.
    recheck = 0.25 * window_ms / 60_000
    result.dispatcher = Dispatcher(
        result.lanes, result.sending, result.client, threads=settings.push_threads, recheck=recheck
    )
    return result


def _rq(worker: Any, connection: redis.Redis) -> None:
    worker([Queue(worker.__name__, connection=connection)], connection=connection).work(logging_level="WARNING")


def _limit(connection: redis.Redis, share: int, shares: int) -> None:
    """Send every ``shares``-th update with a thread pool, without any other queue."""
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            entry: Any = connection.blpop([f"limit:{share}"])
            own_updates = updates(int(entry[1]))[share::shares]
            for _ in pool.map(lambda one: post(one.order, one.update.body), own_updates):
                pass


def _fifo(connection: redis.Redis, interval: float) -> None:
    """Send the updates of a plain list in their order, evenly paced."""
    due = 0.0
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            entry: Any = connection.blpop(["fifo"])
            due = max(
                time.monotonic() - 5 * interval, due + interval
            )  # a delay is made up for by at most five intervals
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(_send_until_accepted, *json.loads(entry[1]))


def _send_until_accepted(order: str, body: str) -> None:
    while (response := session().post(url(order), data=body, timeout=10)).status_code == 429:
        time.sleep(response.json()["retryAfter"])


def _main(name: str, *arguments: str) -> None:
    if name == "ours":
        run_push(kit())
        return
    connection = redis.Redis.from_url(os.environ["REDIS_URL"])
    if name == "limit":
        _limit(connection, int(arguments[0]), int(arguments[1]))
    elif name == "fifo":
        _fifo(connection, float(arguments[0]))
    else:
        _rq({"rq": Worker, "rq-simple": SimpleWorker}[name], connection)


if __name__ == "__main__":
    _main(*sys.argv[1:])
