from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit.metrics.recorder import Totals, take_observations
from webhook_kit.webhooks.current_call import count_refused

Counted = Callable[[], Totals]


@pytest.fixture
def counted(client: WebhookClient) -> Counted:
    """Return what the webhooks of this test have counted."""
    take_observations({}, {})

    def counts() -> Totals:
        totals: Totals = {}
        take_observations(totals, {})
        return {
            field.removeprefix("webhook_kit_webhooks_total|"): count
            for field, count in totals.items()
            if field.startswith(("webhook_kit_webhooks_total", "webhook_kit_webhook_duration"))
            and not field.endswith("|sum")
        }

    return counts


def outcomes(counts: Totals) -> Totals:
    return {field: count for field, count in counts.items() if not field.startswith("webhook_kit_webhook_duration")}


def durations(counts: Totals) -> int:
    return sum(counts.values()) - sum(outcomes(counts).values())


def test_each_webhook_is_counted_by_its_outcome(client: WebhookClient, counted: Counted) -> None:
    client.validate(order())
    client.validate(order("ghost"))
    key, placed = str(uuid4()), client.validated(order())
    client.place(placed, key)
    client.place(placed, key)
    client.place(order("ghost"))
    client.deliver("placeOrder", b"{")
    client.post("place", b"{}", {})
    counts = counted()
    assert outcomes(counts) == {
        "validateOrder|valid|": 2,
        "validateOrder|invalid|ITEM_UNAVAILABLE": 1,
        "placeOrder|placed|": 1,
        "placeOrder|replayed|": 1,
        "placeOrder|refused|ITEM_UNAVAILABLE": 1,
        "placeOrder|refused|INVALID_REQUEST": 1,
        "placeOrder|refused|UNAUTHENTICATED": 1,
    }
    assert durations(counts) == 8


def test_webhooks_that_are_refused_before_they_are_handled_are_counted(counted: Counted) -> None:
    for path in ("/gett/place", "/validateOrder", "/pos/bogus/events", "/healthz", "/catalogs/a/b.json"):
        count_refused(path)
    failed = dict.fromkeys(("placeOrder", "validateOrder", "posEvents"), 1)
    assert outcomes(counted()) == {f"{call}|failed|SERVICE_UNAVAILABLE": count for call, count in failed.items()}


def test_events_of_the_pos_are_counted(client: WebhookClient, counted: Counted) -> None:
    client.flask.post("/pos/bogus/events", data=b"{")
    client.flask.post("/pos/nobody/events", data=b"{")
    counts = counted()
    assert outcomes(counts) == {"posEvents|refused|NOT_FOUND": 1, "posEvents|refused|UNAUTHENTICATED": 1}
    assert durations(counts) == 2
