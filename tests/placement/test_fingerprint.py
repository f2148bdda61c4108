"""A retry in another spelling is the same order; anything that changes food, money, place or person is another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import WebhookClient, expect_problem, line, order, same_ticket
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement.fingerprint import fingerprint, former_fingerprint

Json = dict[str, Any]

GROUPS = [
    {"modifierGroupId": "size", "selectedModifiers": [{"lineItemId": "3", "itemId": "large", "quantity": 1}]},
    {"modifierGroupId": "toppings", "selectedModifiers": [{"itemId": "olives"}, {"itemId": "ham", "quantity": 2}]},
]
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
ORDER = order(
    line("margherita", 1, lineItemId="1", modifierGroups=GROUPS),
    line("cola", 2, lineItemId="2", note="no ice", weight=1),
    fulfillmentType="DeliveryByMerchant",
    customer={"firstName": "Ann", "phone": "+12125550187"},
    deliveryInfo={"type": "door", "address": ADDRESS, "instructions": "ring twice"},
    amounts={"total": 20.5},
)


def changed(path: str, value: Any, body: Json = ORDER) -> Json:
    """Return the order with another value at a path of members and indexes (``cart.lineItems.0.itemId``)."""
    body = json.loads(json.dumps(body))
    *parents, last = path.split(".")
    place: Any = body
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    if isinstance(place, list):
        place[int(last)] = value
    elif value is ...:
        del place[last]
    else:
        place[last] = value
    return body


def of(body: Json) -> str:
    return fingerprint(PlaceOrderRequest.from_json(json.dumps(body)))


MARGHERITA, COLA = ORDER["cart"]["lineItems"]

SAME = {
    "another line id": changed("cart.lineItems.0.lineItemId", "77"),
    "no line id": changed("cart.lineItems.0.lineItemId", ...),
    "another id of a modifier's line": changed(
        "cart.lineItems.0.modifierGroups.0.selectedModifiers.0.lineItemId", "78"
    ),
    "another order of lines": changed("cart.lineItems", [COLA, MARGHERITA]),
    "a line in two": changed("cart.lineItems", [MARGHERITA, {**COLA, "quantity": 1}, {**COLA, "quantity": 1}]),
    "another order of groups": changed("cart.lineItems.0.modifierGroups", GROUPS[::-1]),
    "another order of modifiers": changed(
        "cart.lineItems.0.modifierGroups.1.selectedModifiers", [{"itemId": "ham", "quantity": 2}, {"itemId": "olives"}]
    ),
    "a modifier in two": changed(
        "cart.lineItems.0.modifierGroups.1.selectedModifiers",
        [{"itemId": "ham"}, {"itemId": "olives"}, {"itemId": "ham"}],
    ),
    "a group without a selection": changed(
        "cart.lineItems.0.modifierGroups", [*GROUPS, {"modifierGroupId": "sauces", "selectedModifiers": []}]
    ),
    "groups spelled out as empty": changed("cart.lineItems.1.modifierGroups", []),
    "groups spelled out as null": changed("cart.lineItems.1.modifierGroups", None),
    "the catalog's version": changed("cart.catalogSetId", str(uuid4())),
    "a member spelled out as null": changed("customer.email", None),
    "a member spelled out as empty": changed("deliveryInfo.address.address2", ""),
    "another spelling of a number": changed("cart.lineItems.1.weight", 1.0),
    "another spelling of the total": changed("amounts.total", 20.50),
    "amounts spelled out": changed("amounts", {"subTotal": 18, "taxes": 2.5, "tip": 0, "total": 20.5}),
    "a breakdown": changed("amounts.taxesDescription", []),
    "another spelling of the phone": changed("customer.phone", "+1 (212) 555-0187"),
    "coordinates": changed("deliveryInfo.address.location", {"latitude": 40.7, "longitude": -74.0}),
    "trace": changed("traceId", "0" * 32),
    "payment": changed("payment", {"type": "gettPayment"}),
}

OTHER = {
    "another item": changed("cart.lineItems.0.itemId", "marinara"),
    "another quantity": changed("cart.lineItems.0.quantity", 2),
    "a line more": changed("cart.lineItems", [MARGHERITA, COLA, COLA]),
    "another modifier": changed("cart.lineItems.0.modifierGroups.1.selectedModifiers.0.itemId", "tuna"),
    "another quantity of a modifier": changed("cart.lineItems.0.modifierGroups.1.selectedModifiers.1.quantity", 1),
    "a modifier of another group": changed("cart.lineItems.0.modifierGroups.1.modifierGroupId", "extras"),
    "a modifier on another line": changed(
        "cart.lineItems", [{**MARGHERITA, "modifierGroups": []}, {**COLA, "modifierGroups": GROUPS}]
    ),
    "another wish for the kitchen": changed("cart.lineItems.1.note", "ice"),
    "a wish for the kitchen more": changed("cart.lineItems.0.note", "well done"),
    "a wish in a group": changed("cart.lineItems.0.modifierGroups.0.note", "on the side"),
    "a member of the cart": changed("cart.cutlery", True),
    "another store": changed("cart.storeId", str(uuid4())),
    "another fulfillment": changed("fulfillmentType", "Pickup"),
    "another address": changed("deliveryInfo.address.address1", "2 Main St"),
    "another handoff": changed("deliveryInfo.type", "curb"),
    "other instructions": changed("deliveryInfo.instructions", "ring once"),
    "another time": changed("deliveryInfo.scheduledAt", "2026-05-01T18:30:00Z"),
    "another customer": changed("customer.firstName", "Bob"),
    "another phone": changed("customer.phone", "+12125550188"),
    "another total": changed("amounts.total", 20.51),
    "another tip": changed("amounts.tip", 1),
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_another_spelling_is_the_same_order(other: Json) -> None:
    assert of(other) == of(ORDER)


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_another_meaning_is_another_order(other: Json) -> None:
    assert of(other) != of(ORDER)


def test_a_record_of_the_version_before_has_the_same_form() -> None:
    body = changed("cart.lineItems.0.modifierGroups.1.note", {"side": "left", "lid": None}, ORDER)
    assert of(body) == "bca0df697115d4d887ed231e7f83ee06:20.50/0.00"


def test_a_record_with_a_longer_digest_is_recognised(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order("cola", amounts={"tip": 1.25}))
    placed = client.place(body, key)
    kit, ref = client.kit, body["gettOrderId"]
    digest, _, amounts = (kit.placement_store.find(ref) or {})["fp"].partition(":")
    longer = f"{digest}{'0' * 32}:{amounts}"
    kit.redis.hset(kit.keys.order(ref), "fp", longer)
    kit.redis.set(kit.keys.by_key(key), f"{longer} {ref}")
    assert same_ticket(client.place(body, key), placed)
    assert same_ticket(client.place(body), placed)
    for other in ({**body, "customer": {"firstName": "Bob"}}, changed("amounts.tip", 1.5, body)):
        expect_problem(client.place(other, key), 422, ErrorCode.VALIDATION_FAILED)


# -- retries -----------------------------------------------------------------------------------------------------------


def spelled_out(client: WebhookClient, body: Json) -> Json:
    amounts = client.validate(body).json["amounts"]
    return {**body, "amounts": amounts}


RETRIES: dict[str, Callable[[WebhookClient, Json], Json]] = {
    "other line ids": lambda _, body: changed("cart.lineItems.0.lineItemId", "77", body),
    "another version of the catalog": lambda client, body: changed(
        "cart.catalogSetId", client.kit.catalogs.get(next(iter(client.kit.stores))).version, body
    ),
    "amounts spelled out": spelled_out,
    "a new token": lambda client, body: {
        **body,
        "validatedOrderToken": client.validate(body).json["validatedOrderToken"],
    },
    "no token": lambda client, body: {**spelled_out(client, body), "validatedOrderToken": None},
}


@pytest.mark.parametrize("amounts", [None, {"tip": 1.25}])
@pytest.mark.parametrize("retry", RETRIES.values(), ids=RETRIES)
def test_a_retry_gets_the_receipt(
    retry: Callable[[WebhookClient, Json], Json], amounts: Json | None, client: WebhookClient
) -> None:
    key, body = str(uuid4()), client.validated(order("cola", amounts=amounts))
    placed = client.place(body, key)
    again = retry(client, body)
    assert same_ticket(client.place(again, key), placed)
    assert same_ticket(client.place(again), placed)
    assert len(client.tickets()) == 1


def test_the_tip_of_the_token_is_part_of_the_price(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order("cola", amounts={"tip": 1.25}))
    body["amounts"] = None
    placed = client.place(body, key)
    assert same_ticket(client.place({**body, "amounts": {"tip": 1.25}}, key), placed)
    expect_problem(client.place({**body, "amounts": {"tip": 1.5}}, key), 422, ErrorCode.VALIDATION_FAILED)


def test_records_of_an_earlier_version_are_recognised(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order("cola", amounts={"tip": 1.25}))
    placed = client.place(body, key)
    former = former_fingerprint(PlaceOrderRequest.from_json(json.dumps(body)))
    kit = client.kit
    kit.redis.hset(kit.keys.order(body["gettOrderId"]), "fp", former)
    kit.redis.set(kit.keys.by_key(key), f"{former} {body['gettOrderId']}")
    assert same_ticket(client.place(body, key), placed)
    assert same_ticket(client.place(body), placed)
    other = {**body, "customer": {"firstName": "Bob"}}
    expect_problem(client.place(other, key), 422, ErrorCode.VALIDATION_FAILED)
