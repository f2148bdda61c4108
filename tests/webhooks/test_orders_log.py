"""Log line of each webhook: store, order, key, code and outcome, so that a refusal does not look like an accepted order."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, order

Events = list[MutableMapping[str, Any]]
NAMES = ("store", "order", "key", "outcome", "code")


def answered(events: Events) -> list[tuple[Any, ...]]:
    return [
        (event["status"], *(event.get(name) for name in NAMES))
        for event in events
        if event["event"] == "webhook_answered"
    ]


def test_placed_refused_and_repeated_orders_are_told_apart(client: WebhookClient, events: Events) -> None:
    ids, keys = [str(uuid4()) for _ in range(2)], [str(uuid4()) for _ in range(2)]
    for _ in range(2):
        client.place(order(gettOrderId=ids[0], amounts={"total": 2.75}), keys[0])
    client.place(order("no-such-item", gettOrderId=ids[1], amounts={"total": 2.75}), keys[1])
    placed = (200, "main", ids[0], keys[0], "placed", None)
    refused = answered(events)[-1]
    assert answered(events)[:2] == [placed, placed]
    assert refused[0] in (400, 422)
    assert refused[1:5] == ("main", ids[1], keys[1], "refused")
    assert refused[5]
    lines = [event for event in events if event["event"] == "webhook_answered"]
    assert [line["replayed"] for line in lines] == [False, True, False]


def test_invalid_validation_does_not_look_like_a_valid_one(client: WebhookClient, events: Events) -> None:
    gett_id = str(uuid4())
    client.validate(order())
    client.validate(order("no-such-item", gettOrderId=gett_id))
    valid, invalid = answered(events)
    assert valid == (200, "main", None, None, "valid", None)
    assert invalid[:5] == (200, "main", gett_id, None, "invalid")
    assert invalid[5]


def test_rejected_request_is_named_by_its_code(client: WebhookClient, events: Events) -> None:
    key = str(uuid4())
    client.place({**order(), "cart": {"storeId": str(uuid4()), "lineItems": [{"itemId": "cola"}]}}, key)
    client.deliver("placeOrder", order())
    (foreign, keyless) = answered(events)
    assert foreign == (404, None, None, key, "refused", "STORE_NOT_FOUND")
    assert keyless[4:] == ("refused", "MISSING_IDEMPOTENCY_KEY")


def test_refused_request_is_found_by_what_is_known_of_it(client: WebhookClient, events: Events) -> None:
    gett_store, gett_id, key = str(uuid4()), str(uuid4()), str(uuid4())
    client.validate({**order(), "cart": {"storeId": gett_store, "lineItems": [{"itemId": "cola"}]}})
    client.deliver("placeOrder", order(gettOrderId=gett_id))
    client.place({"cart": 1}, key)
    foreign, keyless, shapeless = (event for event in events if event["event"] == "webhook_answered")
    assert foreign["gett_store"] == gett_store
    assert keyless["order"] == gett_id
    assert (shapeless["status"], shapeless["key"]) == (422, key)


@pytest.mark.parametrize("webhook", ["validate", "place"])
def test_pos_beyond_its_deadline_is_an_error_line_with_its_store(
    webhook: str, make_client: Callable[..., WebhookClient], events: Events
) -> None:
    pos = scripted_pos(quote=lambda *_: time.sleep(1), place_order=lambda *_: time.sleep(1))
    client = make_client(**pos, pos_deadline=0.2)
    assert getattr(client, webhook)(order()).status_code == 503
    late = [event for event in events if event["event"] == "pos_deadline_exceeded"]
    assert late
    assert {(event["log_level"], event["store"]) for event in late} == {("error", "main")}
    (line,) = (event for event in events if event["event"] == "webhook_answered")
    assert (line["log_level"], line["outcome"], line["code"]) == ("warning", "failed", "SERVICE_UNAVAILABLE")
