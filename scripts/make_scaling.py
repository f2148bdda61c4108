"""Write the tables of ``docs/scaling.md`` from the measured figures: ``python scripts/make_scaling.py``. A test compares.

The figures are read from ``docs/performance.md``, the intervals and times from the settings. What is assumed is in this file, and on
the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from webhook_kit.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scaling.md"
MEASURED = ROOT / "docs" / "performance.md"

_SIZES = 10, 1_000, 100_000
_UPDATES = 4, 2, 1

# -- assumed -----------------------------------------------------------------------------------------------------------
_ORDERS_PER_STORE = 100
_BUSIEST_HOUR = 0.12
"""Share of a day's orders in its busiest hour."""
_VALIDATIONS = 2
"""Times that Gett validates an order before it places it."""
_UNFINISHED = 0.1
"""Share of a day's orders that are not finished at the busiest time."""
_NODE = 25_000
"""Memory of a node of Redis in MB; three quarters of it are used, and half of the core that executes commands."""
_MEMORY_USED, _CORE_USED = 0.75, 0.5

# -- measured ----------------------------------------------------------------------------------------------------------
_FIGURES = {
    "validate": r"validate ([\d,]+) µs, bare",
    "place": r"place ([\d,]+) µs, bare",
    "place_redis": r"\n\| Redis \| \d+ µs \| ([\d,]+) µs",
    "update": r"in Python before and\s+([\d,]+) µs after",
    "update_redis": r"163 and ([\d,]+) µs in Redis",
    "finished_today": r"\n\| finished order: [^|]*\| ([\d,]+)",
    "finished": r"\n\| the same after `IDEMPOTENCY_TTL` \| ([\d,]+)",
    "waiting": r"\n\| order whose confirmation waits \| ([\d,]+)",
    "web_memory": r"\n\| memory \| ([\d,]+) MB",
    "worker_memory": r"\n\| worker, push and sync \| [^|]*\| ([\d,]+) MB",
    "web_at_rest": r"\n\| web server \| ([\d.]+) %",
    "worker_at_rest": r"\n\| worker, push and sync \| ([\d.]+) %",
    "redis_at_rest": r"\n\| Redis \| ([\d.]+) % of a core",
    "catalog": r"\n\| memory of Redis [^|]*\| [^|]*\| [^|]*\| ([\d,]+) bytes",
    **{
        f"{task}{part}": rf"\n\| {task} \| [^|]*\| [^|]*\| {cell}"
        for task in ("reconciliation", "health check", "catalog refresh", "status comparison")
        for part, cell in (("", r"([\d,.]+) ms"), (" redis", r"[^|]*? ms, ([\d,.]+) µs"))
    },
}
"""Place of each figure on the page of the measurements."""


def page() -> str:
    """Return the page with its tables as the figures are now.

    :raises LookupError: a figure or the place of a table is missing.
    """
    text = PAGE.read_text(encoding="utf-8")
    for mark, lines in (("quota", _quota()), ("sizes", _sizes())):
        before, begin, rest = text.partition(f"<!-- {mark} -->\n")
        _, end, after = rest.partition(f"<!-- /{mark} -->")
        if not end:
            raise LookupError(f"{PAGE} has no <!-- {mark} --> … <!-- /{mark} -->")
        text = "".join([before, begin, *(f"{line}\n" for line in lines), end, after])
    return text


def _figures() -> dict[str, float]:
    text = MEASURED.read_text(encoding="utf-8")
    figures = {}
    for name, pattern in _FIGURES.items():
        found = re.search(pattern, text)
        if found is None:
            raise LookupError(f"{MEASURED} does not state the figure of {name}")
        figures[name] = float(found[1].replace(",", ""))
    return figures


def _default(setting: str) -> float:
    return float(Settings.model_fields[setting].default)


def _orders_an_hour(updates: int) -> float:
    """Return the orders of one organisation that fit into the quota."""
    return _default("gett_writes_per_minute") * 60 / updates


def _quota() -> Iterator[str]:
    yield "| updates sent for each order | orders in an hour | orders in a day whose busiest hour this is | in a day without such an hour |"
    yield "|---|---|---|---|"
    for updates in _UPDATES:
        hour = _orders_an_hour(updates)
        yield f"| {updates} | {hour:,.0f} | {hour / _BUSIEST_HOUR:,.0f} | {hour * 24:,.0f} |"


