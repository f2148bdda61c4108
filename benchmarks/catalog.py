"""Benchmark of catalogs, from the POS's bytes to the download by Gett: ``python -m benchmarks.catalog``, or ``make bench-catalog``.

Every round measures every part; every ratio is the median of the rounds' ratios. The catalogs (:mod:`benchmarks.catalog_data`)
have 10,000 items and 40,000 options, a tenth of that, and 300 items and 300 options.

``check_vs_read``         check of every rule, canonical JSON, its hash and gzip, against the kit's own read of the same
                          bytes: pydantic's strict parse into the models, with the garbage collector paused. Both sides are CPU
                          time of one thread; the models that are checked are those that were read
``check_vs_parse``        the same against pydantic's parse with the garbage collector running
``price_per_second``      carts of four lines, checked and priced on one core
``price_vs_reference``    the same against a simple implementation that only adds up prices (:mod:`tests.carts.oracle`)
``growth``                time of all parts (parse, check, canonical JSON, hash, gzip, compile) for ten times as many items
``peak_memory_mb``        peak memory of a separate process that executes all parts with the largest catalog
``first_validate_s``      seconds from sending the first validateOrder to a web process that was just restarted, until its answer; Redis
                          holds the largest catalog, synchronised before, and the process has to load it
``first_validate_cpu_s``  seconds of CPU of the web process for it
``start_to_ready_s``      seconds from the start of this process until ``/healthz`` answers
``serve``                 downloads of a published catalog of 300 items from the kit, against the same bytes from a bare WSGI
                          application; the kit with the command line of the Procfile, the other on granian alone
"""

from __future__ import annotations

import gc
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import uuid4

from benchmarks.catalog_data import cart, catalog_data
from benchmarks.load import drive, http_post
from benchmarks.pos import as_body
from benchmarks.servers import Server, granian
from benchmarks.servers import kit as kit_server
from benchmarks.surroundings import surroundings
from tests.carts import oracle
from webhook_kit.catalog.build import canonical_json, versioned
from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.check import check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.signing import signed_headers
from webhook_kit.kit import Kit
from webhook_kit.publishing.compression import gzipped
from webhook_kit.publishing.publisher import compressed_json
from webhook_kit.settings import Settings
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 5
LARGE, MEDIUM, SMALL = (10_000, 40_000), (1_000, 4_000), (300, 300)
"""Items and options of each catalog."""
CARTS = 2_000
DOWNLOADS = 3_000
SECRET = "whsec_benchmark"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def main() -> None:
    started = time.monotonic()
    large, medium, small = (_catalog_bytes(*size) for size in (LARGE, MEDIUM, SMALL))
    rounds = [(_measure_parts(large), _measure_parts(medium), _measure_parts(small)) for _ in range(ROUNDS)]
    results: dict[str, Any] = {
        "check_vs_read": _median(_check_ratio(parts, "read") for parts, _, _ in rounds),
        "check_vs_parse": _median(_check_ratio(parts) for parts, _, _ in rounds),
        "check_vs_parse_small": _median(_check_ratio(parts) for _, _, parts in rounds),
        "growth": _median(_total(parts) / _total(parts_medium) for parts, parts_medium, _ in rounds),
    }
    print(f"{'ms':12}{'10,000':>10}{'1,000':>10}{'300':>10}   medians of {ROUNDS} rounds")
    for part in rounds[0][0]:
        row = [median(sizes[n][part] for sizes in rounds) * 1000 for n in range(3)]
        print(f"{part:12}{row[0]:10.1f}{row[1]:10.1f}{row[2]:10.1f}")
    results |= _measure_prices(small) | {"peak_memory_mb": _peak_memory()}
    results |= _measure_first_validate() | _measure_downloads(small)
    for name, target, met in (
        ("check_vs_read", "at most 2.5", results["check_vs_read"] <= 2.5),
        ("growth", "at most 11", results["growth"] <= 11),
        ("first_validate_s", "at most 1", results["first_validate_s"] <= 1),
        ("serve", "at least 0.7", results["serve"] >= 0.7),
    ):
        print(f"{name} {results[name]} (target {target}: {'met' if met else 'MISSED'})")
    results |= {
        "ms": {part: round(median(sizes[0][part] for sizes in rounds) * 1000, 1) for part in rounds[0][0]},
        "megabytes": round(len(large) / 1e6, 1),
        "rounds": ROUNDS,
    }
    print(json.dumps(results | surroundings(started)))


