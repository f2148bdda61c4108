"""What consumers find, and their carts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.browser_env import MENU, Consumer, Partner
from tests.sandbox.shared_schemas import STORE, check_problem
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalItem
from webhook_kit.gett.models.order import Location
from webhook_kit.gett.models.store import CommerceStore, StoreStatus
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.geocoding import miles
from webhook_kit.sandbox.state import Listing, StoreRecord

HERE = {"latitude": 40.0, "longitude": -74.0}


def discover(consumer: Consumer, **more: Any) -> dict[str, Any]:
    response = consumer.call("POST", "stores/discover", {"location": HERE, **more})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def add(context: SandboxContext, store_id: str, north: float | None = None, **more: Any) -> StoreRecord:
    place = None if north is None else Location(latitude=40 + north, longitude=-74)
    listing = Listing(location=place, **more)
    record = StoreRecord(
        store=CommerceStore(store_id=store_id, name=f"Store {store_id}"), partner_store_id=store_id, listing=listing
    )
    context.state.stores[store_id] = record
    return record


def test_the_nearest_comes_first_with_its_distance_in_miles(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores.clear()
    for store_id, north in (("far", 1.0), ("nowhere", None), ("near", 0.01), ("next", 0.02)):
        add(context, store_id, north)
    stores = discover(consumer)["stores"]
    assert [(store["storeId"], store["distanceMiles"]) for store in stores] == [
        ("near", 0.69),
        ("next", 1.38),
        ("far", 69.09),
        ("nowhere", None),
    ]
    assert ["Closest" in store["categories"] for store in stores] == [True, True, False, False]


def test_a_known_distance() -> None:
    new_york, los_angeles = (40.7128, -74.0060), (34.0522, -118.2437)
    one, other = (Location(latitude=at[0], longitude=at[1]) for at in (new_york, los_angeles))
    assert miles(one, other) == pytest.approx(2_445.6, abs=1)


def test_pages(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores.clear()
    for n in range(5):
        add(context, f"s-{n}", n / 100)
    page = discover(consumer, limit=2, offset=2)
    assert ([s["storeId"] for s in page["stores"]], page["totalCount"], page["hasMore"]) == (["s-2", "s-3"], 5, True)
    assert discover(consumer, limit=2, offset=3)["hasMore"] is False
    for wrong in ({"limit": 101}, {"limit": 0}, {"offset": -1}, {"location": {"latitude": 91, "longitude": 0}}):
        response = consumer.call("POST", "stores/discover", {"location": HERE, **wrong})
        check_problem(response, 422, "VALIDATION_FAILED")


def test_what_a_store_offers(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores[STORE].delivery_allowed = False
    assert [discover(consumer, fulfillmentType=kind)["totalCount"] for kind in ("Pickup", "pickup", None)] == [1, 1, 1]
    assert [discover(consumer, fulfillmentType=kind)["totalCount"] for kind in ("DeliveryByMerchant", "x")] == [0, 0]


def test_a_search_marks_what_matched(consumer: Consumer, partner: Partner, context: SandboxContext) -> None:
    store = context.state.stores[STORE].store
    store.description = "Wood-fired café, since 1970"
    by_name = discover(consumer, query="TRATT")["stores"][0]
    assert by_name["highlights"] == {"name": "«Trattoria»", "description": None}
    assert by_name["matchedDishes"] is None
    by_description = discover(consumer, query="a cafe with sea view")["stores"][0]
    assert by_description["highlights"]["description"] == "Wood-fired «café», since 1970"
    assert discover(consumer, query="sushi")["stores"] == []


def test_a_dish_leads_to_its_store(consumer: Consumer, partner: Partner) -> None:
    (store,) = discover(consumer, query="pho thai")["stores"]
    (dish,) = store["matchedDishes"]
    assert (dish["itemId"], dish["basePrice"]) == ("p", 12.0)
    assert dish["highlights"] == {"name": "«Phở» Pad «Thai»", "description": None}
    assert store["highlights"] == {"name": None, "description": None}


def test_tags(consumer: Consumer, context: SandboxContext) -> None:
    record = context.state.stores[STORE]
    record.listing = Listing(cuisines=["Italian"], rating=4.7, savings=11)
    (store,) = discover(consumer)["stores"]
    assert store["categories"] == ["Italian", "Popular", "Savings"]
    record.listing = Listing(cuisines=["Italian"], rating=4.0)
    record.catalog_set_id = MENU.catalog_set_id
    assert discover(consumer)["stores"][0]["categories"] == ["Italian", "Exclusive"]
    assert discover(consumer, query="italian")["stores"][0]["categories"] == ["Italian"]


def accepting(consumer: Consumer) -> bool:
    answer: bool = consumer.call("GET", f"stores/{STORE}").get_json()["isAcceptingOrders"]
    return answer


def test_a_store_accepts_orders_only_when_everything_is_known_to_fit(
    consumer: Consumer, partner: Partner, context: SandboxContext
) -> None:
    record = context.state.stores[STORE]
    assert accepting(consumer)
    breaks: list[tuple[str, Any]] = [
        ("enabled", False),
        ("catalog_set_id", None),
        ("pause", StoreStatus(status="paused", reason="other")),
        ("store", record.store.model_copy(update={"timezone": None})),
        ("store", record.store.model_copy(update={"timezone": "Mars/Olympus"})),
        ("store", record.store.model_copy(update={"timezone": "../etc/passwd"})),
    ]
    for name, value in breaks:
        before = getattr(record, name)
        setattr(record, name, value)
        assert not accepting(consumer), (name, value)
        setattr(record, name, before)
    assert accepting(consumer)


def test_opening_hours_are_read_in_the_stores_zone(
    consumer: Consumer, partner: Partner, context: SandboxContext
) -> None:
    record = context.state.stores[STORE]
    window = AvailabilityWindow.model_validate({"dayOfWeek": "Wednesday", "start": "07:00:00", "end": "09:00:00"})
    dish = ExternalItem(item_id="m", name="M", base_price=9)
    context.state.catalogs["c"] = simple_catalog({"S": [dish]}, availability=[window])
    record.catalog_set_id = "c"
    record.store.timezone = "America/New_York"
    for minute, open_ in (("11:59:59", False), ("12:00:00", True), ("13:59:59", True), ("14:00:00", False)):
        context.clock.set(now=datetime.fromisoformat(f"2026-03-04T{minute}").replace(tzinfo=UTC))
        assert accepting(consumer) is open_
    store = consumer.call("GET", f"stores/{STORE}").get_json()
    assert store["availability"] == [{"dayOfWeek": "Wednesday", "start": "07:00:00", "end": "09:00:00"}]
    record.catalog_set_id = None
    assert consumer.call("GET", f"stores/{STORE}").get_json()["availability"] is None


def test_catalogs_are_read(consumer: Consumer, partner: Partner) -> None:
    store = consumer.call("GET", f"stores/{STORE}").get_json()
    menu = consumer.call("GET", f"catalog-sets/{store['catalogSetId']}")
    assert menu.get_json() == MENU.to_wire()
    check_problem(consumer.call("GET", "catalog-sets/x"), 404, "CATALOGSET_NOT_FOUND")
    check_problem(consumer.call("GET", "stores/x"), 404, "STORE_NOT_FOUND")


def test_carts_are_functions(consumer: Consumer, context: SandboxContext) -> None:
    cart: dict[str, Any] = {"storeId": "s", "lineItems": [], "note": "kept"}
    dish = {"itemId": "m", "quantity": 2}
    one = consumer.call("POST", "carts/add", {"cart": cart, "lineItem": dish}).get_json()
    line_id = one["lineItems"][0].pop("lineItemId")
    assert one == {**cart, "lineItems": [dish]}
    line = {**dish, "lineItemId": line_id}
    full = {**cart, "lineItems": [line, {"itemId": "p", "lineItemId": "2"}]}
    updated = consumer.call("POST", "carts/update", {"cart": full, "lineItemId": line_id, "quantity": 5}).get_json()
    assert updated == {**full, "lineItems": [{**line, "quantity": 5}, full["lineItems"][1]]}
    without = {**full, "lineItems": full["lineItems"][1:]}
    gone = {"cart": full, "lineItemId": line_id}
    assert consumer.call("POST", "carts/update", {**gone, "quantity": 0}).get_json() == without
    assert consumer.call("POST", "carts/remove", gone).get_json() == without
    check_problem(consumer.call("POST", "carts/remove", {"cart": full, "lineItemId": "9"}), 404, "NOT_FOUND")
    check_problem(consumer.call("POST", "carts/add", {"cart": full, "lineItem": line}), 409, "CONFLICT")
    check_problem(consumer.call("POST", "carts/update", {**gone, "quantity": -1}), 422, "VALIDATION_FAILED")
