"""Engines of the outbox's benchmark: each with its worker processes, which are stopped while other engines are measured."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from rq import Queue

from benchmarks.fake_gett import Arrival, FakeGett
from benchmarks.outbox_updates import API_KEY, OrderUpdate, post, updates
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.testing.processes import Process

__all__ = ["ROOT", "Engine", "append_all", "engines", "environment", "worker"]

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 64


class Engine:
    """A way to send updates: worker processes, and a function that enqueues updates.

    :ivar rates: updates per second of each round, by the delay of the fake Gett.
    :ivar disorder: number of updates that arrived before an older one of their order.
    """

    def __init__(
        self, name: str, processes: Sequence[Process], enqueue: Callable[[Sequence[OrderUpdate]], object]
    ) -> None:
        self.name = name
        self.enqueue = enqueue
        self.rates: dict[float, list[float]] = {}
        self.disorder = 0
        self._processes = processes

    def start(self, running: ExitStack, gett: FakeGett) -> None:
        """Start the workers, send the warm-up updates, and stop the workers until they are measured."""
        for process in self._processes:
            running.enter_context(process)
        running.callback(self.resume)  # a stopped process cannot terminate
        for _ in range(2):
            gett.reset()
            self.enqueue(updates(WARM_UP))
            gett.wait(WARM_UP)
            time.sleep(0.3)
        self.stop()

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def measure(self, gett: FakeGett, delay: float, count: int) -> None:
        """Enqueue all updates while the workers are stopped, resume them, and measure the time until the last update arrives."""
        gett.reset(delay=delay)
        sent = updates(count)
        self.enqueue(sent)
        started = time.time()
        self.resume()
        gett.wait(count)
        time.sleep(0.1 + delay)
        self.stop()
        arrivals = gett.log()
        assert len(arrivals) == count, f"{self.name}: {len(arrivals)} requests for {count} updates"
        self.rates.setdefault(delay, []).append(count / (arrivals[-1].at - started))
        self.disorder += _out_of_order(sent, arrivals)
        print(f"{self.name} {delay * 1000:g} ms: {self.rates[delay][-1]:.0f}/s", flush=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.running:
                os.killpg(process.pid, number)


def _out_of_order(sent: Sequence[OrderUpdate], arrivals: Sequence[Arrival]) -> int:
    """Count the arrivals that are not the oldest update of their order that has not arrived yet."""
    remaining: dict[str, list[dict[str, Any]]] = {}
    for order, update in sent:
        remaining.setdefault(order, []).append(update.body)
    count = 0
    for arrival in arrivals:
        count += arrival.body != remaining[arrival.order][0]
        remaining[arrival.order].remove(arrival.body)
    return count


def environment(redis_url: str, gett: FakeGett, prefix: str, **more: str) -> dict[str, str]:
    """Return the environment of a worker process. The logs are as in production: INFO, JSON."""
    return {
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "GETT_API_URL": gett.url,
        "GETT_API_KEY": API_KEY,
        "GETT_WRITES_PER_MINUTE": "0",
        "KEY_PREFIX": prefix,
        "PUSH_THREADS": "16",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
        "MERGING": "0",
        **more,
    }


def worker(env: dict[str, str], *arguments: str) -> Process:
    """Return a process of :mod:`benchmarks.outbox_worker`."""
    return Process([sys.executable, "-m", "benchmarks.outbox_worker", *arguments], env=env, cwd=ROOT)


def append_all(lanes: Lanes, run: str = "") -> Callable[[Sequence[OrderUpdate]], None]:
    """Return a function that appends updates to the kit's lanes.

    Each call uses new lanes, because a lane is closed after the end of its order; the Gett ids stay the same.
    """
    calls = 0

    def append(updates: Sequence[OrderUpdate]) -> None:
        nonlocal calls
        calls += 1
        for order, update in updates:
            lanes.append(f"order:{run}{calls}-{order}", update, store_id="main", gett_id=order)

    return append


def engines(redis_url: str, gett: FakeGett, lanes: Lanes) -> list[Engine]:
    """Return all engines: the kit first, the limit last."""
    env = environment(redis_url, gett, "bench:")
    connection = redis.Redis.from_url(redis_url)

    def rq(queue: str) -> Callable[[Sequence[OrderUpdate]], object]:
        rq_queue = Queue(queue, connection=connection)
        prepare = Queue.prepare_data
        return lambda updates: rq_queue.enqueue_many([prepare(post, (order, update.body)) for order, update in updates])

    def celery(queue: str) -> Callable[[Sequence[OrderUpdate]], object]:
        from benchmarks.outbox_celery import task  # reads the environment

        return lambda updates: [task.apply_async((order, update.body), queue=queue) for order, update in updates]

    def dramatiq(updates: Sequence[OrderUpdate]) -> None:
        from benchmarks.outbox_dramatiq import actor  # reads the environment

        for order, update in updates:
            actor.send(order, update.body)

    def limit(updates: Sequence[OrderUpdate]) -> None:
        for share in range(2):
            connection.rpush(f"limit:{share}", len(updates))

    def celery_worker(pool: str, width: int) -> Process:
        options = f"worker --loglevel WARNING --without-gossip --without-mingle -P {pool} -c {width} -Q {pool}"
        command = [sys.executable, "-m", "celery", "-A", "benchmarks.outbox_celery", *options.split()]
        return Process([*command, "-n", f"{pool}@here"], env=env, cwd=ROOT)

    dramatiq_workers = "-m dramatiq benchmarks.outbox_dramatiq --processes 2 --threads 8"
    return [
        Engine("ours", [worker(env, "ours") for _ in range(2)], append_all(lanes)),
        Engine("rq", [worker(env, "rq")], rq("Worker")),
        Engine("rq_simple", [worker(env, "rq-simple") for _ in range(2)], rq("SimpleWorker")),
        Engine("celery_prefork", [celery_worker("prefork", 2)], celery("prefork")),
        Engine("celery_threads", [celery_worker("threads", 16)], celery("threads")),
        Engine("dramatiq", [Process([sys.executable, *dramatiq_workers.split()], env=env, cwd=ROOT)], dramatiq),
        Engine("limit", [worker(env, "limit", str(share), "2") for share in range(2)], limit),
    ]
