"""Counters and histograms of this process.

An observation is one append to a queue: it takes no lock, reaches no network and raises nothing, because an order must neither wait
for a metric nor fail with it. A thread adds the queue up every few seconds (:mod:`webhook_kit.metrics.flush`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import product

__all__ = ["CounterMetric", "HistogramMetric", "Metric", "Totals", "take_observations"]

Totals = dict[str, int]
"""Increments by field: the metric's name and the values of its labels, separated by ``|``."""

_MOST_WAITING = 20_000
"""Observations that wait to be added up at most; more than some seconds bring. Without the thread the oldest ones are dropped."""

_MOST_FIELDS = 1_000
"""Fields of a metric that are remembered: a value that is not in its list may be anything."""

_OTHER = "other"
"""Value of a label in place of one that is not in its closed list."""

_Graphed = Callable[..., str]
"""Function of the values of the labels: the field that a series has in the slots of the graphs, or the empty text."""

_waiting: deque[tuple[Metric, tuple[str, ...], float]] = deque(maxlen=_MOST_WAITING)


class Metric:
    """A metric with closed lists of the values of its labels.

    :ivar name: name in Prometheus, with its unit.
    :ivar about: what it measures, for Prometheus and the docs.
    :ivar labels: allowed values by label.
    :ivar graphed: field of a series in the slots of five minutes for the graphs of the last 24 hours; None without graphs.
    """

    kind = ""

    def __init__(
        self,
        name: str,
        about: str,
        labels: Mapping[str, Sequence[str]] | None = None,
        *,
        graphed: _Graphed | None = None,
    ) -> None:
        self.name = name
        self.about = about
        self.labels = {label: frozenset(values) for label, values in (labels or {}).items()}
        self.graphed = graphed
        self._fields: dict[tuple[str, ...], tuple[str, str]] = {}

    def field(self, labels: Sequence[str]) -> str:
        """Return the field of a series."""
        return "|".join([self.name, *self._allowed(labels)])

    def fields(self, labels: tuple[str, ...]) -> tuple[str, str]:
        """Return the field of a series in the totals, and in the slots, from memory as long as the values of labels are few."""
        fields = self._fields.get(labels)
        if fields is None:
            fields = self.field(labels), self.graphed(*self._allowed(labels)) if self.graphed else ""
            if len(self._fields) < _MOST_FIELDS:
                self._fields[labels] = fields
        return fields

    def _allowed(self, labels: Sequence[str]) -> list[str]:
        pairs = zip(labels, self.labels.values(), strict=True)
        return [value if value in values else _OTHER for value, values in pairs]

    def increments(self, field: str, value: float) -> Sequence[tuple[str, int]]:
        """Return the fields that an observation of this series changes, with their increments; the graphs need the first one."""
        raise NotImplementedError

    def combinations(self) -> int:
        """Return the number of series at most."""
        return len(list(product(*({*values, _OTHER} for values in self.labels.values()))))


class CounterMetric(Metric):
    """A number that only grows."""

    kind = "counter"

    def count(self, *labels: str) -> None:
        """Count one.

        :param labels: the values of the labels, in their order.
        """
        _waiting.append((self, labels, 1))

    def increments(self, field: str, value: float) -> Sequence[tuple[str, int]]:
        """Return the field, with the number that was counted."""
        return ((field, int(value)),)


class HistogramMetric(Metric):
    """Durations in seconds, counted by buckets.

    :ivar buckets: upper bounds of the buckets in seconds; one without a bound follows.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        about: str,
        buckets: Sequence[float],
        labels: Mapping[str, Sequence[str]] | None = None,
        *,
        graphed: _Graphed | None = None,
    ) -> None:
        super().__init__(name, about, labels, graphed=graphed)
        self.buckets = tuple(buckets)
        self.bounds = (*(f"{bound:g}" for bound in buckets), "+Inf")

    def observe(self, seconds: float, *labels: str) -> None:
        """Record a duration.

        :param labels: the values of the labels, in their order.
        """
        _waiting.append((self, labels, seconds))

    def increments(self, field: str, value: float) -> Sequence[tuple[str, int]]:
        """Return the bucket, and the sum in microseconds: whole numbers add up exactly."""
        seconds = max(value, 0.0)
        bound = self.bounds[bisect_left(self.buckets, seconds)]
        return ((f"{field}|{bound}", 1), (f"{field}|sum", int(seconds * 1e6)))


def take_observations(totals: Totals, graphed: Totals) -> None:
    """Add up the waiting observations, and remove them.

    :param totals: gets all increments.
    :param graphed: gets those of the metrics that are graphed.
    """
    for _ in range(len(_waiting)):
        try:
            metric, labels, value = _waiting.popleft()
        except IndexError:  # another thread was faster
            return
        field, graph = metric.fields(labels)
        for each, number in metric.increments(field, value):
            totals[each] = totals.get(each, 0) + number
        if graph:
            each, number = metric.increments(graph, value)[0]
            graphed[each] = graphed.get(each, 0) + number
