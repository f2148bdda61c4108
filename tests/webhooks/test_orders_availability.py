"""Unavailable items are refused at once by every process, by validateOrder and placeOrder alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import JsonResponse, WebhookClient, line, order
from webhook_kit.errors import InvalidArgument, NotFound, WebhookKitError
from webhook_kit.kit import Kit
from webhook_kit.publishing import last_good
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def client(kit: Kit) -> WebhookClient:
    return WebhookClient(kit)


def codes(response: JsonResponse) -> list[str]:
    errors = json.loads(response.data).get("errors") or []
    return [error["code"] for error in errors]


def burger(*options: str) -> dict[str, Any]:
    groups = dict(zip(("doneness", "side"), options, strict=True))
    entries = [
        {"modifierGroupId": group, "selectedModifiers": [{"itemId": option, "quantity": 1}]}
        for group, option in groups.items()
    ]
    return order(line("burger", modifierGroups=entries))


def test_unavailable_item_is_refused_by_both_webhooks(kit: Kit, client: WebhookClient) -> None:
    assert codes(client.validate(order("salad"))) == []
    kit.availability.mark_unavailable("main", "salad")
    validated = client.validate(order("cola", "salad"))
    assert codes(validated) == ["ITEM_UNAVAILABLE"]
    (error,) = json.loads(validated.data)["errors"]
    assert (error["itemId"], error["jsonPath"]) == ("salad", "$.cart.lineItems[1]")
    assert "run out" in error["message"]
    placed = client.place(order("salad"), str(uuid4()))
    assert (placed.status_code, placed.json["errorCode"]) == (400, "ITEM_UNAVAILABLE")
    kit.availability.mark_available("main", "salad")
    validated = client.validate(order("salad"))
    assert codes(validated) == []
    assert client.place(validated.json, str(uuid4())).status_code == 200


def test_unavailable_option_and_an_item_that_needs_it_are_refused(kit: Kit, client: WebhookClient) -> None:
    assert codes(client.validate(burger("medium", "fries"))) == []
    kit.availability.mark_unavailable("main", "fries")
    assert codes(client.validate(burger("medium", "fries"))) == ["ITEM_UNAVAILABLE"]
    assert codes(client.validate(burger("medium", "coleslaw"))) == []
    kit.availability.mark_unavailable("main", "coleslaw")
    whole = json.loads(client.validate(burger("medium", "coleslaw")).data)["errors"]
    assert {(error["itemId"], error["code"]) for error in whole} == {
        ("burger", "ITEM_UNAVAILABLE"),
        ("coleslaw", "ITEM_UNAVAILABLE"),
    }


def test_another_process_refuses_the_item_within_a_second(
    make_kit: Callable[..., Kit], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = WebhookClient(make_kit(key_prefix=kit.keys.prefix))
    assert codes(other.validate(order("salad"))) == []
    monkeypatch.setattr(last_good, "_CACHE_SECONDS", 1000.0)  # a long second
    kit.availability.mark_unavailable("main", "salad")
    assert codes(other.validate(order("salad"))) == []
    monkeypatch.setattr(last_good, "_CACHE_SECONDS", 0.0)
    assert codes(other.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    cold = WebhookClient(make_kit(key_prefix=kit.keys.prefix))
    assert codes(cold.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_process_that_fetches_the_catalog_itself_refuses_the_item(kit: Kit, client: WebhookClient) -> None:
    kit.availability.mark_unavailable("main", "salad")
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_item_is_available_again_at_its_time(kit: Kit, client: WebhookClient) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1)
    kit.availability.mark_unavailable("main", "salad", until)
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    assert kit.availability.unavailable_items("main") == {"salad": until}
    wait_until(lambda: codes(client.validate(order("salad"))) == [])
    assert datetime.now(UTC) >= until
    assert kit.availability.unavailable_items("main") == {}


def test_last_change_of_an_item_counts(kit: Kit) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    assert kit.availability.mark_unavailable("main", "salad", until)
    assert kit.availability.mark_unavailable("main", "salad")
    assert not kit.availability.mark_unavailable("main", "salad")
    assert kit.availability.unavailable_items("main") == {"salad": None}
    assert kit.availability.mark_available("main", "salad")
    assert not kit.availability.mark_available("main", "salad")


@pytest.mark.parametrize(
    ("store", "until", "error"),
    [
        ("elsewhere", None, NotFound),
        ("main", datetime(2020, 1, 1, tzinfo=UTC), InvalidArgument),
        ("main", datetime(2999, 1, 1), InvalidArgument),  # noqa: DTZ001 - that is the point
    ],
)
def test_mark_unavailable_rejects_unusable_arguments(
    store: str, until: datetime | None, error: type[WebhookKitError], kit: Kit
) -> None:
    with pytest.raises(error):
        kit.availability.mark_unavailable(store, "salad", until)
    assert kit.availability.unavailable_items("main") == {}


def test_new_catalog_does_not_make_items_available(kit: Kit, client: WebhookClient) -> None:
    client.validate(order("salad"))
    kit.availability.mark_unavailable("main", "salad")
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    (store,) = kit.stores
    kit.catalogs.refresh(store)
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_process_remembers_unavailable_items_while_redis_is_down(make_kit: Callable[..., Kit]) -> None:
    with RedisServer() as server:
        kit = make_kit(redis_url=server.url)
        client = WebhookClient(kit)
        kit.availability.mark_unavailable("main", "salad")
        assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
        server.stop()
        kit.catalogs.invalidate("main")
        assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
        assert codes(client.validate(order("cola"))) == []


def test_several_changes_are_one_publication(kit: Kit) -> None:
    for item in ("salad", "cola", "burger"):
        kit.availability.mark_unavailable("main", item)
    kit.availability.mark_available("main", "cola")
    due: Any = kit.redis.zrange(kit.keys.catalogs_due, 0, -1, withscores=True)
    ((entry, when),) = due
    assert entry == b"publish:main"
    remaining = when - datetime.now(UTC).timestamp()
    assert remaining <= kit.settings.publish_debounce, "the first of them is not put off by the others"
    assert list(kit.catalog_sync.claim_due()) == []
