"""Carts that say more than the kit reads: another store's catalog, options under another name, coordinates."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import STORE_ID, WebhookClient, expect_problem, line, order
from webhook_kit.adapter import Placed, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.bogus_catalog import bogus_catalog

OTHER_STORE = "1f0f6a39-1d56-4a35-8d3c-0f0d6f7a2a11"
OLIVES = [{"itemId": "olives", "quantity": 1}]
SIZE = {"modifierGroupId": "size", "selectedModifiers": [{"itemId": "large"}]}


def errors(client: WebhookClient, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and path of each violation, which both webhooks have to report."""
    answer = client.validate(body).json
    found = [(error["code"], error["jsonPath"]) for error in answer["errors"]]
    assert answer["isValid"] is not bool(found)
    if found:
        refused = client.place({**body, "amounts": {"total": 12.0}, "payment": {"type": "gettPayment"}})
        assert refused.json["errorCode"] in [code for code, _ in found]
    return found


# -- the catalog of another store --------------------------------------------------------------------------------------


@pytest.fixture
def two_stores(make_client: Callable[..., WebhookClient], tmp_path: Any) -> WebhookClient:
    file = tmp_path / "stores.toml"
    file.write_text(
        "".join(
            f'[stores.{name}]\ngett_id = "{gett_id}"\nadapter = "bogus"\noptions = {{file = "{tmp_path}/{name}.sqlite"}}\n'
            for name, gett_id in (("main", STORE_ID), ("other", OTHER_STORE))
        )
    )
    return make_client(stores_file=file, pos_adapter=None, gett_store_id=None, store_options={})


def version(client: WebhookClient, name: str) -> str:
    store = client.kit.stores.by_id(name)
    assert store is not None
    return client.kit.catalogs.get(store).version or ""


def citing(catalog_set_id: str | None) -> dict[str, Any]:
    body = order("cola")
    body["cart"]["catalogSetId"] = catalog_set_id
    return body


def test_a_cart_of_another_stores_catalog_is_refused(two_stores: WebhookClient) -> None:
    foreign = version(two_stores, "other")
    assert errors(two_stores, citing(foreign)) == [("CATALOGSET_NOT_FOUND", "$.cart.catalogSetId")]
    response = two_stores.place({**citing(foreign), "amounts": {"total": 2.75}})
    expect_problem(response, 404, ErrorCode.CATALOGSET_NOT_FOUND)


@pytest.mark.parametrize("key", ["published", "superseded"])
def test_published_and_earlier_versions_of_another_store_are_foreign_too(key: str, two_stores: WebhookClient) -> None:
    kit, mine, foreign = two_stores.kit, str(uuid4()), str(uuid4())
    for store_id, cited in (("main", mine), ("other", foreign)):
        for published in [cited] if key == "published" else [cited, str(uuid4())]:
            catalog = bogus_catalog().model_copy(update={"catalog_set_id": published})
            kit.publisher.publish(store_id, catalog, lambda _: None)
    assert errors(two_stores, citing(foreign)) == [("CATALOGSET_NOT_FOUND", "$.cart.catalogSetId")]
    assert errors(two_stores, citing(mine)) == []


def test_current_unknown_and_absent_versions_are_checked_against_the_current_catalog(two_stores: WebhookClient) -> None:
    for cited in (version(two_stores, "main"), str(uuid4()), "", None):
        assert errors(two_stores, citing(cited)) == []


# -- options under another name ----------------------------------------------------------------------------------------


def margherita(*groups: Any, **members: Any) -> dict[str, Any]:
    return line("margherita", modifierGroups=[SIZE, *groups], **members)


def nested(**members: Any) -> dict[str, Any]:
    """Return an item whose option has these members."""
    return line("margherita", modifierGroups=[{**SIZE, "selectedModifiers": [{"itemId": "large", **members}]}])


