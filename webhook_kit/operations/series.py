"""Series of the last 24 hours for the console's graphs: orders, latencies, the quota, and what waits; in steps of five minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import POS_CALLS, WEBHOOK_DURATION
from webhook_kit.metrics.flush import QUOTA_USED, SLOT_SECONDS, WAITING
from webhook_kit.metrics.recorder import HistogramMetric, Totals

__all__ = ["Graph", "Line", "Series", "all_series", "series"]


class Graph(StrEnum):
    """Name of a series."""

    ORDERS = "orders"
    """Orders placed, in one line, and orders refused, in one line per error code that occurred."""
    WEBHOOK_LATENCY = "webhook_latency"
    """Median and 95th percentile of validateOrder and placeOrder."""
    POS_LATENCY = "pos_latency"
    """Median and 95th percentile of all calls of the POS."""
    QUOTA = "quota"
    """Writes in Gett's quota that were used, and its limit."""
    WAITING = "waiting"
    """Lanes with an update that waits to be sent."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a graph.

    :ivar name: ``placed``, an error code, ``placeOrder p95`` …
    :ivar values: one per step, oldest first; None where nothing was measured.
    """

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Lines over the same time.

    :ivar unit: ``orders``, ``seconds``, ``writes per minute`` or ``lanes``.
    :ivar start: the moment at which the first step begins.
    :ivar step: length of a step; the last one has not ended.
    """

    graph: Graph
    unit: str
    start: datetime
    step: timedelta
    lines: tuple[Line, ...]


def series(kit: Kit, name: Graph | str, hours: float = 24) -> Series:
    """Return a series of the last hours.

    :param hours: at most 24.
    :raises ValueError: there is no such series.
    :raises redis.RedisError: Redis is not reachable.
    """
    return _series(kit, [Graph(name)], hours)[0]


def all_series(kit: Kit, hours: float = 24) -> list[Series]:
    """Return every series of the last hours, in the order of :class:`Graph`, in the time that one takes to read.

    :param hours: at most 24.
    :raises redis.RedisError: Redis is not reachable.
    """
    return _series(kit, list(Graph), hours)


def _series(kit: Kit, graphs: Sequence[Graph], hours: float) -> list[Series]:
    slots = kit.metrics.slots(max(1, round(min(hours, 24) * 3600 / SLOT_SECONDS)))
    start, step = datetime.fromtimestamp(slots[0][0], UTC), timedelta(seconds=SLOT_SECONDS)
    totals = [slot for _, slot in slots]
    readers = ((graph, *_READERS[graph]) for graph in graphs)
    return [Series(graph, unit, start, step, tuple(lines(kit, totals))) for graph, unit, lines in readers]


def _orders(_kit: Kit, slots: Sequence[Totals]) -> Iterable[Line]:
    yield Line("placed", tuple(float(slot.get("placed", 0)) for slot in slots))
    refused = "refused|"
    for field in sorted({field for slot in slots for field in slot if field.startswith(refused)}):
        yield Line(field.removeprefix(refused), tuple(float(slot.get(field, 0)) for slot in slots))


def _webhook_latency(_kit: Kit, slots: Sequence[Totals]) -> Iterable[Line]:
    for call in ("validateOrder", "placeOrder"):
        yield from _percentiles(WEBHOOK_DURATION, call, slots, f"{call} ")


def _pos_latency(_kit: Kit, slots: Sequence[Totals]) -> Iterable[Line]:
    return _percentiles(POS_CALLS, "pos", slots)


def _quota(kit: Kit, slots: Sequence[Totals]) -> Iterable[Line]:
    yield _gauge("used", QUOTA_USED, slots)
    if kit.quota.limit:
        yield Line("limit", (float(kit.quota.limit),) * len(slots))


def _waiting(_kit: Kit, slots: Sequence[Totals]) -> Iterable[Line]:
    yield _gauge("waiting", WAITING, slots)


def _gauge(name: str, field: str, slots: Sequence[Totals]) -> Line:
    return Line(name, tuple(float(slot[field]) if field in slot else None for slot in slots))


def _percentiles(metric: HistogramMetric, field: str, slots: Sequence[Totals], name: str = "") -> Iterable[Line]:
    """Yield the median and the 95th percentile of a histogram."""
    buckets = [[slot.get(f"{field}|{bound}", 0) for bound in metric.bounds] for slot in slots]
    for label, share in (("p50", 0.5), ("p95", 0.95)):
        yield Line(f"{name}{label}", tuple(_quantile(metric, counts, share) for counts in buckets))


def _quantile(metric: HistogramMetric, counts: Sequence[int], share: float) -> float | None:
    """Return the value below which this share lies, as ``histogram_quantile`` of Prometheus does; None without any."""
    rank = share * sum(counts)
    if not rank:
        return None
    below, lower = 0, 0.0
    for bound, count in zip(metric.buckets, counts, strict=False):
        if count and below + count >= rank:
            return lower + (bound - lower) * (rank - below) / count
        below, lower = below + count, bound
    return metric.buckets[-1]  # beyond the last bound nothing more is known


_READERS: dict[Graph, tuple[str, Callable[[Kit, Sequence[Totals]], Iterable[Line]]]] = {
    Graph.ORDERS: ("orders", _orders),
    Graph.WEBHOOK_LATENCY: ("seconds", _webhook_latency),
    Graph.POS_LATENCY: ("seconds", _pos_latency),
    Graph.QUOTA: ("writes per minute", _quota),
    Graph.WAITING: ("lanes", _waiting),
}
