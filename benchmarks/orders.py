"""Benchmark of many orders: ``python -m benchmarks.orders``, or ``make bench-orders``.

Two Redis servers side by side: the full one holds 100,000 finished orders, 10,000 with an update that waits, and 1,000 that their POS
never confirmed; the small one holds a page of each, so that a list has as much to show. An order is placed through the webhooks,
finished, and then copied with new ids. As many RQ jobs are in both, finished and queued: the alternative.

Every round does each of these on both servers, one right after the other, and measures the CPU of this process and of the server.
Each ratio is the median of the rounds' ratios, full against small.

``claim``, ``settle``       a placement's claim, and the record of its ticket with the first update
``append``, ``lease``, ``acknowledge``   the way of one update through its lane
``oldest``                  the update that is sent next
``find_ref``, ``find_gett_id``, ``find_key``, ``find_pos_id``   the record of an order by each of its names
``outbox``, ``order_list``  the commands ``webhook-kit outbox`` and ``webhook-kit order list``: the first page of each
``sweep_…``                 one run of each task that the workers repeat on schedule, when nothing new is due
``rq_…``                    a job of RQ: enqueued, read by its id, the first page of the finished ones, the clean-up of the registries
"""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from copy import copy
from statistics import median
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import click
import redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FinishedJobRegistry, clean_registries

from benchmarks.memory import DAY, STORE, Installation
from benchmarks.orders_data import copy_each
from benchmarks.pos import as_body
from benchmarks.surroundings import surroundings
from webhook_kit import logs
from webhook_kit.cli import order as order_command
from webhook_kit.cli import outbox as outbox_command
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import Lease
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.testing.redis_server import RedisServer

FINISHED, WAITING, UNCONFIRMED = 100_000, 10_000, 1_000
PAGE = 50
ROUNDS = 31
ORDERS = 64
"""Orders of a round, and calls of each look-up."""
RUNS, SWEEPS = 1, 20
"""Runs of each command and of each sweep in a round."""
TARGET = 1.2
LEASE_MS = 60_000
LEASES = 4
HOUR_MS = 3_600_000


def main() -> None:
    started = time.monotonic()
    logs.configure("CRITICAL", "json")
    with ExitStack() as running:
        small, full = (Side(running.enter_context(RedisServer()).url) for _ in range(2))
        small.fill(PAGE, PAGE, 0)
        full.fill(FINISHED, WAITING, UNCONFIRMED)
        filled = round(time.monotonic() - started)
        for number in range(ROUNDS + 1):
            for _ in zip(*(side.run() for side in (small, full)[:: -1 if number % 2 else 1]), strict=True):
                pass
        memory = int(full.connection.info("memory")["used_memory"])
    # The first round of a process reads everything once, and opens its connections.
    ratios = {
        name: round(median(f / s for f, s in zip(full.cpu[name][1:], small.cpu[name][1:], strict=True)), 2)
        for name in full.cpu
    }
    cpu = {name: [round(median(side.cpu[name][1:])) for side in (small, full)] for name in full.cpu}
    print(f"{'CPU µs':24}{'small':>8}{'full':>8}{'ratio':>8}   medians of {ROUNDS} rounds")
    for name, ratio in ratios.items():
        print(f"{name:24}{cpu[name][0]:8}{cpu[name][1]:8}{ratio:8.2f}")
    own = {name: ratio for name, ratio in ratios.items() if not name.startswith("rq_")}
    slowest = max(own, key=lambda name: own[name])
    met = own[slowest] <= TARGET
    print(f"worst {own[slowest]}: {slowest} (target ≤ {TARGET}: {'met' if met else 'MISSED'})")
    results: dict[str, Any] = {
        "worst": own[slowest],
        "ratios": ratios,
        "cpu_us": cpu,
        "orders": FINISHED + WAITING + UNCONFIRMED,
        "redis_mb": round(memory / 1e6),
        "filled_in_s": filled,
    }
    print(json.dumps(results | surroundings(started)))


