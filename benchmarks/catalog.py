"""Menus, from the bytes of a POS to the download by Gett: ``python -m benchmarks.catalog``, or ``make bench-catalog``.

One run measures every part in turn, round after round; every ratio is the median of the rounds' ratios. Two menus
(:mod:`benchmarks.catalog_menu`): one of 10,000 dishes and 40,000 options, one of 300 dishes and 300 options; for the growth
one of a tenth of the larger one besides.

``check_vs_parse``    every rule checked, canonical JSON, its hash and gzip, against pydantic's parse of the same bytes; and
                      ``check_vs_read`` against the kit's own reading, which is that parse without the collector of cycles
``price_per_second``  carts of four lines, checked and priced on one core; ``price_vs_slow`` against a plain reading of the
                      protocol that only adds up (:mod:`tests.catalog.reference_pricing`)
``growth``            the time of the whole (read, check, canonical JSON, hash, gzip, compile), ten times the menu
``peak_memory_mb``    the most a process of its own holds while it does all that with the largest menu
``serve``             downloads of a published menu of 300 dishes from the kit against the same bytes from a bare WSGI
                      application, both on granian with the Procfile's line
"""

from __future__ import annotations

import gc
import gzip
import hashlib
import json
import os
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

from benchmarks.catalog_menu import cart, menu
from benchmarks.load import drive
from benchmarks.servers import Server, granian
from tests.catalog import reference_pricing
from webhook_kit.catalog.build import canonical_json, versioned
from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.check import check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.kit import Kit
from webhook_kit.publishing.publisher import compressed_json
from webhook_kit.settings import Settings
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 5
LARGE, TENTH, USUAL = (10_000, 40_000), (1_000, 4_000), (300, 300)
CARTS = 2_000
DOWNLOADS = 3_000
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def main() -> None:
    began = time.monotonic()
    large, tenth, usual = (_bytes(*size) for size in (LARGE, TENTH, USUAL))
    rounds = [(_parts(large), _parts(tenth), _parts(usual)) for _ in range(ROUNDS)]
    results: dict[str, Any] = {
        "check_vs_parse": _median(_to_parse(parts) for parts, _, _ in rounds),
        "check_vs_read": _median(_to_parse(parts, "read") for parts, _, _ in rounds),
        "check_vs_parse_usual": _median(_to_parse(parts) for _, _, parts in rounds),
        "growth": _median(_whole(parts) / _whole(small) for parts, small, _ in rounds),
    }
    print(f"{'ms':12}{'10,000':>10}{'1,000':>10}{'300':>10}   each the median of {ROUNDS} rounds")
    for part in rounds[0][0]:
        row = [median(sizes[n][part] for sizes in rounds) * 1000 for n in range(3)]
        print(f"{part:12}{row[0]:10.1f}{row[1]:10.1f}{row[2]:10.1f}")
    results |= _prices(usual) | {"peak_memory_mb": _peak_memory()} | _serve(usual)
    for name, target, met in (
        ("check_vs_parse", "at most 5", results["check_vs_parse"] <= 5),
        ("growth", "at most 12", results["growth"] <= 12),
        ("serve", "at least 0.7", results["serve"] >= 0.7),
    ):
        print(f"{name} {results[name]} (target {target}: {'met' if met else 'MISSED'})")
    results |= {
        "ms": {part: round(median(sizes[0][part] for sizes in rounds) * 1000, 1) for part in rounds[0][0]},
        "megabytes": round(len(large) / 1e6, 1),
        "rounds": ROUNDS,
        "load_average": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(results))


def _bytes(dishes: int, options: int) -> bytes:
    return json.dumps(menu(dishes, options), separators=(",", ":")).encode()


def _parts(raw: bytes) -> dict[str, float]:
    """Seconds of CPU of each part."""
    took: dict[str, float] = {}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        gc.collect()  # what the part before left behind is not this part's
        started = time.process_time()
        result = work()
        took[part] = time.process_time() - started
        return result

    timed("parse", lambda: ExternalCatalogSet.from_json(raw))
    # The same as the kit does it: with the collector of cycles paused.
    catalog = timed("read", gc_paused(lambda: ExternalCatalogSet.from_json(raw)))
    timed("check", lambda: check(catalog))
    content = timed("canonical", lambda: canonical_json(catalog))
    timed("hash", lambda: hashlib.sha1(content).hexdigest())  # what a uuid5 is made of
    timed("gzip", lambda: gzip.compress(content, compresslevel=6, mtime=0))
    timed("compile", lambda: CompiledCatalog.compile(catalog))
    return took


