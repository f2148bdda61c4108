from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import PLACEMENTS, POS_CALLS, WEBHOOK_DURATION, WEBHOOKS
from webhook_kit.operations.series import Graph, Series, all_series, series


def line(read: Series, name: str) -> list[float]:
    """Return the values of a line without the steps in which nothing was measured."""
    values = next(line.values for line in read.lines if line.name == name)
    return [value for value in values if value]


def test_orders_placed_and_refused_by_code(kit: Kit) -> None:
    for _ in range(3):
        PLACEMENTS.count("placed")
    WEBHOOKS.count("placeOrder", "refused", "ITEM_UNAVAILABLE")
    WEBHOOKS.count("placeOrder", "replayed", "ITEM_UNAVAILABLE")
    WEBHOOKS.count("placeOrder", "placed", "")
    WEBHOOKS.count("validateOrder", "invalid", "CART_EMPTY")
    kit.metrics.flush()
    read = series(kit, "orders")
    assert [line.name for line in read.lines] == ["placed", "ITEM_UNAVAILABLE"]
    assert (sum(line(read, "placed")), line(read, "ITEM_UNAVAILABLE")) == (3, [1])
    assert read.unit == "orders"


def test_a_series_has_a_value_for_each_five_minutes(kit: Kit) -> None:
    read = series(kit, Graph.ORDERS)
    assert [len(line.values) for line in read.lines] == [288]
    assert read.step == timedelta(minutes=5)
    ended = datetime.now(UTC) - (read.start + 287 * read.step)
    assert timedelta(0) <= ended < 2 * read.step
    assert len(series(kit, Graph.ORDERS, hours=1).lines[0].values) == 12
    assert len(series(kit, Graph.ORDERS, hours=1000).lines[0].values) == 288


def test_latencies_are_percentiles_of_the_buckets(kit: Kit) -> None:
    for _ in range(90):
        WEBHOOK_DURATION.observe(0.02, "placeOrder")
    for _ in range(10):
        WEBHOOK_DURATION.observe(0.7, "placeOrder")
    POS_CALLS.observe(500.0, "place_order", "late")
    POS_CALLS.observe(500.0, "find_order", "ok")
    kit.metrics.flush()
    webhooks, pos = series(kit, Graph.WEBHOOK_LATENCY), series(kit, Graph.POS_LATENCY)
    assert [line.name for line in webhooks.lines] == [
        f"{c} {p}" for c in ("validateOrder", "placeOrder") for p in ("p50", "p95")
    ]
    assert line(webhooks, "validateOrder p95") == []
    assert line(webhooks, "placeOrder p50") == [pytest.approx(0.01 + 0.015 * 50 / 90)]
    assert line(webhooks, "placeOrder p95") == [pytest.approx(0.5 + 0.5 * 5 / 10)]
    assert line(pos, "p50") == [120]


def test_gauges_are_unknown_before_a_worker_samples_them(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(gett_writes_per_minute=50)
    assert set(series(kit, Graph.WAITING).lines[0].values) == {None}
    kit.metrics.sample({"gauge|waiting": 4, "gauge|quota_used": 31})
    assert line(series(kit, Graph.WAITING), "waiting") == [4]
    quota = series(kit, Graph.QUOTA)
    assert (line(quota, "used"), set(line(quota, "limit"))) == ([31], {50})


def test_an_unknown_name_is_refused(kit: Kit) -> None:
    with pytest.raises(ValueError, match="temperature"):
        series(kit, "temperature")


def test_all_series_are_read_at_once(kit: Kit) -> None:
    PLACEMENTS.count("placed")
    kit.metrics.flush()
    read = all_series(kit, hours=2)
    assert [each.graph for each in read] == list(Graph)
    assert [len(each.lines[0].values) for each in read] == [24] * 5
    assert line(read[0], "placed") == [1]