class Side:
    """A kit with its Redis server.

    :ivar cpu: µs of CPU of each call, in each round.
    """

    def __init__(self, redis_url: str) -> None:
        self.cpu: dict[str, list[float]] = {}
        self.connection = redis.Redis.from_url(redis_url)
        self.connection.config_set("auto-aof-rewrite-percentage", 0)  # a rewrite of the file would be measured with it
        self._installation = Installation(redis_url)
        self._kit = self._installation.kit
        self._answer = as_body(self._installation.template)
        self._queue = Queue("orders", connection=self.connection)

    def fill(self, finished: int, waiting: int, unconfirmed: int) -> None:
        installation, kit = self._installation, self._kit
        ref = installation.place()
        installation.finish([ref])
        orders = copy_each(self.connection, self._ids(ref), finished + unconfirmed)
        long_ago = (time.time() * 1000) - HOUR_MS
        if unconfirmed:
            kit.redis.zadd(kit.keys.unconfirmed, dict.fromkeys((ids[0] for ids in orders[finished:]), long_ago))
        copy_each(self.connection, self._ids(installation.place()), waiting)
        self._fill_rq(finished, waiting)

    def _ids(self, ref: str) -> list[str]:
        record = self._kit.placement_store.find(ref) or {}
        return list(dict.fromkeys([ref, *record["keys"].split(), record["partner_id"]]))

    def _fill_rq(self, finished: int, waiting: int) -> None:
        job = self._queue.enqueue(copy, self._answer, result_ttl=7 * DAY)
        SimpleWorker([self._queue], connection=self.connection).work(burst=True, logging_level="ERROR")
        copy_each(self.connection, [job.id], finished)
        for _ in range(waiting):
            self._queue.enqueue(copy, self._answer)

    # -- one round -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _measured(self, name: str, calls: int) -> Iterator[None]:
        before = self._server_cpu(), time.process_time()
        yield
        client, server = time.process_time() - before[1], self._server_cpu() - before[0]
        self.cpu.setdefault(name, []).append((client + server) / calls * 1e6)

    def _server_cpu(self) -> float:
        info = self.connection.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"])

    def run(self) -> Iterator[None]:
        """Do everything once, and measure it. Yield after each part."""
        names = [str(uuid4()) for _ in range(ORDERS)]
        yield from self._place(names)
        yield from self._send(names)
        yield from self._look_up(names)
        yield from self._run_commands()
        yield from self._sweep()
        yield from self._use_rq()

    def _place(self, names: list[str]) -> Iterator[None]:
        store, claims = self._kit.placement_store, list[Claim]()
        with self._measured("claim", ORDERS):
            for name in names:
                claim = store.claim(
                    key=f"key-{name}", gett_id=name, store_id=STORE, fingerprint=name, priced_order=self._answer
                )
                assert isinstance(claim, Claim)
                claims.append(claim)
        yield
        update = order_progress(OrderStatus.CONFIRMED).text
        with self._measured("settle", ORDERS):
            for claim in claims:
                store.settle(
                    claim,
                    AttemptOutcome.PLACED,
                    status=200,
                    answer=self._answer,
                    partner_order_id=f"pos-{claim.ref}",
                    update=update,
                )
        yield

    def _send(self, names: list[str]) -> Iterator[None]:
        lanes, leases = self._kit.lanes, list[Lease]()
        with self._measured("append", ORDERS):
            for name in names:
                self._kit.order_updates.progress(name, OrderStatus.READY)
        yield
        with self._measured("oldest", ORDERS):
            for _ in range(ORDERS):
                (lane,) = lanes.all_waiting(1)
                assert lanes.waiting(lane)[0]["at"]
        yield
        with self._measured("lease", ORDERS):
            for _ in range(0, ORDERS, LEASES):
                leases += lanes.lease(LEASES, LEASE_MS).leases
        yield
        with self._measured("acknowledge", len(leases)):
            for lease in leases:
                assert lanes.acknowledge(lease, 200)
        yield

    def _look_up(self, names: list[str]) -> Iterator[None]:
        store, updates = self._kit.placement_store, self._kit.order_updates
        finds: dict[str, Callable[[str], object]] = {
            "find_ref": store.find,
            "find_gett_id": updates.find,
            "find_key": lambda name: store.find(f"key-{name}"),
            "find_pos_id": lambda name: updates.find_by_pos_id(STORE, f"pos-{name}"),
        }
        for case, find in finds.items():
            with self._measured(case, ORDERS):
                for name in names:
                    assert find(name) is not None
            yield

    def _run_commands(self) -> Iterator[None]:
        commands: dict[str, tuple[click.Command, list[str]]] = {
            "outbox": (outbox_command.command, []),
            "order_list": (order_command.command, ["list"]),
        }
        for case, (command, arguments) in commands.items():
            with (
                patch.object(Kit, "from_env", lambda: self._kit),
                redirect_stdout(io.StringIO()) as printed,
                redirect_stderr(printed),
                self._measured(case, RUNS),
            ):
                for _ in range(RUNS):
                    command.main(arguments, standalone_mode=False)
            assert len(printed.getvalue().splitlines()) > RUNS * PAGE
            yield

    def _sweep(self) -> Iterator[None]:
        kit = self._kit
        sweeps: dict[str, Callable[[], object]] = {
            "notify": kit.lanes.notify_if_ready,
            "held_events": kit.pos_events.retry_held,
            "orders_in_doubt": kit.placement_recovery.run,
            "stuck_orders": kit.stuck_orders.check,
            "onboarding": kit.onboarding.advance_all,
            "catalogs_due": lambda: list(kit.catalog_sync.claim_due()),
            "workers": kit.worker_life.check,
            "data_loss": kit.data_loss.check,
        }
        for case, sweep in sweeps.items():
            with self._measured(f"sweep_{case}", SWEEPS):
                for _ in range(SWEEPS):
                    sweep()
            yield

    def _use_rq(self) -> Iterator[None]:
        registry = FinishedJobRegistry(queue=self._queue)
        with self._measured("rq_enqueue", ORDERS):
            jobs = [self._queue.enqueue(copy, self._answer) for _ in range(ORDERS)]
        yield
        with self._measured("rq_fetch", ORDERS):
            for job in random.sample(jobs, ORDERS):
                Job.fetch(job.id, connection=self.connection)
        yield
        with self._measured("rq_list", RUNS):
            for _ in range(RUNS):
                Job.fetch_many(registry.get_job_ids(0, PAGE - 1), connection=self.connection)
        yield
        with self._measured("rq_clean_up", SWEEPS):
            for _ in range(SWEEPS):
                clean_registries(self._queue)
        yield
        for job in jobs:
            job.delete()


if __name__ == "__main__":
    main()
