"""Benchmark of the receiver: ``python -m benchmarks.receive``, or ``make bench-receive``.

Every round measures the kit and each alternative, so that other load on the machine affects all of them; every ratio is the
median of the rounds' ratios. Servers, Redis and the load generator share the machine.

The request is an order of 4 lines with 10 modifiers in total (about 2.5 KB) with a catalog of 500 items, sent over 32 keep-alive
connections that are spread evenly over two workers. The kit is started with the command line of the Procfile, bare Flask with
granian alone, each with 2 workers × 32 threads. The kit logs as in production (INFO, JSON) to a file.

``validate``       validateOrder as Gett calls it: verified, checked and priced with the catalog, answered with a signed token;
                   the adapter does not support quotes
``echo``           bare Flask: parse the same body into the same model and serialize it
``fastapi``        the same on FastAPI and uvicorn, 2 workers
``place``          placeOrder with a POS that answers at once and has native idempotency; each request has a new
                   Idempotency-Key and gettOrderId; no worker runs, so confirmations stay in Redis
``record``         bare Flask: verify, parse, serialize, three Redis round trips
``slow``           placeOrder with a POS that takes 100 ms, 64 at once; the limit is 2 × 32 threads ÷ 0.1 s = 640 per second
``alone``          validateOrder over 4 connections
``mixed``          the same while 48 placements hang on a POS that takes a second

It also measures the memory of a web process with ten catalogs of 2,000 items.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import requests

from benchmarks.load import Measurement, drive, http_post
from benchmarks.pos import as_body, order
from benchmarks.servers import Server, granian, uvicorn
from benchmarks.servers import kit as kit_server
from benchmarks.surroundings import surroundings
from webhook_kit.gett.signing import signed_headers
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 7
MAX_SECONDS = 100.0
"""Seconds after which no further round begins on a slow machine; there are at least three rounds."""
SECONDS = 1.0
"""Approximate duration of each case in each round."""
WARM_UP = 640
SECRET = "whsec_benchmark"
STORE = "main"
ITEMS = 500
DELAY = 0.1
LIMIT = 2 * 32 / DELAY
HANGING, HANGS = 48, 1.0
"""Placements that hang on a slow POS, and the seconds that it takes."""
STORES, ITEMS_EACH = 10, 2_000


@dataclass
class Case:
    """One case to measure.

    :ivar requests: returns the given number of serialized requests.
    :ivar expected: bytes that each response contains.
    :ivar beside: another case whose requests are sent again and again meanwhile.
    """

    name: str
    server: Server
    requests: Callable[[int], list[bytes]]
    expected: bytes
    connections: int = 32
    beside: Case | None = None
    count: int = 0
    runs: list[Measurement] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        for _ in range(2):
            rate = self._drive(WARM_UP).rate
        self.cpu.clear()
        self.count = max(WARM_UP, int(rate * SECONDS))

    def run(self) -> None:
        self.runs.append(self._drive(self.count))

    def rates(self) -> list[float]:
        return [run.rate for run in self.runs]

    def spread(self) -> float:
        """Return the difference of the fastest and the slowest round, as a share of the median."""
        return round((max(self.rates()) - min(self.rates())) / median(self.rates()), 2)

    def _drive(self, count: int) -> Measurement:
        # Signed shortly before they are sent, because a signature is valid for five minutes.
        requests = self.requests(count)
        with (
            self.server.connections(self.connections) as connections,
            self.beside.repeated() if self.beside else nullcontext(),
        ):
            before = self.server.cpu()
            result = drive(connections, requests, expected=self.expected)
            self.cpu.append((self.server.cpu() - before) / count * 1e6)
        return result

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Send requests over all connections at once, again and again, from before the block until its end."""
        ended = threading.Event()
        failures: list[BaseException] = []

        def repeat() -> None:
            try:
                while not ended.is_set():
                    drive(connections, self.requests(self.connections), expected=self.expected)
            except BaseException as error:  # noqa: BLE001 - raised in the thread that measures
                failures.append(error)

        with self.server.connections(self.connections) as connections:
            drive(connections, self.requests(self.connections), expected=self.expected)
            thread = threading.Thread(target=repeat)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
        if failures:
            raise failures[0]


def main() -> None:
    started = time.monotonic()
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        cases = {case.name: case for case in _cases(running, redis.url)}
        for case in cases.values():
            case.warm_up()
        for number in range(ROUNDS):
            if number >= 3 and time.monotonic() - started > MAX_SECONDS:
                break
            for case in list(cases.values())[:: -1 if number % 2 else 1]:
                case.run()
    memory = _memory()
    print(f"{'':10}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}   medians of {len(cases['echo'].runs)} rounds")
    for case in cases.values():
        rate, p50, p99 = (median(run[n] for run in case.runs) for n in range(3))
        print(f"{case.name:10}{rate:8.0f}{p50:9.1f}{p99:9.1f}{median(case.cpu):9.0f}")
    results: dict[str, Any] = {
        "validate_vs_bare": _ratio(cases["validate"], cases["echo"]),
        "place_vs_bare": _ratio(cases["place"], cases["record"]),
        "slow_pos_vs_limit": round(median(cases["slow"].rates()) / LIMIT, 2),
        "validate_vs_fastapi": _ratio(cases["validate"], cases["fastapi"]),
        "mixed_p99": _p99_ratio(cases["mixed"], cases["alone"]),
        "spread": {name: case.spread() for name, case in cases.items()},
    }
    for name, target in (("validate_vs_bare", 0.55), ("place_vs_bare", 0.6), ("slow_pos_vs_limit", 0.8)):
        print(f"{name} {results[name]} (target {target}: {'met' if results[name] >= target else 'MISSED'})")
    print(f"mixed_p99 {results['mixed_p99']} (target at most 2: {'met' if results['mixed_p99'] <= 2 else 'MISSED'})")
    print(f"memory per web process with {STORES} catalogs of {ITEMS_EACH} items, MB: {memory} (target: rss below 150)")
    results |= {
        "memory_mb": memory,
        "per_second": {name: round(median(case.rates())) for name, case in cases.items()},
        "cpu_us": {name: round(median(case.cpu)) for name, case in cases.items()},
        "rounds": len(cases["echo"].runs),
    }
    print(json.dumps(results | surroundings(started)))


