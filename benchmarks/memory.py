"""Benchmark of Redis memory: ``python -m benchmarks.memory``, or ``make bench-memory``.

Orders of 4 lines with 10 modifiers (:func:`benchmarks.pos.order`), 2.5 KB each, are placed through the webhooks, each with its own
ids. No worker runs; updates are acknowledged as if Gett had taken them. Each case begins with an emptied Redis and one order, so
that the catalog and the scripts are not counted. The load of the machine changes nothing here.

``waiting_order``          placed; its confirmation waits to be sent
``finished_order``         placed; confirmation, an estimate, ready and completed delivered
``finished_order_old``     the same after ``IDEMPOTENCY_TTL``, when its Idempotency-Key has expired
``refused_order``          refused by the catalog
``refused_order_at_rest``  the same after half an hour
``waiting_update``         an update of an order that waits to be sent, ten for each order; with merging one remains for each order
``rq_job``                 the alternative: one RQ job for each order, kept with its result, the answer; without any update
``plain_set``              the limit without compression: one SET of the answer, nothing else

For each: ``used`` is the difference of ``used_memory``, by which Redis and its plans count; ``dataset`` that of
``used_memory_dataset``, which leaves out what Redis needs for each key; ``usage`` the sum of ``MEMORY USAGE`` of all keys; ``keys``
their number.

The table of plans shows how many orders a day they hold with the default TTLs, a tenth of a day's orders being unfinished.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import copy
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

import redis
from rq import Queue, SimpleWorker

from benchmarks.outbox_engines import append_all
from benchmarks.outbox_updates import UPDATES_PER_ORDER, updates
from benchmarks.pos import as_body, order
from benchmarks.surroundings import surroundings
from webhook_kit import logs
from webhook_kit.app import create_app
from webhook_kit.gett.signing import signed_headers
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.quota import Quota
from webhook_kit.settings import Settings
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 2_000
CONNECTIONS = 100
"""Connections of an installation with two web processes of 32 threads, and its workers."""
IDLE = 5.0
"""Seconds after which Redis has shrunk the buffers of a connection that does nothing."""
PLANS = {"25 MB": 25, "50 MB": 50, "100 MB": 100, "250 MB": 250, "1 GB": 1024}
UNFINISHED = 0.1
"""Share of a day's orders that are not finished, at the busiest time."""
TARGET = 1024
DAY = 86_400
SECRET = "whsec_benchmark"
STORE = "main"
ITEMS = 500
READY_AT = datetime(2030, 5, 1, 18, 30, tzinfo=UTC)


Case = Callable[[int], Iterator[tuple[str, int]]]
"""Function that fills Redis for a number of orders, and yields the name and the number of the units that it holds then."""


class Size(NamedTuple):
    """Memory of Redis in bytes, and number of keys."""

    used: float
    dataset: float
    usage: float
    keys: float


def main() -> None:
    started = time.monotonic()
    logs.configure("ERROR", "json")
    with RedisServer() as server:
        connection = redis.Redis.from_url(server.url)
        empty = _used(connection)
        with ExitStack() as opened:
            for _ in range(CONNECTIONS):
                opened.enter_context(redis.Redis.from_url(server.url)).ping()
            time.sleep(IDLE)
            base = _used(connection)
        installation = Installation(server.url)
        sizes: dict[str, Size] = {}
        for case in _cases(installation):
            sizes |= installation.measure(case)
        version = connection.info("server")["redis_version"]
    print(f"{'bytes':24}{'used':>10}{'dataset':>10}{'usage':>10}{'keys':>8}   of each")
    for name, size in sizes.items():
        print(f"{name:24}" + "".join(f"{value:10.0f}" for value in size[:3]) + f"{size.keys:8.2f}")
    finished = sizes["finished_order"]
    print(
        f"finished_order {finished.dataset:.0f} (target ≤ {TARGET}: {'met' if finished.dataset <= TARGET else 'MISSED'})"
    )
    plans = _plans(sizes, base + installation.fixed)
    results: dict[str, Any] = {
        "bytes": {
            name: {part: round(value, 2) for part, value in size._asdict().items()} for name, size in sizes.items()
        },
        "empty_server": empty,
        "connections": base - empty,
        "catalog": installation.fixed,
        "plans": plans,
        "redis": version,
    }
    print(json.dumps(results | surroundings(started)))


