"""What has run out is refused at once, by every process, by validateOrder and placeOrder alike."""

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
from webhook_kit.publishing import last_good as menus_module
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def client(kit: Kit) -> WebhookClient:
    return WebhookClient(kit)


def codes(answer: JsonResponse) -> list[str]:
    errors = json.loads(answer.data).get("errors") or []
    return [error["code"] for error in errors]


def burger(*options: str) -> dict[str, Any]:
    groups = dict(zip(("doneness", "side"), options, strict=True))
    entries = [
        {"modifierGroupId": group, "selectedModifiers": [{"itemId": option, "quantity": 1}]}
        for group, option in groups.items()
    ]
    return order(line("burger", modifierGroups=entries))


def test_an_item_that_ran_out_is_refused_when_validated_and_when_placed(kit: Kit, client: WebhookClient) -> None:
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


def test_so_is_an_option_and_a_dish_that_needs_one_of_those_that_ran_out(kit: Kit, client: WebhookClient) -> None:
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


def test_another_process_refuses_it_within_its_second(
    make_kit: Callable[..., Kit], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = WebhookClient(make_kit(key_prefix=kit.keys.prefix))
    assert codes(other.validate(order("salad"))) == []
    monkeypatch.setattr(menus_module, "_CACHE_SECONDS", 1000.0)  # a long second
    kit.availability.mark_unavailable("main", "salad")
    assert codes(other.validate(order("salad"))) == []
    monkeypatch.setattr(menus_module, "_CACHE_SECONDS", 0.0)
    assert codes(other.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    cold = WebhookClient(make_kit(key_prefix=kit.keys.prefix))
    assert codes(cold.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_a_process_that_has_to_fetch_the_menu_itself_knows_it_too(kit: Kit, client: WebhookClient) -> None:
    kit.availability.mark_unavailable("main", "salad")
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_it_is_back_by_itself(kit: Kit, client: WebhookClient) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1)
    kit.availability.mark_unavailable("main", "salad", until)
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    assert kit.availability.unavailable_items("main") == {"salad": until}
    wait_until(lambda: codes(client.validate(order("salad"))) == [])
    assert datetime.now(UTC) >= until
    assert kit.availability.unavailable_items("main") == {}


def test_what_was_last_said_holds(kit: Kit) -> None:
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


def test_a_new_menu_does_not_bring_back_what_is_out(kit: Kit, client: WebhookClient) -> None:
    client.validate(order("salad"))
    kit.availability.mark_unavailable("main", "salad")
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
    (store,) = kit.stores
    kit.catalogs.refresh(store)
    assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]


def test_with_redis_down_a_process_goes_on_with_what_it_knows_to_be_out(make_kit: Callable[..., Kit]) -> None:
    with RedisServer() as server:
        kit = make_kit(redis_url=server.url)
        client = WebhookClient(kit)
        kit.availability.mark_unavailable("main", "salad")
        assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
        server.stop()
        kit.catalogs.invalidate("main")
        assert codes(client.validate(order("salad"))) == ["ITEM_UNAVAILABLE"]
        assert codes(client.validate(order("cola"))) == []


def test_several_that_run_out_are_one_publication(kit: Kit) -> None:
    for item in ("salad", "cola", "burger"):
        kit.availability.mark_unavailable("main", item)
    kit.availability.mark_available("main", "cola")
    found: Any = kit.redis.zrange(kit.keys.catalogs_due, 0, -1, withscores=True)
    ((entry, when),) = found
    assert entry == b"publish:main"
    left = when - datetime.now(UTC).timestamp()
    assert left <= kit.settings.publish_debounce, "the first of them is not put off by the others"
    assert list(kit.catalog_sync.claim_due()) == []