def _cases(running: ExitStack, redis_url: str) -> Iterator[Case]:
    store_id = str(uuid4())

    def kit(prefix: str, options: Mapping[str, float], **env: str) -> Server:
        settings = {
            "POS_ADAPTER": "benchmarks.pos:MemoryPos",
            "GETT_STORE_ID": store_id,
            "POS_STORE_ID": STORE,
            "STORE_OPTIONS": json.dumps(options),
        }
        return kit_server({**_env(redis_url, prefix), **settings, **env})

    validate = running.enter_context(kit("validate:", {"items": ITEMS}))
    place = running.enter_context(kit("place:", {"items": ITEMS}, POS_MAX_CALLS_PER_STORE="32"))
    slow = running.enter_context(kit("slow:", {"items": ITEMS, "delay": DELAY}, POS_MAX_CALLS_PER_STORE="32"))
    hanging = running.enter_context(kit("hanging:", {"items": ITEMS, "delay": HANGS}, POS_MAX_CALLS_PER_STORE="32"))
    echo = running.enter_context(granian("benchmarks.baselines:flask_echo", {}))
    record = running.enter_context(granian("benchmarks.baselines:flask_record", _env(redis_url, "record:")))
    fastapi = running.enter_context(uvicorn("benchmarks.baselines:fastapi_echo"))

    body = as_body(order(STORE, store_id, ITEMS))
    response = requests.post(
        f"http://127.0.0.1:{validate.port}/validateOrder", data=body, headers=signed_headers(body, SECRET), timeout=30
    )
    validated = response.json()
    assert validated["isValid"], response.text

    def to_validate(count: int) -> list[bytes]:
        return [http_post("/validateOrder", body, signed_headers(body, SECRET))] * count

    def to_place(count: int) -> list[bytes]:
        template = as_body({**validated, "gettOrderId": "@@", "payment": {"type": "gettPayment"}})
        return [_placement(template) for _ in range(count)]

    yield Case("validate", validate, to_validate, b'"isValid":true')
    yield Case("echo", echo, to_validate, b'"lineItems"')
    yield Case("fastapi", fastapi, to_validate, b'"lineItems"')
    yield Case("place", place, to_place, b'"partnerOrderId"')
    yield Case("record", record, to_place, b'"lineItems"')
    yield Case("slow", slow, to_place, b'"partnerOrderId"', connections=64)
    placements = Case("hanging", hanging, to_place, b'"partnerOrderId"', connections=HANGING)
    yield Case("alone", hanging, to_validate, b'"isValid":true', connections=4)
    yield Case("mixed", hanging, to_validate, b'"isValid":true', connections=4, beside=placements)


def _placement(template: bytes) -> bytes:
    body = template.replace(b"@@", str(uuid4()).encode())
    return http_post("/placeOrder", body, {**signed_headers(body, SECRET), "Idempotency-Key": str(uuid4())})


def _env(redis_url: str, prefix: str) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "KEY_PREFIX": prefix,
        "GETT_WEBHOOK_SECRETS": SECRET,
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
    }


def _ratio(kit: Case, other: Case) -> float:
    return round(median(a / b for a, b in zip(kit.rates(), other.rates(), strict=True)), 2)


def _p99_ratio(mixed: Case, alone: Case) -> float:
    return round(median(a.p99 / b.p99 for a, b in zip(mixed.runs, alone.runs, strict=True)), 2)


def _memory() -> dict[str, float]:
    """Return the memory of the larger of two web processes in MB, after both have loaded all catalogs."""
    gett_ids = {f"store-{n}": str(uuid4()) for n in range(STORES)}
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        file = Path(running.enter_context(tempfile.TemporaryDirectory())) / "stores.toml"
        file.write_text(
            "".join(
                f'[stores.{store}]\ngett_id = "{gett_id}"\nadapter = "benchmarks.pos:MemoryPos"\n'
                f"options = {{ items = {ITEMS_EACH} }}\n"
                for store, gett_id in gett_ids.items()
            ),
            encoding="utf-8",
        )
        env = {**_env(redis.url, "memory:"), "STORES_FILE": str(file)}
        server = running.enter_context(kit_server(env))
        bodies = [as_body(order(store, gett_id, ITEMS_EACH)) for store, gett_id in gett_ids.items()]
        validations = [http_post("/validateOrder", body, signed_headers(body, SECRET)) for body in bodies]
        with server.connections(2) as connections:  # each process loads each catalog
            for request in validations:
                drive(connections, [request] * 2, expected=b'"isValid":true')
        with server.connections(64) as connections:  # each thread handles requests
            drive(connections, validations * 64, expected=b'"isValid":true')
        used = [worker.memory_full_info() for worker in server.workers()]
        assert len(used) == 2, f"expected two web processes, found {len(used)}"
        largest = max(used, key=lambda one: one.rss)
        sizes = {"rss": largest.rss, "uss": largest.uss, "pss": getattr(largest, "pss", None)}
        return {name: round(size / 1e6, 1) for name, size in sizes.items() if size}


if __name__ == "__main__":
    main()
