"""The receiver against what it could be at best: ``python -m benchmarks.receive``, or ``make bench-receive``.

One run measures ours and each alternative in turn, round after round, so that whatever else the machine does meets all of
them; every ratio is the median of the rounds' ratios. The machine is shared by servers, Redis and the load generator alike.

The work: an order of 4 lines with 10 modifiers in all (about 2.5 KB), a menu of 500 items, 32 keep-alive connections spread
evenly over two workers, every server started with the Procfile's line (granian, 2 workers × 32 threads), logs as in
production (INFO, JSON) into a file.

``validate``       validateOrder as Gett calls it: signed, checked and priced against the menu, answered with a signed token;
                   the adapter has no quote
``echo``           bare Flask: the same body parsed into the same model and dumped, nothing else
``fastapi``        the same on FastAPI and uvicorn, 2 workers
``place``          placeOrder on a POS that answers at once and takes our key; each request has an Idempotency-Key, a
                   gettOrderId and a validatedOrderToken of its own; no worker runs, so confirmations pile up in Redis
``record``         bare Flask: signature, parse, dump, three Redis round trips
``slow``           placeOrder on a POS that takes 100 ms, 64 at once; the limit is 2 × 32 threads ÷ 0.1 s = 640 a second

And the memory of a web process that holds ten menus of 2,000 items.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import requests

from benchmarks.load import Measured, drive, http_post
from benchmarks.pos import as_body, order
from benchmarks.servers import Server, granian, uvicorn
from webhook_kit.gett.signing import signed_headers
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 7
LONGEST = 100.0
"""Seconds after which no further round begins, should the machine be slow; three there are in any case."""
SECONDS = 1.0
"""Roughly how long each of them runs in each round."""
WARM_UP = 640
SECRET = "whsec_benchmark"
STORE = "main"
ITEMS = 500
DELAY = 0.1
LIMIT = 2 * 32 / DELAY
STORES, ITEMS_EACH = 10, 2_000


@dataclass
class Case:
    """One thing that is measured.

    :ivar requests: makes so many requests, ready to be sent.
    :ivar expected: what each answer contains.
    """

    name: str
    server: Server
    requests: Callable[[int], list[bytes]]
    expected: bytes
    connections: int = 32
    count: int = 0
    runs: list[Measured] = field(default_factory=list)
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

    def _drive(self, count: int) -> Measured:
        # Signed shortly before they are sent: a signature is good for five minutes.
        ready = self.requests(count)
        with self.server.connections(self.connections) as connections:
            before = self.server.cpu()
            measured = drive(connections, ready, expected=self.expected)
            self.cpu.append((self.server.cpu() - before) / count * 1e6)
        return measured


def main() -> None:
    began = time.monotonic()
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        cases = {case.name: case for case in _cases(running, redis.url)}
        for case in cases.values():
            case.warm_up()
        for number in range(ROUNDS):
            if number >= 3 and time.monotonic() - began > LONGEST:
                break
            for case in list(cases.values())[:: -1 if number % 2 else 1]:
                case.run()
    memory = _memory()
    print(
        f"{'':10}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}   each the median of {len(cases['echo'].runs)} rounds"
    )
    for case in cases.values():
        middle = [median(run[n] for run in case.runs) for n in range(3)]
        print(f"{case.name:10}{middle[0]:8.0f}{middle[1]:9.1f}{middle[2]:9.1f}{median(case.cpu):9.0f}")
    results: dict[str, Any] = {
        "validate_vs_bare": _ratio(cases["validate"], cases["echo"]),
        "place_vs_bare": _ratio(cases["place"], cases["record"]),
        "slow_pos_vs_limit": round(median(cases["slow"].rates()) / LIMIT, 2),
        "validate_vs_fastapi": _ratio(cases["validate"], cases["fastapi"]),
    }
    for name, target in (("validate_vs_bare", 0.5), ("place_vs_bare", 0.7), ("slow_pos_vs_limit", 0.85)):
        print(f"{name} {results[name]} (target {target}: {'met' if results[name] >= target else 'MISSED'})")
    print(f"memory per web process with {STORES} menus of {ITEMS_EACH} items, MB: {memory} (target: rss below 150)")
    results |= {
        "memory_mb": memory,
        "per_second": {name: round(median(case.rates())) for name, case in cases.items()},
        "cpu_us": {name: round(median(case.cpu)) for name, case in cases.items()},
        "rounds": len(cases["echo"].runs),
        "load_average": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(results))


def _cases(running: ExitStack, redis_url: str) -> Iterator[Case]:
    store_id = str(uuid4())

    def ours(prefix: str, options: Mapping[str, float], **env: str) -> Server:
        settings = {
            "POS_ADAPTER": "benchmarks.pos:MemoryPos",
            "GETT_STORE_ID": store_id,
            "POS_STORE_ID": STORE,
            "STORE_OPTIONS": json.dumps(options),
        }
        return granian("webhook_kit.app:create_app", {**_env(redis_url, prefix), **settings, **env})

    validate = running.enter_context(ours("validate:", {"items": ITEMS}))
    place = running.enter_context(ours("place:", {"items": ITEMS}, POS_MAX_CALLS_PER_STORE="32"))
    slow = running.enter_context(ours("slow:", {"items": ITEMS, "delay": DELAY}, POS_MAX_CALLS_PER_STORE="32"))
    echo = running.enter_context(granian("benchmarks.bare:flask_echo", {}))
    record = running.enter_context(granian("benchmarks.bare:flask_record", _env(redis_url, "record:")))
    fastapi = running.enter_context(uvicorn("benchmarks.bare:fastapi_echo"))

    placed_before = order(STORE, store_id, ITEMS)
    body = as_body(placed_before)
    answer = requests.post(
        f"http://127.0.0.1:{validate.port}/validateOrder", data=body, headers=signed_headers(body, SECRET), timeout=30
    )
    validated = answer.json()
    assert validated["isValid"], answer.text

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


def _ratio(ours: Case, other: Case) -> float:
    return round(median(a / b for a, b in zip(ours.rates(), other.rates(), strict=True)), 2)


def _memory() -> dict[str, float]:
    """Of the larger one of two web processes, in MB, once each holds all menus."""
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
        server = running.enter_context(granian("webhook_kit.app:create_app", env))
        bodies = [as_body(order(store, gett_id, ITEMS_EACH)) for store, gett_id in gett_ids.items()]
        ready = [http_post("/validateOrder", body, signed_headers(body, SECRET)) for body in bodies]
        with server.connections(2) as connections:  # each menu once to each process
            for request in ready:
                drive(connections, [request] * 2, expected=b'"isValid":true')
        with server.connections(64) as connections:  # all threads have been at work
            drive(connections, ready * 64, expected=b'"isValid":true')
        used = [worker.memory_full_info() for worker in server.workers()]
        assert len(used) == 2, f"two web processes, not {len(used)}"
        largest = max(used, key=lambda one: one.rss)
        sizes = {"rss": largest.rss, "uss": largest.uss, "pss": getattr(largest, "pss", None)}
        return {name: round(size / 1e6, 1) for name, size in sizes.items() if size}


if __name__ == "__main__":
    main()
