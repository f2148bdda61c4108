"""Benchmark of many stores: ``python -m benchmarks.stores``, or ``make bench-stores``.

10, 1,000 and 10,000 stores, kept in a file, in Redis (credentials encrypted) and by a class of the vendor. All in CPU time and in
commands of Redis, so that other load on the machine matters little.

``start``     a process that loads the stores: CPU time without the imports, and memory (USS)
``look-up``   ``by_gett_id``, beside a plain dict
``webhook``   ``validateOrder`` and ``placeOrder`` in process, through Flask: orders for 50 stores that lie evenly among 10,000, and as
              many orders for 10 stores; the ratio is that of medians of CPU time, measured in turn; and the CPU time of Redis
``periodic``  a visit of each store by each periodic task, with a POS and a Gett that answer at once: commands per store, its CPU time,
              and that of Redis; and a call that finds no turn
``catalog``   memory of Redis per store, with its last good catalog, after these visits
``idle``      an installation with one store and nothing to do, as processes: a web server and a worker for a minute
``spread``    the largest part of all visits in a twentieth of the interval, beside a loop over all stores (1.0)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psutil
from flask.testing import FlaskClient

from benchmarks.pos import as_body, catalog, order
from benchmarks.surroundings import surroundings
from webhook_kit import logs
from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, PosAdapter, PosOrder, Store, StoreState
from webhook_kit.app import create_app
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.signing import signed_headers
from webhook_kit.kit import Kit
from webhook_kit.monitoring.store_status import StoreStatusCheck
from webhook_kit.settings import Settings
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.queues import RECONCILE_JOB, SYNC_CATALOG_JOB
from webhook_kit.stores import turns as turns_module
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.stores.file import as_toml
from webhook_kit.stores.turns import Turns
from webhook_kit.testing.redis_server import RedisServer
from webhook_kit.testing.stack import Stack
from webhook_kit.worker import _JOBS

SIZES = 10, 1_000, 10_000
SOURCES = "file", "redis", "class"
ADAPTER = "benchmarks.stores:QuietPos"
SECRET = "whsec_benchmark"
ITEMS = 150
ROUNDS = 15
ORDERS = 50
"""Orders in a round; at 10,000 stores each is for another store."""
STARTED, IDLE = 15.0, 60.0
"""Seconds until an installation is at rest, and for which it is measured."""
VISITED = 200
"""Stores that each periodic task visits in the measurement."""


class QuietPos(PosAdapter):
    """A POS that answers at once."""

    name = "quiet"
    capabilities: ClassVar[dict[Capability, Level]] = dict.fromkeys(
        (Capability.NATIVE_IDEMPOTENCY, Capability.ORDERS_SINCE, Capability.STORE_STATUS), Level.SUPPORTED
    )

    def fetch_catalog(self, store: Store) -> CatalogSet:
        return catalog(store.id, ITEMS)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed:  # noqa: ARG002
        return Placed(key)

    def orders_since(self, store: Store, since: datetime) -> list[PosOrder]:  # noqa: ARG002
        return []

    def store_status(self, store: Store) -> StoreState:  # noqa: ARG002
        return StoreState.OPEN


class OnlineGett:
    """Gett, whose stores are all online, without a network."""

    def send(self, call: ApiCall) -> ApiResponse:  # noqa: ARG002
        return ApiResponse(200, {}, b'{"status":"online"}')


class ClassStores:
    """A vendor's directory in memory."""

    def __init__(self) -> None:
        self._by_id = {store.id: store for store in made(int(os.environ["BENCHMARK_STORES"]))}
        self._by_gett_id = {store.gett_id: store for store in self._by_id.values()}

    def __iter__(self) -> Iterator[Store]:
        return iter(self._by_id.values())

    def by_id(self, store_id: str) -> Store | None:
        return self._by_id.get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        return self._by_gett_id.get(gett_store_id)


