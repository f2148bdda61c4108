from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import METRICS, PLACEMENTS, POS_CALLS, WEBHOOKS
from webhook_kit.operations.gauges import GAUGES
from webhook_kit.operations.prometheus import exposition

DOCS = Path(__file__).parents[2] / "docs" / "monitoring.md"


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(text)
    return {
        (s.name, tuple(value for _, value in sorted(s.labels.items()))): s.value
        for family in families
        for s in family.samples
    }


def test_counters_and_histograms_are_in_the_format_of_prometheus(kit: Kit) -> None:
    PLACEMENTS.count("placed")
    for seconds in (0.03, 0.04, 500.0):
        POS_CALLS.observe(seconds, "place_order", "ok")
    kit.metrics.flush()
    read = samples(exposition(kit).decode())
    assert read["webhook_kit_up", ()] == 1
    assert read["webhook_kit_placements_total", ("placed",)] == 1
    call = "webhook_kit_pos_call_duration_seconds"
    assert read[f"{call}_count", ("place_order", "ok")] == 3
    assert read[f"{call}_sum", ("place_order", "ok")] == pytest.approx(500.07)
    assert [read[f"{call}_bucket", (bound, "place_order", "ok")] for bound in ("0.025", "0.05", "120", "+Inf")] == [
        0,
        2,
        2,
        3,
    ]


def test_series_of_a_small_counter_are_there_before_they_are_counted(kit: Kit) -> None:
    read = samples(exposition(kit).decode())
    assert {labels for name, labels in read if name == PLACEMENTS.name} == {
        (outcome,) for outcome in PLACEMENTS.labels["outcome"]
    }
    assert not [labels for name, labels in read if name == WEBHOOKS.name]


def test_a_field_of_another_version_is_left_out(kit: Kit) -> None:
    PLACEMENTS.count("placed")
    kit.metrics.flush()
    for field in (f"{PLACEMENTS.name}|placed|new", f"{POS_CALLS.name}|ok|0.05", "gone_total|a"):
        kit.redis.hset(kit.keys.metrics, field, 7)
    read = samples(exposition(kit).decode())
    assert 7 not in read.values()
    assert read["webhook_kit_up", ()] == 1


@pytest.mark.parametrize("error", [redis.ConnectionError(), redis.TimeoutError(), ValueError("damaged")])
def test_without_redis_a_scrape_says_so(kit: Kit, error: Exception) -> None:
    with patch.object(kit.redis, "hgetall", side_effect=error):
        assert samples(exposition(kit).decode()) == {("webhook_kit_up", ()): 0}


def test_the_page_needs_a_token(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(metrics_token="new,old")
    assert client.open("GET", "/metrics").status_code == 401
    for wrong in ("Bearer", "Bearer ne", "new", "Basic new", "Bearer new,old", "Bearer é"):
        assert client.open("GET", "/metrics", Authorization=wrong).status_code == 401
    for token in ("new", "old"):
        response = client.open("GET", "/metrics", Authorization=f"Bearer {token}")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert samples(response.text)["webhook_kit_up", ()] == 1


def test_without_a_token_there_is_no_page(client: WebhookClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_a_scrape_names_no_order_and_no_store(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client()
    placed = client.validated(order())
    client.place(placed)
    client.kit.metrics.flush()
    text = exposition(client.kit).decode()
    assert 'webhook_kit_webhooks_total{call="placeOrder",code="",outcome="placed"} 1.0' in text
    for secret in (placed["gettOrderId"], placed["cart"]["storeId"], '"main"'):
        assert secret not in text


def test_a_scrape_reads_the_same_from_redis_with_many_orders(kit: Kit) -> None:
    def reads_with(number: int) -> tuple[int, int]:
        far = 10_000_000_000_000
        kit.redis.zadd(kit.keys.ready, {f"order:{each}": far + each for each in range(number)})
        kit.redis.zadd(kit.keys.delayed, {f"order:x{each}": each for each in range(number)})
        kit.redis.zadd(kit.keys.dead_letter_times, {str(each): each for each in range(number)})
        exposition(kit)  # loads the scripts
        before = kit.redis.info("stats")
        exposition(kit)
        after = kit.redis.info("stats")
        commands, size = ("total_commands_processed", "total_net_output_bytes")
        return after[commands] - before[commands], after[size] - before[size]

    for code in WEBHOOKS.labels["code"]:
        WEBHOOKS.count("placeOrder", "refused", code)
    kit.metrics.flush()
    commands, size = reads_with(500)
    commands_with_many, size_with_many = reads_with(50_000)
    assert commands_with_many <= commands + 10
    assert size_with_many < size + 10_000


def test_the_documented_metrics_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `(webhook_kit_\w+)` \| (\w+) \| (.*?) \|", DOCS.read_text(), re.MULTILINE)
    documented = {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows}
    counted = {metric.name: (metric.kind, list(metric.labels)) for metric in METRICS}
    read = {gauge.name: (gauge.kind, [gauge.label] if gauge.label else []) for gauge in GAUGES}
    assert documented == counted | read
