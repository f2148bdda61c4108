from __future__ import annotations

import re
from inspect import isfunction
from itertools import pairwise

import pytest

from webhook_kit.adapter import PosAdapter
from webhook_kit.metrics.definitions import (
    CATALOG_SYNCS,
    GETT_REQUESTS,
    HEALTH_CHECKS,
    METRICS,
    PLACEMENTS,
    POS_CALLS,
    status_class,
)
from webhook_kit.metrics.recorder import HistogramMetric, Metric
from webhook_kit.monitoring.pos_health import HealthCheckResult
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import AttemptOutcome
from webhook_kit.publishing.sync import SyncOutcome


@pytest.mark.parametrize(
    ("metric", "label", "values"),
    [
        (PLACEMENTS, "outcome", AttemptOutcome),
        (CATALOG_SYNCS, "outcome", SyncOutcome),
        (HEALTH_CHECKS, "result", HealthCheckResult),
        (GETT_REQUESTS, "kind", Kind),
    ],
)
def test_the_values_of_a_label_are_those_of_the_code(metric: Metric, label: str, values: type) -> None:
    assert metric.labels[label] == set(values)  # type: ignore[call-overload]


def test_the_methods_are_those_that_call_the_pos() -> None:
    methods = {name for name, member in vars(PosAdapter).items() if isfunction(member) and not name.startswith("_")}
    assert methods - POS_CALLS.labels["method"] == {"config", "credentials", "parse_event"}
    assert POS_CALLS.labels["method"] <= methods


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_units_and_buckets_follow_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"webhook_kit_[a-z_]+", metric.name)
    assert metric.name.endswith("_seconds" if isinstance(metric, HistogramMetric) else "_total")
    assert metric.about.endswith(".")
    assert all(re.fullmatch(r"[A-Za-z0-9_]*", value) for values in metric.labels.values() for value in values)
    if isinstance(metric, HistogramMetric):
        assert all(lower < upper for lower, upper in pairwise(metric.buckets))


def test_the_series_are_few() -> None:
    assert sum(metric.combinations() for metric in METRICS) < 2_500


@pytest.mark.parametrize(
    ("status", "name"),
    [(200, "2xx"), (204, "2xx"), (302, "3xx"), (401, "401"), (404, "4xx"), (429, "429"), (503, "5xx"), (None, "none")],
)
def test_a_status_has_a_class(status: int | None, name: str) -> None:
    assert status_class(status) == name
    assert name in GETT_REQUESTS.labels["status"]