def _to_parse(parts: dict[str, float], parse: str = "parse") -> float:
    return sum(parts[part] for part in ("check", "canonical", "hash", "gzip")) / parts[parse]


def _whole(parts: dict[str, float]) -> float:
    """What the kit does with a menu, from its bytes to what carts are checked against."""
    return sum(seconds for part, seconds in parts.items() if part != "parse")


def _median(ratios: Iterable[float]) -> float:
    return round(median(ratios), 2)


def _prices(raw: bytes) -> dict[str, float]:
    data = json.loads(raw)
    compiled = CompiledCatalog.compile(ExternalCatalogSet.from_json(raw))
    random = Random(1)
    wires = [cart(data, random) for _ in range(CARTS)]
    orders = [ExternalOrder.model_validate(wire) for wire in wires]
    for order, wire in zip(orders[:200], wires, strict=False):
        checked = check_cart(compiled, order, at=NOON, timezone=UTC)
        assert not checked.violations, checked.violations
        assert checked.sub_total == reference_pricing.cart_price(data, wire["cart"])
    rates: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for order in orders:
            check_cart(compiled, order, at=NOON, timezone=UTC)
        ours = time.process_time()
        for wire in wires:
            reference_pricing.cart_price(data, wire["cart"])
        slow = time.process_time()
        rates.append((CARTS / (ours - started), CARTS / (slow - ours)))
    print(f"carts a second: {median(rate for rate, _ in rates):.0f}, plainly {median(rate for _, rate in rates):.0f}")
    return {
        "price_per_second": round(median(ours for ours, _ in rates)),
        "price_vs_slow": _median(ours / slow for ours, slow in rates),
    }


def _peak_memory() -> float:
    """Of a process of its own, in MB."""
    ran = subprocess.run([sys.executable, "-m", "benchmarks.catalog", "--memory"], capture_output=True, check=True)
    return float(ran.stdout)


def _whole_once() -> None:
    with tempfile.TemporaryFile() as file:
        # The menu is made by another process, whose memory does not count.
        code = f"import sys, benchmarks.catalog as c; sys.stdout.buffer.write(c._bytes(*{LARGE}))"
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        file.seek(0)
        raw = file.read()
    catalog = ExternalCatalogSet.from_json(raw)
    check(catalog)
    compressed_json(versioned(catalog, "benchmark"))
    CompiledCatalog.compile(catalog)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KB, bytes on a Mac
    print(round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1))


def _serve(raw: bytes) -> dict[str, Any]:
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        env = {
            "REDIS_URL": redis.url,
            "GETT_API_KEY": "benchmark",
            "GETT_WEBHOOK_SECRETS": "whsec_benchmark",
            "PUBLIC_URL": "http://127.0.0.1",
            "POS_ADAPTER": "benchmarks.pos:MemoryPos",
            "GETT_STORE_ID": str(uuid4()),
        }
        catalog = versioned(ExternalCatalogSet.from_json(raw), "benchmark")
        body = Path(running.enter_context(tempfile.TemporaryDirectory())) / "menu.json.gz"
        body.write_bytes(compressed_json(catalog))
        path = _published(env, catalog)
        servers = {
            "kit": (running.enter_context(granian("webhook_kit.app:create_app", env)), path),
            "bare": (running.enter_context(granian("benchmarks.bare:wsgi_bytes", {"BARE_BODY": str(body)})), path),
        }
        rates: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(ROUNDS + 1):
            for name, (server, path) in list(servers.items())[:: -1 if number % 2 else 1]:
                rate = _downloads(server, path, body.read_bytes()[-64:])
                if number:  # the first round warms up
                    rates[name].append(rate)
    print(f"downloads a second: kit {median(rates['kit']):.0f}, bare {median(rates['bare']):.0f}")
    return {
        "serve": _median(ours / bare for ours, bare in zip(rates["kit"], rates["bare"], strict=True)),
        "served_bytes": len(compressed_json(catalog)),
    }


def _published(env: dict[str, str], catalog: ExternalCatalogSet) -> str:
    """Publish a menu; the path that it is served at."""
    kit = Kit(Settings(**{name.lower(): value for name, value in env.items()}))  # type: ignore[arg-type]
    told: list[str] = []
    assert kit.publisher.publish("main", catalog, told.append)
    return told[0].removeprefix("http://127.0.0.1")


def _downloads(server: Server, path: str, expected: bytes) -> float:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with server.connections(32) as connections:
        return drive(connections, [request] * DOWNLOADS, expected=expected).rate


if __name__ == "__main__":
    if sys.argv[1:] == ["--memory"]:
        _whole_once()
    else:
        main()
