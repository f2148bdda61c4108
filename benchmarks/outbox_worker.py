"""The worker processes of the outbox's benchmark: ``python -m benchmarks.outbox_worker ours|rq|rq-simple|limit|fifo``.

Each loads its code before its first job, as a worker does that has run for a while. The environment says the rest: REDIS_URL,
GETT_API_URL (the sink), and for ours what the kit's own settings name, with MERGING and QUOTA_WINDOW_MS besides.
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

from benchmarks.outbox_work import post, session, url, work
from webhook_kit.kit import Kit
from webhook_kit.outbox.dispatcher import Dispatcher
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.quota import Quota
from webhook_kit.worker import run_push

__all__ = ["kit"]

THREADS = 16


def kit() -> Kit:
    """Ours, with what only a measurement changes."""
    made = Kit.from_env()
    settings = made.settings
    window_ms = int(os.environ.get("QUOTA_WINDOW_MS", "60000"))
    quota = Quota(settings.gett_writes_per_minute, window_ms)
    merging = os.environ["MERGING"] == "1"
    made.lanes = Lanes(made.redis, made.keys, made.worker_notification, quota, ttl=settings.order_ttl, merging=merging)
    # The patience scales with the quota's time: 0.25 s of a minute.
    look_again = 0.25 * window_ms / 60_000
    made.dispatcher = Dispatcher(
        made.lanes, made.sending, made.client, threads=settings.push_threads, recheck=look_again
    )
    return made


def _rq(worker: Any, connection: redis.Redis) -> None:
    worker([Queue(worker.__name__, connection=connection)], connection=connection).work(logging_level="WARNING")


def _limit(connection: redis.Redis, share: int, of: int) -> None:
    """A bare thread pool; every ``of``-th update, and no queue but the pool's."""
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            found: Any = connection.blpop([f"limit:{share}"])
            mine = work(int(found[1]))[share::of]
            for _ in pool.map(lambda told: post(told.order, told.update.body), mine):
                pass


def _fifo(connection: redis.Redis, interval: float) -> None:
    """First in, first out: one update at a time off a plain list, evenly paced."""
    due = 0.0
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            found: Any = connection.blpop(["fifo"])
            due = max(time.monotonic() - 5 * interval, due + interval)  # late once is not late for ever
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(_insist, *json.loads(found[1]))


def _insist(order: str, body: str) -> None:
    while (answer := session().post(url(order), data=body, timeout=10)).status_code == 429:
        time.sleep(answer.json()["retryAfter"])


def _main(what: str, *rest: str) -> None:
    if what == "ours":
        run_push(kit())
        return
    connection = redis.Redis.from_url(os.environ["REDIS_URL"])
    if what == "limit":
        _limit(connection, int(rest[0]), int(rest[1]))
    elif what == "fifo":
        _fifo(connection, float(rest[0]))
    else:
        _rq({"rq": Worker, "rq-simple": SimpleWorker}[what], connection)


if __name__ == "__main__":
    _main(*sys.argv[1:])