def _catalog_bytes(items: int, options: int) -> bytes:
    return json.dumps(catalog_data(items, options), separators=(",", ":")).encode()


def _measure_parts(raw: bytes) -> dict[str, float]:
    """Return the seconds of CPU of each part."""
    seconds: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        gc.collect()  # the garbage of the previous part must not count
        started = time.process_time()
        result = work()
        seconds[part] = time.process_time() - started
        return result

    timed("parse", lambda: ExternalCatalogSet.from_json(raw))
    catalog = timed("read", gc_paused(lambda: ExternalCatalogSet.from_json(raw)))
    timed("check", lambda: check(catalog))
    content = timed("canonical", lambda: canonical_json(catalog))
    timed("hash", lambda: hashlib.sha1(content).hexdigest())  # a uuid5 is computed from it
    timed("gzip", lambda: gzipped(content))
    timed("compile", lambda: CompiledCatalog.compile(catalog))
    return seconds


def _check_ratio(parts: dict[str, float], parse: str = "parse") -> float:
    return sum(parts[part] for part in ("check", "canonical", "hash", "gzip")) / parts[parse]


def _total(parts: dict[str, float]) -> float:
    """Return the time of all parts that the kit executes for a catalog."""
    return sum(seconds for part, seconds in parts.items() if part != "parse")


def _median(ratios: Iterable[float]) -> float:
    return round(median(ratios), 2)


def _measure_prices(raw: bytes) -> dict[str, float]:
    data = json.loads(raw)
    compiled = CompiledCatalog.compile(ExternalCatalogSet.from_json(raw))
    random = Random(1)
    wires = [cart(data, random) for _ in range(CARTS)]
    orders = [ExternalOrder.model_validate(wire) for wire in wires]
    for order, wire in zip(orders[:200], wires, strict=False):
        checked = check_cart(compiled, order, at=NOON, timezone=UTC)
        assert not checked.violations, checked.violations
        assert checked.sub_total == oracle.cart_price(data, wire["cart"])
    rates: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for order in orders:
            check_cart(compiled, order, at=NOON, timezone=UTC)
        checked_at = time.process_time()
        for wire in wires:
            oracle.cart_price(data, wire["cart"])
        referenced_at = time.process_time()
        rates.append((CARTS / (checked_at - started), CARTS / (referenced_at - checked_at)))
    kit_rate, reference_rate = median(rate for rate, _ in rates), median(rate for _, rate in rates)
    print(f"carts per second: kit {kit_rate:.0f}, reference {reference_rate:.0f}")
    return {
        "price_per_second": round(kit_rate),
        "price_vs_reference": _median(kit / reference for kit, reference in rates),
    }


def _peak_memory() -> float:
    """Return the peak memory of a separate process in MB."""
    result = subprocess.run([sys.executable, "-m", "benchmarks.catalog", "--memory"], capture_output=True, check=True)
    return float(result.stdout)


def _print_peak_memory() -> None:
    """Execute all parts once with the largest catalog and print this process's peak memory in MB."""
    with tempfile.TemporaryFile() as file:
        # Another process generates the catalog, because its memory must not count.
        code = f"import sys, benchmarks.catalog as c; sys.stdout.buffer.write(c._catalog_bytes(*{LARGE}))"
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        file.seek(0)
        raw = file.read()
    catalog = ExternalCatalogSet.from_json(raw)
    check(catalog)
    compressed_json(versioned(catalog, "benchmark"))
    CompiledCatalog.compile(catalog)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KB; in bytes on macOS
    print(round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1))