class Installation:
    """A kit with one store, whose webhooks are called in this process.

    :ivar fixed: bytes that it takes without any order.
    """

    def __init__(self, redis_url: str) -> None:
        self.gett_store_id = str(uuid4())
        self.kit = Kit(
            Settings(
                redis_url=redis_url,
                gett_webhook_secrets=[SECRET],
                gett_api_key="benchmark",
                gett_writes_per_minute=0,
                pos_adapter="benchmarks.pos:MemoryPos",
                pos_store_id=STORE,
                gett_store_id=self.gett_store_id,
                store_options={"items": ITEMS},
            )
        )
        self.redis = self.kit.redis
        self.redis.script_flush()
        before = _used(self.redis)
        self._client = create_app(self.kit).test_client()
        self.template = self.post("/validateOrder", order(STORE, self.gett_store_id, ITEMS))
        self.fixed = _used(self.redis) - before

    def post(self, path: str, data: dict[str, Any], status: int = 200) -> dict[str, Any]:
        """Send a webhook, and return the answer."""
        body = as_body(data)
        headers = {**signed_headers(body, SECRET), "Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        response = self._client.post(path, data=body, headers=headers)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = json.loads(response.data)
        return answer

    def place(self, item_id: str | None = None) -> str:
        """Place an order, and return its orderRef.

        :param item_id: item of its first line; an unknown one is refused.
        """
        placed = {**self.template, "gettOrderId": str(uuid4()), "payment": {"type": "gettPayment"}}
        if item_id is not None:
            placed = json.loads(json.dumps(placed))
            placed["cart"]["lineItems"][0]["itemId"] = item_id
            del placed["validatedOrderToken"]
        self.post("/placeOrder", placed, 200 if item_id is None else 400)
        return str(placed["gettOrderId"])

    def finish(self, refs: list[str]) -> None:
        """Deliver every update of these orders up to their completion, one by one."""
        sent = self.kit.order_updates
        deliver(self.kit.lanes)
        for ref in refs:
            sent.progress(ref, "preparing", estimated_ready_at=READY_AT)
        deliver(self.kit.lanes)
        for ref in refs:
            sent.progress(ref, "ready")
        deliver(self.kit.lanes)
        for ref in refs:
            sent.complete(ref)
        deliver(self.kit.lanes)

    def measure(self, case: Case) -> dict[str, Size]:
        """Return the memory of one unit at each point of a case."""
        self.redis.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call] # Valkey would free the memory later
        for _ in case(1):
            pass
        before = _size(self.redis)
        sizes = {}
        for name, units in case(ORDERS):
            after = _size(self.redis)
            sizes[name] = Size(*((now - then) / units for now, then in zip(after, before, strict=True)))
        return sizes


def _cases(installation: Installation) -> Iterator[Case]:
    kit = installation.kit
    answer = as_body(installation.template)

    def life(orders: int) -> Iterator[tuple[str, int]]:
        refs = [installation.place() for _ in range(orders)]
        yield "waiting_order", orders
        installation.finish(refs)
        yield "finished_order", orders
        _delete(kit.redis, kit.keys.by_key("*"))
        yield "finished_order_old", orders

    def refused(orders: int) -> Iterator[tuple[str, int]]:
        for _ in range(orders):
            installation.place(item_id=str(uuid4()))
        yield "refused_order", orders
        kit.order_archive.archive_resting(-1)
        yield "refused_order_at_rest", orders

    def waiting_updates(name: str, *, merging: bool) -> Case:
        quota, ttl = Quota(0), kit.settings.order_ttl
        append = append_all(Lanes(kit.redis, kit.keys, kit.worker_notification, quota, ttl=ttl, merging=merging))

        def case(orders: int) -> Iterator[tuple[str, int]]:
            sent = updates(orders * UPDATES_PER_ORDER)
            append(sent)
            yield name, len(sent)

        return case

    def rq_job(orders: int) -> Iterator[tuple[str, int]]:
        queue = Queue("orders", connection=kit.redis)
        for _ in range(orders):
            body = as_body({**installation.template, "gettOrderId": str(uuid4())})
            queue.enqueue(copy, body, result_ttl=7 * DAY)  # the job returns its argument, as large as the answer
        SimpleWorker([queue], connection=kit.redis).work(burst=True, logging_level="ERROR")
        yield "rq_job", orders

    def plain_set(orders: int) -> Iterator[tuple[str, int]]:
        gett_order_id = installation.template["gettOrderId"].encode()
        for _ in range(orders):
            ref = str(uuid4())
            kit.redis.set(f"order:{ref}", answer.replace(gett_order_id, ref.encode()), ex=7 * DAY)
        yield "plain_set", orders

    yield life
    yield refused
    yield waiting_updates("waiting_update", merging=False)
    yield waiting_updates("waiting_update_merged", merging=True)
    yield rq_job
    yield plain_set


def deliver(lanes: Lanes) -> None:
    """Take every update that may be sent, as Gett does."""
    while leases := lanes.lease(100, 60_000).leases:
        for lease in leases:
            lanes.acknowledge(lease, 200)


def _plans(sizes: dict[str, Size], base: float) -> dict[str, dict[str, int]]:
    """Return, by plan, the orders that it holds and the orders a day."""
    settings = Settings()
    days = settings.order_ttl / DAY
    with_key = settings.idempotency_ttl / settings.order_ttl
    each = with_key * sizes["finished_order"].used + (1 - with_key) * sizes["finished_order_old"].used
    print(f"base: {base / 1e6:.1f} MB; {each:.0f} bytes for each finished order, on average over ORDER_TTL")
    plans = {}
    for name, megabytes in PLANS.items():
        a_day = (megabytes * 2**20 - base) / (days * each + UNFINISHED * sizes["waiting_order"].used)
        plans[name] = {"orders": int(a_day * days), "orders_a_day": int(a_day)}
        print(f"{name:>8}{plans[name]['orders']:12,}{plans[name]['orders_a_day']:10,} a day")
    return plans


def _used(connection: redis.Redis) -> int:
    return int(connection.info("memory")["used_memory"])


def _size(connection: redis.Redis) -> Size:
    _delete(connection, "*leases:*")  # they live for ten seconds
    memory, usage, keys = connection.info("memory"), 0, 0
    batch: list[bytes] = []
    for key in [*connection.scan_iter(count=1_000), None]:
        if key is not None:
            batch.append(key)
        if batch and (key is None or len(batch) == 1_000):
            with connection.pipeline(transaction=False) as pipeline:
                for name in batch:
                    pipeline.memory_usage(name, samples=0)
                usage += sum(pipeline.execute())
            keys += len(batch)
            batch.clear()
    return Size(memory["used_memory"], memory["used_memory_dataset"], usage, keys)


def _delete(connection: redis.Redis, pattern: str) -> None:
    for key in connection.scan_iter(pattern, count=1_000):
        connection.delete(key)


if __name__ == "__main__":
    main()
