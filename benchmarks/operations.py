"""Benchmark of what operators read: ``python -m benchmarks.operations``, or ``make bench-operations``.

Two Redis servers side by side: the full one holds 100,000 finished orders, 10,000 refused ones, 10,000 with an update that waits,
10,000 dead letters, 1,000 unconfirmed orders, 1,000 in doubt and 100,000 actions of people; the small one holds 100 of each. As many
incidents are in both. An order is placed through the webhooks, finished, and then copied with new ids.

Every round does each read on both servers, one right after the other, and measures the CPU of this process and of the server. Each
ratio is the median of the rounds' ratios, full against small. Reads marked as bounded look at as many records as they may: their cost
has a bound, which a server with few orders does not reach. All but ``health`` and ``scrape``, which read the orders in doubt, find nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any
from uuid import uuid4

import redis

from benchmarks.memory import STORE, Installation
from benchmarks.orders_data import copy_each
from benchmarks.surroundings import surroundings
from webhook_kit import logs
from webhook_kit.operations import audit, dead_letters, incidents, order_list, orders
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.dead_letter_jobs import list_jobs
from webhook_kit.operations.dead_letters import DeadLetterFilter
from webhook_kit.operations.health import read_health
from webhook_kit.operations.order_list import OrderFilter
from webhook_kit.operations.prometheus import exposition
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.series import all_series
from webhook_kit.operations.timeline import timeline
from webhook_kit.operations.waiting import waiting
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.placement.order_search import PlacementState
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.clock import redis_time
from webhook_kit.testing.redis_server import RedisServer

FULL = {
    "finished": 100_000,
    "refused": 10_000,
    "waiting": 10_000,
    "dead_letters": 10_000,
    "unconfirmed": 1_000,
    "in_doubt": 1_000,
    "actions": 100_000,
}
FEW = 100
ROUNDS = 15
CALLS = 20
TARGET = 1.2
BATCH = 10_000


def main() -> None:
    started = time.monotonic()
    logs.configure("CRITICAL", "json")
    with ExitStack() as running:
        small, full = (Side(running.enter_context(RedisServer()).url) for _ in range(2))
        small.fill(dict.fromkeys(FULL, FEW))
        full.fill(FULL)
        filled = round(time.monotonic() - started)
        for number in range(ROUNDS + 1):
            for name in small.reads | small.bounded:
                for side in (small, full)[:: -1 if number % 2 else 1]:
                    side.measure(name)
    # The first round opens the connections.
    ratios = {
        name: round(median(f / s for f, s in zip(full.cpu[name][1:], small.cpu[name][1:], strict=True)), 2)
        for name in full.cpu
    }
    cpu = {name: [round(median(side.cpu[name][1:])) for side in (small, full)] for name in full.cpu}
    print(f"{'CPU µs':32}{'small':>8}{'full':>8}{'ratio':>8}   medians of {ROUNDS} rounds")
    for name in small.reads | small.bounded:
        print(f"{name:32}{cpu[name][0]:8}{cpu[name][1]:8}{ratios[name]:8.2f}{'   bounded' * (name in small.bounded)}")
    slowest = max(small.reads, key=lambda name: ratios[name])
    met = ratios[slowest] <= TARGET
    print(f"worst {ratios[slowest]}: {slowest} (target ≤ {TARGET}: {'met' if met else 'MISSED'})")
    results: dict[str, Any] = {"worst": ratios[slowest], "ratios": ratios, "cpu_us": cpu, "filled_in_s": filled}
    print(json.dumps(results | surroundings(started)))


class Side:
    """A kit with its Redis server.

    :ivar kit: on that server.
    :ivar reads: reads that cost the same on both sides.
    :ivar bounded: reads whose cost has a bound.
    :ivar cpu: µs of CPU of each read, in each round.
    """

    def __init__(self, redis_url: str) -> None:
        self.cpu: dict[str, list[float]] = {}
        self.reads: dict[str, Callable[[], object]] = {}
        self.bounded: dict[str, Callable[[], object]] = {}
        self.connection = redis.Redis.from_url(redis_url)
        self.connection.config_set("auto-aof-rewrite-percentage", 0)  # a rewrite of the file would be measured with it
        self._installation = Installation(redis_url)
        self.kit = self._installation.kit

    # -- data ----------------------------------------------------------------------------------------------------------

    def fill(self, numbers: dict[str, int]) -> None:
        installation, kit = self._installation, self.kit
        ref = installation.place()
        installation.finish([ref])
        finished = self._copies(ref, numbers["finished"] + numbers["unconfirmed"])
        self._trace([ids[0] for ids in finished])
        long_ago = redis_time(kit.redis) * 1000
        unconfirmed = [ids[0] for ids in finished[: numbers["unconfirmed"]]]
        kit.redis.zadd(kit.keys.unconfirmed, {name: long_ago + number for number, name in enumerate(unconfirmed)})
        refused = installation.place(item_id=str(uuid4()))
        kit.order_archive.archive_resting(-1)
        self._copies(refused, numbers["refused"])
        waits = self._copies(installation.place(), numbers["waiting"])[-1][0]
        self._put_in_doubt(numbers["in_doubt"])
        self._give_up(numbers["dead_letters"])
        self._act(numbers["actions"])
        for number in range(FEW):
            kit.alerts.raise_once(Alert.UNCONFIRMED, f"order-{number}", f"not confirmed within {number} min")
        self._define_reads(finished[-1], waits)

    def _copies(self, ref: str, number: int) -> list[list[str]]:
        record = self.kit.placement_store.find(ref) or {}
        ids = list(dict.fromkeys([ref, *record["keys"].split(), record.get("partner_id") or ref]))
        return copy_each(self.connection, ids, number)

    def _trace(self, refs: Sequence[str]) -> None:
        day = int(redis_time(self.kit.redis)) // 86_400
        self._last_trace = "00" * 16
        with self.kit.redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                trace = os.urandom(16)
                pipeline.hset(self.kit.keys.traces(f"{day}:{trace[0]:02x}"), trace[1:9], ref)
                self._last_trace = trace.hex()
            pipeline.execute()

    def _put_in_doubt(self, number: int) -> None:
        store = self.kit.placement_store
        for _ in range(number):
            name = str(uuid4())
            claim = store.claim(key=f"k-{name}", gett_id=name, store_id=STORE, fingerprint=name, priced_order=b"{}")
            assert isinstance(claim, Claim)
            store.settle(claim, AttemptOutcome.IN_DOUBT)

    def _give_up(self, number: int) -> None:
        kit, lanes = self.kit, self.kit.lanes
        kit.order_updates.cancel("given-up", "the oven is broken")  # the most urgent of all updates
        (lease,) = lanes.lease(1, 60_000).leases
        lanes.dead_letter(lease, "422: VALIDATION_FAILED", 422)
        entry = json.loads(kit.redis.hget(kit.keys.dead_letters, str(lease.number)) or "{}")
        now = redis_time(kit.redis) * 1000
        with kit.redis.pipeline(transaction=False) as pipeline:
            for other in range(lease.number + 1_000_000, lease.number + 1_000_000 + number):
                copy = {**entry, "id": other, "lane": f"order:{uuid4()}"}
                pipeline.hset(kit.keys.dead_letters, str(other), json.dumps(copy))
                pipeline.zadd(kit.keys.dead_letter_times, {str(other): now + other / 1_000})
            pipeline.execute()

    def _act(self, number: int) -> None:
        audit.record(self.kit, Actor("ada", Role.OPERATOR, "cli"), "link_order", "o1", "why")
        entries: Any = self.connection.xrange(self.kit.keys.audit)
        (_, fields), *_ = entries
        for start in range(0, number, BATCH):
            with self.kit.redis.pipeline(transaction=False) as pipeline:
                for _ in range(min(BATCH, number - start)):
                    pipeline.xadd(self.kit.keys.audit, fields)
                pipeline.execute()

    # -- reads ---------------------------------------------------------------------------------------------------------

    def _define_reads(self, finished: Sequence[str], waits: str) -> None:
        kit, (ref, key, number) = self.kit, finished

        def page(**condition: Any) -> Callable[[], object]:
            return lambda: order_list.list_orders(kit, OrderFilter(**condition))

        oldest: Any = self.connection.xrange(kit.keys.order_list, count=FEW // 2 + 1)
        place = oldest[-1][0].decode()
        self.reads = {
            "find_gett_id": lambda: _require(orders.find(kit, ref)),
            "find_key": lambda: _require(orders.find(kit, key)),
            "find_pos_number": lambda: _require(orders.find_by_pos_number(kit, number)),
            "find_trace": lambda: _require(orders.find_by_trace(kit, self._last_trace)),
            "find_any": lambda: _require(orders.find_any(kit, number)),
            "find_unknown": lambda: orders.find_any(kit, "unknown"),
            "timeline_archived": lambda: _require(timeline(kit, ref)),
            "timeline_waiting": lambda: _require(timeline(kit, waits)),
            "list_first_page": page(),
            "list_deep_page": lambda: order_list.list_orders(kit, OrderFilter(), cursor=place),
            "list_store": page(store_id=STORE),
            "list_refused": page(state=PlacementState.REFUSED),
            "list_in_doubt": page(state=PlacementState.IN_DOUBT),
            "list_unconfirmed": page(unconfirmed=True),
            "waiting": lambda: waiting(kit),
            "dead_letters": lambda: dead_letters.list_dead_letters(kit, DeadLetterFilter(), size=FEW),
            "count_dead_letters": lambda: dead_letters.count(kit, DeadLetterFilter()),
            "dead_letter_jobs": lambda: list_jobs(kit),
            "incidents": lambda: _require(incidents.incident_groups(kit)),
            "audit": lambda: _require(audit.list_audit(kit).entries),
            "quota": lambda: read_quota(kit),
            "graphs": lambda: all_series(kit),
        }
        self.bounded = {
            "health": lambda: read_health(kit),
            "scrape": lambda: exposition(kit),
            "list_of_an_unknown_number": page(pos_number="unknown"),
            "list_of_another_store": page(store_id="unknown"),
            "dead_letters_of_another_lane": lambda: dead_letters.list_dead_letters(kit, DeadLetterFilter(lane="x")),
            "count_dead_letters_by_reason": lambda: dead_letters.count(kit, DeadLetterFilter(why="x")),
            "audit_of_another_person": lambda: audit.list_audit(kit, who="eve"),
        }

    def measure(self, name: str) -> None:
        """Read ``CALLS`` times, and note the CPU of one call."""
        calls = 1 if name in self.bounded else CALLS
        read = (self.reads | self.bounded)[name]
        before = self._server_cpu(), time.process_time()
        for _ in range(calls):
            read()
        client, server = time.process_time() - before[1], self._server_cpu() - before[0]
        self.cpu.setdefault(name, []).append((client + server) / calls * 1e6)

    def _server_cpu(self) -> float:
        info = self.connection.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"])


def _require(found: object) -> None:
    assert found, "nothing was found"


if __name__ == "__main__":
    main()