def _measure_first_validate() -> dict[str, float]:
    """Restart the web process several times; each time it has to load the largest catalog from Redis."""
    gett_id, random = str(uuid4()), Random(1)
    data = catalog_data(*LARGE)
    rounds: list[dict[str, float]] = []
    with RedisServer() as redis:
        env = {
            "REDIS_URL": redis.url,
            "GETT_API_KEY": "benchmark",
            "GETT_WEBHOOK_SECRETS": SECRET,
            "POS_ADAPTER": "benchmarks.pos:LargeCatalogPos",
            "GETT_STORE_ID": gett_id,
        }
        kit = _kit(env)
        report = kit.catalog_sync.sync(kit.stores.get("main"))
        assert not report.failed, report.reasons
        for _ in range(ROUNDS):
            wire = cart(data, random)
            wire["cart"]["storeId"] = gett_id
            body = as_body(wire)
            started = time.perf_counter()
            with kit_server(env) as server:
                ready = time.perf_counter()
                with server.connections(2) as connections:
                    cpu, sent = server.cpu(), time.perf_counter()
                    request = http_post("/validateOrder", body, signed_headers(body, SECRET))
                    drive(connections[:1], [request], expected=b'"isValid":true')
                    answered = time.perf_counter()
                    used = server.cpu() - cpu
            rounds.append(
                {
                    "first_validate_s": answered - sent,
                    "first_validate_cpu_s": used,
                    "start_to_ready_s": ready - started,
                }
            )
    results = {name: _median(one[name] for one in rounds) for name in rounds[0]}
    print(", ".join(f"{name} {seconds}" for name, seconds in results.items()))
    return results


def _measure_downloads(raw: bytes) -> dict[str, Any]:
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        env = {
            "REDIS_URL": redis.url,
            "GETT_API_KEY": "benchmark",
            "GETT_WEBHOOK_SECRETS": SECRET,
            "PUBLIC_URL": "http://127.0.0.1",
            "POS_ADAPTER": "benchmarks.pos:MemoryPos",
            "GETT_STORE_ID": str(uuid4()),
        }
        catalog = versioned(ExternalCatalogSet.from_json(raw), "benchmark")
        body = Path(running.enter_context(tempfile.TemporaryDirectory())) / "catalog.json.gz"
        body.write_bytes(compressed_json(catalog))
        path = _publish(env, catalog)
        servers = {
            "kit": (running.enter_context(kit_server(env)), path),
            "bare": (running.enter_context(granian("benchmarks.baselines:wsgi_bytes", {"BARE_BODY": str(body)})), path),
        }
        rates: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(ROUNDS + 1):
            for name, (server, path) in list(servers.items())[:: -1 if number % 2 else 1]:
                rate = _download_rate(server, path, body.read_bytes()[-64:])
                if number:  # the first round is the warm-up
                    rates[name].append(rate)
    print(f"downloads per second: kit {median(rates['kit']):.0f}, bare {median(rates['bare']):.0f}")
    return {
        "serve": _median(kit / bare for kit, bare in zip(rates["kit"], rates["bare"], strict=True)),
        "served_bytes": len(compressed_json(catalog)),
    }


def _publish(env: dict[str, str], catalog: ExternalCatalogSet) -> str:
    """Publish a catalog and return the path of its URL."""
    kit = Kit(Settings(**{name.lower(): value for name, value in env.items()}))
    urls: list[str] = []
    assert kit.publisher.publish("main", catalog, urls.append)
    return urls[0].removeprefix("http://127.0.0.1")


def _kit(env: dict[str, str]) -> Kit:
    return Kit(Settings(**{name.lower(): value for name, value in env.items()}))


def _download_rate(server: Server, path: str, expected: bytes) -> float:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with server.connections(32) as connections:
        return drive(connections, [request] * DOWNLOADS, expected=expected).rate


if __name__ == "__main__":
    if sys.argv[1:] == ["--memory"]:
        _print_peak_memory()
    else:
        main()