def made(count: int) -> list[Store]:
    return [
        Store(
            f"store-{n:05}", str(UUID(int=n + 1)), ADAPTER, credentials={"token": f"secret-{n}"}, name=f"Restaurant {n}"
        )
        for n in range(count)
    ]


def settings(source: str, count: int, url: str, directory: Path, key: str) -> Settings:
    """Return the settings of an installation; its stores are written when it is used for the first time."""
    prefix, changes = f"{source}-{count}:", dict[str, Any]()
    if source == "file":
        changes["stores_file"] = file = directory / f"{count}.toml"
        if not file.exists():
            file.write_text(as_toml(made(count)), encoding="utf-8")
    elif source == "class":
        os.environ["BENCHMARK_STORES"] = str(count)
        changes["stores_source"] = "benchmarks.stores:ClassStores"
    result = Settings(
        redis_url=url,
        key_prefix=prefix,
        gett_webhook_secrets=[SECRET],
        gett_api_key="key",
        webhook_kit_key=[key],
        compare_status_every=0,
        public_url="https://pos.example",
        log_level="ERROR",
        **changes,
    )
    kit = Kit(result)
    if source == "redis" and not kit.store_repository.version():
        records = {store.id: kit.store_repository._encode(store) for store in made(count)}  # noqa: SLF001
        kit.redis.hset(kit.keys.stores, mapping=records)  # type: ignore[arg-type]
        kit.redis.set(kit.keys.stores_version, "first")
    return result


# -- start and look-up -------------------------------------------------------------------------------------------------


