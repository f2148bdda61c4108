"""What the outbox is measured against: each engine with its worker processes, warmed, and stopped while others are measured."""

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

from benchmarks.outbox_sink import Arrival, Sink
from benchmarks.outbox_work import API_KEY, Told, post, work
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.testing.processes import Process

__all__ = ["ROOT", "Engine", "append_all", "engines", "environment", "worker"]

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 64


class Engine:
    """A way to send updates: worker processes, and how they are given work.

    :ivar rates: updates a second, one figure for each measured round, by the sink's delay.
    :ivar disorder: updates that arrived before an older one of their order.
    """

    def __init__(self, name: str, processes: Sequence[Process], give: Callable[[Sequence[Told]], object]) -> None:
        self.name = name
        self.give = give
        self.rates: dict[float, list[float]] = {}
        self.disorder = 0
        self._processes = processes

    def start(self, running: ExitStack, sink: Sink) -> None:
        """Start the workers, warm them, and stop them until they are measured."""
        for process in self._processes:
            running.enter_context(process)
        running.callback(self.go)  # what is stopped cannot be ended
        for _ in range(2):
            sink.reset()
            self.give(work(WARM_UP))
            sink.wait(WARM_UP)
            time.sleep(0.3)
        self.halt()

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def halt(self) -> None:
        self._signal(signal.SIGSTOP)

    def measure(self, sink: Sink, delay: float, count: int) -> None:
        """Give all the work while the workers are stopped, let them go, and take the time until the last one arrives."""
        sink.reset(delay=delay)
        told = work(count)
        self.give(told)
        began = time.time()
        self.go()
        sink.wait(count)
        time.sleep(0.1 + delay)
        self.halt()
        arrivals = sink.log()
        assert len(arrivals) == count, f"{self.name}: {len(arrivals)} requests for {count} updates"
        self.rates.setdefault(delay, []).append(count / (arrivals[-1].at - began))
        self.disorder += _out_of_order(told, arrivals)
        print(f"{self.name} {delay * 1000:g} ms: {self.rates[delay][-1]:.0f}/s", flush=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.running:
                os.killpg(process.pid, number)


def _out_of_order(told: Sequence[Told], arrivals: Sequence[Arrival]) -> int:
    due: dict[str, list[dict[str, Any]]] = {}
    for order, update in told:
        due.setdefault(order, []).append(update.body)
    found = 0
    for arrival in arrivals:
        found += arrival.body != due[arrival.order][0]
        due[arrival.order].remove(arrival.body)
    return found


def environment(redis_url: str, sink: Sink, prefix: str, **more: str) -> dict[str, str]:
    """Of every worker process. The logs are as in production: INFO, JSON."""
    return {
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "GETT_API_URL": sink.url,
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
    """A process of :mod:`benchmarks.outbox_worker`."""
    return Process([sys.executable, "-m", "benchmarks.outbox_worker", *arguments], env=env, cwd=ROOT)


def append_all(lanes: Lanes, run: str = "") -> Callable[[Sequence[Told]], None]:
    """Gives updates to ours. An order ends for good, so every time it is another one to us, and the same to Gett."""
    times = 0

    def give(told: Sequence[Told]) -> None:
        nonlocal times
        times += 1
        for order, update in told:
            lanes.append(f"order:{run}{times}-{order}", update, store_id="main", gett_id=order)

    return give


def engines(redis_url: str, sink: Sink, lanes: Lanes) -> list[Engine]:
    """All of them: ours first, the limit last. Processes in brackets."""
    env = environment(redis_url, sink, "bench:")
    connection = redis.Redis.from_url(redis_url)

    def rq(queue: str) -> Callable[[Sequence[Told]], object]:
        to = Queue(queue, connection=connection)
        prepare = Queue.prepare_data
        return lambda told: to.enqueue_many([prepare(post, (order, update.body)) for order, update in told])

    def celery(queue: str) -> Callable[[Sequence[Told]], object]:
        from benchmarks.outbox_celery import task  # reads the environment

        return lambda told: [task.apply_async((order, update.body), queue=queue) for order, update in told]

    def dramatiq(told: Sequence[Told]) -> None:
        from benchmarks.outbox_dramatiq import actor  # reads the environment

        for order, update in told:
            actor.send(order, update.body)

    def limit(told: Sequence[Told]) -> None:
        for share in range(2):
            connection.rpush(f"limit:{share}", len(told))

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
