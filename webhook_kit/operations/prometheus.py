"""Metrics in the text format of Prometheus, read from Redis at each scrape: any process of the installation gives the same answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import METRICS
from webhook_kit.metrics.recorder import HistogramMetric, Metric, Totals
from webhook_kit.operations.gauges import GAUGES, read_gauges
from webhook_kit.storage.faults import fault

__all__ = ["CONTENT_TYPE", "exposition", "registry"]

log = logger("metrics")

_MOST_ZEROS = 50
"""Series of a counter that are all there from the beginning; a counter with more has those that were counted."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(kit: Kit) -> bytes:
    """Return all metrics. When Redis cannot be read, ``webhook_kit_up 0`` is the only one."""
    return generate_latest(registry(kit))


def registry(kit: Kit) -> CollectorRegistry:
    """Return a registry that reads all metrics from Redis when it is collected."""
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(_RedisCollector(kit))
    return collectors


class _RedisCollector(Collector):
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def describe(self) -> list[Family]:
        """Return nothing, so that the registry does not collect when the collector is registered."""
        return []

    def collect(self) -> Iterator[Family]:
        """Yield all metrics."""
        try:
            families = [*_counted(self._kit.metrics.read()), *_gauges(self._kit)]
        except Exception as error:  # noqa: BLE001 - a scrape has an answer in any case
            reason = fault(error) if isinstance(error, redis.RedisError) else type(error).__name__
            log.warning("metrics_not_read", why=reason)
            yield GaugeMetricFamily(GAUGES[0].name, GAUGES[0].about, value=0)
            return
        yield GaugeMetricFamily(GAUGES[0].name, GAUGES[0].about, value=1)
        yield from families


def _counted(totals: Totals) -> Iterator[Family]:
    by_metric: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
    for field, value in sorted(totals.items()):
        name, *labels = field.split("|")
        by_metric[name].append((labels, value))
    for metric in METRICS:
        series = by_metric[metric.name]
        yield _histogram(metric, series) if isinstance(metric, HistogramMetric) else _counter(metric, series)


def _counter(metric: Metric, series: list[tuple[list[str], int]]) -> Family:
    family = CounterMetricFamily(metric.name, metric.about, labels=list(metric.labels))
    # `rate` does not see the first increment of a series that was not there before.
    few = metric.combinations() <= _MOST_ZEROS
    values = dict.fromkeys(product(*map(sorted, metric.labels.values())), 0) if few else {}
    # Labels of another number were written by another version.
    values |= {tuple(labels): value for labels, value in series if len(labels) == len(metric.labels)}
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(metric: HistogramMetric, series: list[tuple[list[str], int]]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.about, labels=list(metric.labels))
    histograms: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for (*labels, part), value in series:
        if len(labels) == len(metric.labels):
            histograms[tuple(labels)][part] = value
    for values, parts in histograms.items():
        below, buckets = 0, []
        for bound in metric.bounds:
            below += parts.get(bound, 0)
            buckets.append((bound, below))
        family.add_metric(values, buckets, parts.get("sum", 0) / 1e6)
    return family


def _gauges(kit: Kit) -> Iterator[Family]:
    readings: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name, label, value in read_gauges(kit):
        readings[name].append((label, float(value)))
    for gauge in GAUGES[1:]:
        family = (CounterMetricFamily if gauge.kind == "counter" else GaugeMetricFamily)(
            gauge.name, gauge.about, labels=[gauge.label] if gauge.label else []
        )
        for label, value in readings[gauge.name]:
            family.add_metric([label] if gauge.label else [], value)
        if family.samples:
            yield family