def _sizes() -> Iterator[str]:
    figures, columns = _figures(), [_Size(stores) for stores in _SIZES]
    yield f"| | {' | '.join(f'{size.stores:,} stores' for size in columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for name, values in (
        ("orders a day", [f"{size.orders:,}" for size in columns]),
        ("orders a second in the busiest hour", [f"{size.per_second:,.2f}" for size in columns]),
        *(
            (
                f"organisations, with {count} update{'s' * (count > 1)} for each order",
                [f"{size.organisations(count):,}" for size in columns],
            )
            for count in _UPDATES
        ),
        (
            "stores of an organisation, with 4 updates",
            [f"{size.stores / size.organisations(4):,.0f}" for size in columns],
        ),
        (
            "web servers and workers, one of each for an organisation",
            [f"{2 * size.organisations(4):,}" for size in columns],
        ),
        ("memory of their processes", [_megabytes(size.processes(figures)) for size in columns]),
        ("CPU of these at rest", [_cores(size.at_rest(figures)) for size in columns]),
        ("CPU for webhooks, busiest hour", [_cores(size.webhooks(figures)) for size in columns]),
        ("CPU for updates, busiest hour", [_cores(size.updates(figures)) for size in columns]),
        ("CPU for periodic work", [_cores(size.periodic(figures)) for size in columns]),
        ("CPU of Redis, busiest hour", [_cores(size.redis(figures)) for size in columns]),
        ("memory of Redis", [_megabytes(size.memory(figures)) for size in columns]),
        (
            f"nodes of Redis of {_NODE // 1000} GB",
            [f"{size.nodes(figures):,}" for size in columns],
        ),
    ):
        yield f"| {name} | {' | '.join(values)} |"


class _Size:
    """The needs of a partner with so many stores. CPU is in cores, memory in MB."""

    def __init__(self, stores: int) -> None:
        self.stores, self.orders = stores, stores * _ORDERS_PER_STORE
        self.per_second = self.orders * _BUSIEST_HOUR / 3600

    def organisations(self, updates: int) -> int:
        return ceil(round(self.orders * _BUSIEST_HOUR / _orders_an_hour(updates), 6))

    def processes(self, figures: dict[str, float]) -> float:
        return self.organisations(4) * (figures["web_memory"] + figures["worker_memory"])

    def at_rest(self, figures: dict[str, float]) -> float:
        return self.organisations(4) * (figures["web_at_rest"] + figures["worker_at_rest"]) / 100

    def webhooks(self, figures: dict[str, float]) -> float:
        return self.per_second * (_VALIDATIONS * figures["validate"] + figures["place"]) / 1e6

    def updates(self, figures: dict[str, float]) -> float:
        return self.per_second * 4 * figures["update"] / 1e6

    def periodic(self, figures: dict[str, float]) -> float:
        return self._rounds(figures, "", 1e-3)

    def redis(self, figures: dict[str, float]) -> float:
        orders = self.per_second * (figures["place_redis"] + 4 * figures["update_redis"]) / 1e6
        at_rest = self.organisations(4) * figures["redis_at_rest"] / 100
        return orders + at_rest + self._rounds(figures, " redis", 1e-6)

    def nodes(self, figures: dict[str, float]) -> int:
        return ceil(max(self.memory(figures) / (_NODE * _MEMORY_USED), self.redis(figures) / _CORE_USED))

    def memory(self, figures: dict[str, float]) -> float:
        days = _default("order_ttl") / 86_400
        order = figures["finished_today"] + (days - 1) * figures["finished"] + _UNFINISHED * figures["waiting"]
        return (self.orders * order + self.stores * figures["catalog"]) / 1e6

    def _rounds(self, figures: dict[str, float], part: str, unit: float) -> float:
        intervals = {
            "reconciliation": "reconcile_every",
            "health check": "health_check_interval",
            "catalog refresh": "catalog_refresh",
            "status comparison": "compare_status_every",
        }
        visits = (figures[f"{task}{part}"] * unit / _default(setting) for task, setting in intervals.items())
        return self.stores * sum(visits)


def _megabytes(size: float) -> str:
    return f"{size / 1000:,.1f} GB" if size >= 1000 else f"{ceil(size):,} MB"


def _cores(cores: float) -> str:
    return f"{cores:,.1f} cores" if cores >= 1 else f"{100 * cores:,.2f} % of a core"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
