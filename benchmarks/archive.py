"""Benchmark of the long-term archive: ``python -m benchmarks.archive``, or ``make bench-archive``. Needs PostgreSQL.

The orders are those of :mod:`benchmarks.memory`: 4 lines with 10 modifiers, placed through the webhooks, each with four updates. All
come to rest before a sync worker's writer is started once.

``orders_per_second``  orders that one writer writes, with their updates
``cpu_ms``             time of CPU that its process takes for an order, the reading in Redis included
``order``, ``update``  bytes of a row in PostgreSQL, with its part of the indexes
``waiting``            bytes that Redis takes for an order that waits, in addition to the order itself
"""

from __future__ import annotations

import json
import time

from benchmarks.memory import Installation
from benchmarks.surroundings import surroundings
from tests.postgres_server import PostgresServer
from webhook_kit import logs
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.archive.queue import ArchiveQueue
from webhook_kit.operations.archive.writer import ArchiveWriter
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 5_000


def main() -> None:
    started = time.monotonic()
    logs.configure("ERROR", "json")
    with RedisServer() as server, PostgresServer() as postgres:
        url = postgres.create_database()
        installation = Installation(server.url)
        kit = installation.kit
        kit.settings = kit.settings.model_validate(dict(kit.settings) | {"archive_url": url})
        with open_archive(kit.settings) as archive:
            archive.migrate()
            ArchiveQueue(kit).begin()
            installation.finish([installation.place() for _ in range(ORDERS)])
            waiting = kit.redis.memory_usage(kit.keys.archiving_due, samples=0) or 0
            time.sleep(2)  # an order is read a second after it was queued
            wall, cpu = time.perf_counter(), time.process_time()
            ArchiveWriter(kit, archive).run()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            rows = archive.counts()
        assert rows["orders"] == ORDERS, rows
        sizes = {
            table[:-1]: postgres.execute(f"SELECT pg_total_relation_size('webhook_kit.{table}')", url)[0][0]
            / rows[table]
            for table in ("orders", "updates")
        }
    results = {
        "orders_per_second": round(ORDERS / wall),
        "cpu_ms": round(cpu / ORDERS * 1000, 2),
        **{name: round(size) for name, size in sizes.items()},
        "updates_per_order": rows["updates"] / ORDERS,
        "waiting": round(waiting / ORDERS),
    }
    for name, value in results.items():
        print(f"{name:20}{value:>10}")
    print(json.dumps(results | surroundings(started)))


if __name__ == "__main__":
    main()