def start(source: str, count: int, url: str, directory: str, key: str) -> None:
    """Load the stores and print the figures; the body of a process of its own."""
    logs.configure("ERROR", "json")
    kit = Kit(settings(source, count, url, Path(directory), key))
    kit.redis.ping()
    began = time.process_time()
    stores = list(kit.stores)
    cpu = time.process_time() - began
    assert len(stores) == count
    wanted = stores[count // 2].gett_id
    kit.stores.by_gett_id(wanted)
    ours = _cpu(lambda: [kit.stores.by_gett_id(wanted) for _ in range(2_000)]) / 2_000
    memory = psutil.Process().memory_full_info().uss / 1e6
    ids = {store.gett_id: store for store in stores}
    plain = _cpu(lambda: [ids.get(wanted) for _ in range(200_000)]) / 200_000
    print(json.dumps({"cpu_ms": cpu * 1e3, "uss_mb": memory, "look_up_us": ours * 1e6, "dict_us": plain * 1e6}))


def _started(*arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.stores", *map(str, arguments)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    figures: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return {name: round(value, 2) for name, value in figures.items()}


# -- webhooks ----------------------------------------------------------------------------------------------------------


def webhook_costs(few: Settings, many: Settings) -> dict[str, dict[str, float]]:
    """Return the µs of CPU time of each webhook with few and with many stores, and their ratio."""
    clients, orders, kits = {}, {}, {}
    in_redis = {kind: {"few": list[float](), "many": list[float]()} for kind in ("validate", "place")}
    costs = {kind: {"few": list[float](), "many": list[float]()} for kind in ("validate", "place")}
    for name, each, count in (("few", few, SIZES[0]), ("many", many, SIZES[-1])):
        if each.stores_source:
            os.environ["BENCHMARK_STORES"] = str(count)
        kits[name] = Kit(each)
        clients[name] = client = create_app(kits[name]).test_client()
        stores = made(count)[:: max(count // ORDERS, 1)] * max(ORDERS // count, 1)
        carts = [order(store.id, store.gett_id, ITEMS) for store in stores]
        orders[name] = (
            carts,
            [_validate(client, as_body(cart)) | {"payment": {"type": "gettPayment"}} for cart in carts],
        )
    for number in range(ROUNDS + 2):
        for name in list(clients)[:: -1 if number % 2 else 1]:
            for kind, webhook, data in zip(costs, (_validate, _place), orders[name], strict=True):
                bodies = [as_body(each | {"gettOrderId": str(uuid4())}) for each in data]
                redis_began, began = _redis_cpu(kits[name]), time.process_time()
                for body in bodies:
                    webhook(clients[name], body)
                if number >= 2:
                    costs[kind][name].append((time.process_time() - began) / len(bodies))
                    in_redis[kind][name].append((_redis_cpu(kits[name]) - redis_began) / len(bodies))
    return {
        measured: _compared(median(each["few"]), median(each["many"]))
        for kind in costs
        for measured, each in ((kind, costs[kind]), (f"{kind}_redis", in_redis[kind]))
    }


def _compared(few: float, many: float) -> dict[str, float]:
    return {"few_us": round(few * 1e6, 1), "many_us": round(many * 1e6, 1), "ratio": round(many / few, 3)}


def _validate(client: FlaskClient, body: bytes) -> dict[str, Any]:
    response = client.post("/validateOrder", data=body, headers=signed_headers(body, SECRET))
    validated: dict[str, Any] = response.get_json()
    assert validated["isValid"], response.text
    return validated


def _place(client: FlaskClient, body: bytes) -> dict[str, Any]:
    headers = {**signed_headers(body, SECRET), "Idempotency-Key": str(uuid4())}
    response = client.post("/placeOrder", data=body, headers=headers)
    placed: dict[str, Any] = response.get_json()
    assert placed["partnerOrderId"], response.text
    return placed


# -- periodic tasks ----------------------------------------------------------------------------------------------------


def periodic(kit: Kit) -> dict[str, dict[str, float]]:
    """Return what each task costs: commands and µs of CPU time per visited store, here and in Redis, and ms of a call that finds no turn."""
    gett = GettClient("https://gett.example", "key", transport=OnlineGett())
    status_check = StoreStatusCheck(kit.redis, kit.keys, kit.store_status, kit.lanes, gett, kit.alerts)
    jobs = StoreJobs(lambda name, store_id: _JOBS[name](kit, store_id))
    tasks: dict[str, Callable[[Store], object]] = {
        "reconciliation": lambda store: jobs.start(RECONCILE_JOB, store.id),
        "catalog-refresh": lambda store: jobs.start(SYNC_CATALOG_JOB, store.id),
        "health-checks": kit.pos_health.start_check,
        "status-comparison": status_check.visit,
    }
    stores, results = list(kit.stores)[:VISITED], dict[str, dict[str, float]]()
    memory = kit.redis.info("memory")["used_memory"]
    for name, visit in tasks.items():
        # The first visits store what is new; those that are measured find nothing new, as nearly all do.
        for each in ("first", "measured"):
            kit.redis.config_resetstat()
            redis_began, began = _redis_cpu(kit), time.process_time()
            _visit_all(Turns(kit.redis, kit.keys, f"{name}-{each}", 1.0), stores, visit, jobs, kit)
            cpu, redis_cpu = time.process_time() - began, _redis_cpu(kit) - redis_began
        commands = sum(entry["calls"] for entry in kit.redis.info("commandstats").values())
        idle, now = Turns(kit.redis, kit.keys, name, 1e6), int(time.time() * 1e6)
        idle._save(now + 1_000_000, now)  # noqa: SLF001
        began = time.process_time()
        idle.take(kit.stores, visit)
        results[name] = {
            "cpu_us": round(cpu / len(stores) * 1e6),
            "redis_us": round(redis_cpu / len(stores) * 1e6),
            "commands": round(commands / len(stores), 1),
            "no_turn_ms": round((time.process_time() - began) * 1e3, 1),
        }
    results["catalog"] = {"bytes": round((kit.redis.info("memory")["used_memory"] - memory) / len(stores))}
    return results


def _redis_cpu(kit: Kit) -> float:
    """Return the seconds of CPU time that Redis has used so far."""
    info = kit.redis.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


def _visit_all(taken: Turns, stores: list[Store], visit: Callable[[Store], object], jobs: StoreJobs, kit: Kit) -> None:
    visited = 0
    while visited < len(stores):
        taken._idle_until = 0.0  # noqa: SLF001
        visited += taken.take(stores, visit)
    jobs.wait()
    kit.pos_health._jobs.wait()  # noqa: SLF001


def idle() -> dict[str, dict[str, float]]:
    """Return what an installation with nothing to do needs: % of a core, and MB of private memory."""
    with tempfile.TemporaryDirectory() as name, Stack("bogus", options={"file": f"{name}/pos.sqlite"}) as stack:
        time.sleep(STARTED)
        roots = {"web": stack.web[0].pid, "worker": stack.worker.pid, "redis": stack.redis.pid}
        parents = {name: psutil.Process(each) for name, each in roots.items()}
        trees = {name: [parent, *parent.children(recursive=True)] for name, parent in parents.items()}
        before = {name: _cpu_of(tree) for name, tree in trees.items()}
        time.sleep(IDLE)
        return {
            name: {
                "cpu_percent": round((_cpu_of(tree) - before[name]) / IDLE * 100, 2),
                "uss_mb": round(sum(process.memory_full_info().uss for process in tree) / 1e6),
                "processes": len(tree),
            }
            for name, tree in trees.items()
        }


def _cpu_of(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


def spread(kit: Kit) -> float:
    """Return the largest part of all visits in a twentieth of the interval of a round over 10,000 stores."""
    now, interval, stores = time.time(), 300.0, made(SIZES[-1])
    turns, slices = Turns(kit.redis, kit.keys, "spread", interval), Counter[int]()
    turns._save(int(now * 1e6), int(now * 1e6))  # noqa: SLF001
    try:
        for tick in range(1, 101):
            vars(turns_module)["redis_time"] = lambda _, at=now + tick * interval / 100: at
            turns._idle_until = 0.0  # noqa: SLF001
            slices[(tick - 1) // 5] += turns.take(stores, lambda _: None)
    finally:
        vars(turns_module)["redis_time"] = redis_time
    assert slices.total() == len(stores), "each store once"
    return round(max(slices.values()) / len(stores), 3)


def _cpu(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def main() -> None:
    began, key, results = time.monotonic(), new_key(), dict[str, Any]()
    logs.configure("ERROR", "json")
    with RedisServer() as server, tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for source in SOURCES:
            each = {count: settings(source, count, server.url, directory, key) for count in SIZES}
            starts = {count: _started(source, count, server.url, directory, key) for count in SIZES}
            results[source] = {"start": starts, "webhooks": webhook_costs(each[SIZES[0]], each[SIZES[-1]])}
            print(f"{source:6} {json.dumps(results[source])}", flush=True)
        for count in SIZES:
            kit = Kit(settings("redis", count, server.url, directory, key))
            results[f"periodic_{count}"] = periodic(kit)
            print(f"periodic work, {count} stores: {json.dumps(results[f'periodic_{count}'])}", flush=True)
        results["idle"] = idle()
        print(f"at rest: {json.dumps(results['idle'])}", flush=True)
        results["connections"] = kit.redis.info("clients")["connected_clients"]
        results["spread"], results["spread_of_a_loop"] = spread(kit), 1.0
    webhooks = [results[source]["webhooks"] for source in SOURCES]
    worst = max(each[kind]["ratio"] for each in webhooks for kind in ("validate", "place"))
    for figure, value, target in (("webhook_ratio", worst, 1.1), ("spread", results["spread"], 0.1)):
        print(f"{figure} {value} (target: at most {target}: {'met' if value <= target else 'MISSED'})")
    print(json.dumps(results | surroundings(began)))


if __name__ == "__main__":
    if sys.argv[1:]:
        start(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
    else:
        main()
