"""Benchmark of the console's pages: ``python -m benchmarks.console``, or ``make bench-console``.

Two Redis servers side by side, filled as in :mod:`benchmarks.operations`: one with 100,000 orders, one with 100. Every round asks for
each page on both, one right after the other, through the whole application (session, read models, templates) but without a network.
The times are 95th percentiles until the answer; each ratio is the median of the rounds' ratios, full against small.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

from werkzeug.test import Client

from benchmarks.operations import FEW, FULL, Side
from benchmarks.surroundings import surroundings
from webhook_kit import logs
from webhook_kit.console.app import create_console_app
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role
from webhook_kit.testing.redis_server import RedisServer

ROUNDS = 40
TARGET = 1.25
PASSWORD = "correct horse battery"
PAGES = {
    "health": "/",
    "orders": "/orders",
    "orders in doubt": "/orders?state=in_doubt",
    "orders of a store": "/orders?store=main",
    "find an order": "/orders?q=unknown",
    "stores": "/stores",
    "store": "/store?id=main",
    "incidents": "/incidents",
    "dead letters": "/dead-letters",
    "sending": "/sending",
    "graphs": "/graphs",
    "catalogs": "/catalogs",
    "onboarding": "/onboarding",
    "audit log": "/audit",
}


def main() -> None:
    started = time.monotonic()
    logs.configure("CRITICAL", "json")
    with ExitStack() as running:
        sides = [Side(running.enter_context(RedisServer()).url) for _ in range(2)]
        sides[0].fill(dict.fromkeys(FULL, FEW))
        sides[1].fill(FULL)
        browsers = [Visit(side.kit) for side in sides]
        times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in PAGES}
        for number in range(ROUNDS + 1):
            for name, path in PAGES.items():
                for place in (0, 1)[:: -1 if number % 2 else 1]:
                    seconds = browsers[place].get(path)
                    if number:  # the first round opens the connections and compiles the templates
                        times[name][place].append(seconds)
    results: dict[str, Any] = {}
    print(f"{'p95 in ms':20}{'small':>8}{'full':>8}{'ratio':>8}")
    for name, (small, full) in times.items():
        low, high = 1000 * _p95(small), 1000 * _p95(full)
        ratio = median(f / s for f, s in zip(full, small, strict=True))
        results[name] = [round(low, 1), round(high, 1), round(ratio, 2)]
        print(f"{name:20}{low:8.1f}{high:8.1f}{ratio:8.2f}")
    slowest = max(results, key=lambda name: results[name][2])
    met = results[slowest][2] <= TARGET
    print(f"worst {results[slowest][2]}: {slowest} (target ≤ {TARGET}: {'met' if met else 'MISSED'})")
    print(json.dumps({"p95_ms": results} | surroundings(started)))


class Visit:
    """A logged-in browser at the console of a kit."""

    def __init__(self, kit: Kit) -> None:
        own = Kit(kit.settings.model_copy(update={"console_passwords": True}))
        ConsoleUsers(own.redis, own.keys).add("jo", PASSWORD, Role.VIEWER)
        self._http = Client(create_console_app(own))
        self._http.post("/login", data={"name": "jo", "password": PASSWORD}, headers={"Origin": "http://localhost"})

    def get(self, path: str) -> float:
        """Return the seconds that a page takes."""
        before = time.perf_counter()
        response = self._http.get(path)
        body = response.get_data()
        seconds = time.perf_counter() - before
        assert response.status_code == 200, (path, response.status_code, body[:500])
        return seconds


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


if __name__ == "__main__":
    main()