GROUP = {"modifierGroupId": "toppings"}
MISPLACED = {
    "selected options in a group": (
        margherita({**GROUP, "selectedOptions": OLIVES}),
        "modifierGroups[1].selectedOptions",
    ),
    "items in a group": (margherita({**GROUP, "items": OLIVES}), "modifierGroups[1].items"),
    "ids in a group": (margherita({**GROUP, "options": ["olives"]}), "modifierGroups[1].options"),
    "unknown ids in a group": (margherita({**GROUP, "options": [{"id": "x"}]}), "modifierGroups[1].options"),
    "one id in a group": (margherita({**GROUP, "selected": "olives"}), "modifierGroups[1].selected"),
    "one option of a line": (margherita(topping="olives"), "topping"),
    "quantities by id in a group": (margherita({**GROUP, "chosen": {"olives": 1}}), "modifierGroups[1].chosen"),
    "a name that is not an identifier": (
        margherita({**GROUP, "my options": OLIVES}),
        'modifierGroups[1]["my options"]',
    ),
    "modifiers of a line": (margherita(modifiers=OLIVES), "modifiers"),
    "groups of a line": (margherita(modifierGroup=[{**GROUP, "selectedModifiers": OLIVES}]), "modifierGroup"),
    "options of a line by id": (margherita(with_=["olives"]), "with_"),
    "unknown options of a line": (margherita(selectedOptions=["caviar"]), "selectedOptions"),
    "options of a line by another name": (margherita(options=[{"optionId": 7}]), "options"),
    "options of a line in an object": (margherita(extras={"options": OLIVES}), "extras"),
    "options of an option": (nested(options=OLIVES), "modifierGroups[0].selectedModifiers[0].options"),
}


@pytest.mark.parametrize(("misplaced", "path"), MISPLACED.values(), ids=MISPLACED)
def test_options_under_another_name_are_refused(misplaced: dict[str, Any], path: str, client: WebhookClient) -> None:
    assert errors(client, order(misplaced)) == [("MODIFIER_REQUIRED", f"$.cart.lineItems[0].{path}")]


def test_lines_under_another_name_are_refused(client: WebhookClient) -> None:
    body = order("cola")
    body["cart"]["items"] = [{"itemId": "salad"}]
    assert errors(client, body) == [("INVALID_REQUEST", "$.cart.items")]


def test_members_of_the_cart_that_hold_no_items_are_kept(client: WebhookClient) -> None:
    body = order("cola")
    body["cart"] |= {"fulfillmentOptions": {"leaveAtDoor": True}, "promotions": [{"code": "TEN", "amount": 1}]}
    assert errors(client, body) == []


@pytest.mark.parametrize(
    "members",
    [
        {"note": "olives"},
        {"tags": ["hot"]},
        {"images": [{"url": "x"}]},
        {"options": []},
        {"options": None},
        {"meta": {}},
    ],
)
def test_other_unknown_members_are_kept(members: dict[str, Any], client: WebhookClient) -> None:
    body = order(margherita(**members))
    answer = client.validate(body).json
    assert answer["errors"] == []
    assert answer["cart"] == body["cart"]


# -- coordinates -------------------------------------------------------------------------------------------------------

PLACE = {"latitude": 40.7, "longitude": -74.0}
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}


def test_coordinates_of_an_order_are_dropped_on_the_way_in(make_client: Callable[..., WebhookClient]) -> None:
    seen: list[ExternalOrder] = []
    records: list[dict[str, Any]] = []

    def quote(_: Store, body: ExternalOrder) -> Amounts | None:
        seen.append(body)
        return body.amounts

    def place(_: Store, body: PlaceOrderRequest, key: str) -> Placed:
        seen.append(body)
        record = client.kit.placement_store.find(body.order_ref) or {}
        records.append(json.loads(record["order"]))
        return Placed(f"ticket of {key}")

    client = make_client(**scripted_pos(quote=quote, place_order=place))
    body = order(
        "cola",
        fulfillmentType="DeliveryByMerchant",
        deliveryInfo={
            "address": {**ADDRESS, "location": PLACE, **PLACE, "geo": {"point": PLACE}, "floor": "2"},
            "coordinates": [40.7, -74.0],
            "location": {"room": "12", **PLACE},
        },
        customer={"firstName": "Ann", "addresses": [{"lat": 40.7, "lng": -74.0, "label": "home"}]},
        gettOrderId=str(uuid4()),
    )
    validated = client.validate(body).json
    token = validated["validatedOrderToken"]
    placed = client.place({**body, "validatedOrderToken": token, "payment": {"type": "gettPayment"}}).json
    for passed_on in (validated, placed, *records, *(each.to_wire() for each in seen)):
        assert passed_on["deliveryInfo"] == {"address": {**ADDRESS, "floor": "2"}, "location": {"room": "12"}}
        assert passed_on["customer"] == {"firstName": "Ann", "addresses": [{"label": "home"}]}
    assert len(seen) >= 3
    assert len(records) == 1
