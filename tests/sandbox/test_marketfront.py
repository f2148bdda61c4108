"""Tests of discovery, search, opening hours and cart calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.sandbox_env import CATALOG, STORE, Consumer, FakePartner, check_problem
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalItem
from webhook_kit.gett.models.order import Location
from webhook_kit.gett.models.store import CommerceStore, StoreStatus
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.geocoding import geocode, miles
from webhook_kit.sandbox.state import Listing, StoreRecord

HERE = {"latitude": 40.0, "longitude": -74.0}


def discover(consumer: Consumer, **more: Any) -> dict[str, Any]:
    response = consumer.call("POST", "stores/discover", {"location": HERE, **more})
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.get_json()
    return page


def add(context: SandboxContext, store_id: str, north: float | None = None, **more: Any) -> StoreRecord:
    place = None if north is None else Location(latitude=40 + north, longitude=-74)
    listing = Listing(location=place, **more)
    record = StoreRecord(
        store=CommerceStore(store_id=store_id, name=f"Store {store_id}"), partner_store_id=store_id, listing=listing
    )
    context.state.stores[store_id] = record
    return record


def test_nearest_store_comes_first_with_distance_in_miles(consumer: Consumer, context: SandboxContext) -> None:
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


def test_distance_of_two_cities() -> None:
    new_york, los_angeles = (40.7128, -74.0060), (34.0522, -118.2437)
    one, other = (Location(latitude=at[0], longitude=at[1]) for at in (new_york, los_angeles))
    assert miles(one, other) == pytest.approx(2_445.6, abs=1)


def test_discovery_is_paged(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores.clear()
    for n in range(5):
        add(context, f"s-{n}", n / 100)
    page = discover(consumer, limit=2, offset=2)
    assert ([s["storeId"] for s in page["stores"]], page["totalCount"], page["hasMore"]) == (["s-2", "s-3"], 5, True)
    assert discover(consumer, limit=2, offset=3)["hasMore"] is False
    for wrong in ({"limit": "2"}, {"limit": True}, {"location": {"latitude": 91, "longitude": 0}}):
        response = consumer.call("POST", "stores/discover", {"location": HERE, **wrong})
        check_problem(response, 422, "VALIDATION_FAILED")


def test_page_of_discovery_is_clamped(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores.clear()
    for n in range(101):
        add(context, f"s-{n}", n / 1000)
    for page, count, more in (
        ({}, 50, True),
        ({"limit": None, "offset": None}, 50, True),
        ({"limit": 1_000}, 100, True),
        ({"limit": 0}, 1, True),
        ({"limit": -5}, 1, True),
        ({"limit": 100, "offset": -1}, 100, True),
        ({"limit": 100, "offset": 1}, 100, False),
        ({"offset": 10**30}, 0, False),
    ):
        found = discover(consumer, **page)
        assert (len(found["stores"]), found["hasMore"], found["totalCount"]) == (count, more, 101), page


def test_discovery_starts_at_the_address_of_the_session(consumer: Consumer, context: SandboxContext) -> None:
    def distance(**body: Any) -> float:
        response = consumer.call("POST", "stores/discover", body)
        assert response.status_code == 200, response.text
        miles: float = response.get_json()["stores"][0]["distanceMiles"]
        return miles

    def at(address: dict[str, str]) -> Location:
        return geocode(address["address1"], address["city"], address["state"], address["postalCode"])

    home = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
    work = home | {"address1": "2 Wall St"}
    context.state.stores[STORE].listing = Listing(location=at(home))
    to_work = round(miles(at(home), at(work)), 2)
    nowhere = check_problem(consumer.call("POST", "stores/discover", {}), 422, "VALIDATION_FAILED")
    assert [error["jsonPath"] for error in nowhere["errors"]] == ["$.location"]
    consumer.session()
    check_problem(consumer.call("POST", "stores/discover", {"location": None}), 422, "VALIDATION_FAILED")
    consumer.session(address=work)
    assert (distance(), distance(location=at(home).to_wire())) == (to_work, 0)
    consumer.session(email="a@b.co", firstName="A", lastName="B", address=home)
    assert distance() == 0
    work_id = consumer.call("POST", "checkout/addresses", work).get_json()["userAddressId"]
    assert distance() == to_work  # the address used last
    home_id = consumer.call("POST", "checkout/addresses", home).get_json()["userAddressId"]
    fulfillment = {"mode": "DeliveryByMerchant", "addressId": work_id}
    consumer.call("PUT", "session/fulfillment-context", fulfillment)
    consumer.call("POST", "checkout/addresses", home)
    assert (distance(), work_id != home_id) == (to_work, True)  # the one chosen for the fulfillment


def test_discovery_filters_by_fulfillment(consumer: Consumer, context: SandboxContext) -> None:
    context.state.stores[STORE].delivery_allowed = False
    assert [discover(consumer, fulfillmentType=kind)["totalCount"] for kind in ("Pickup", "pickup", None)] == [1, 1, 1]
    assert [discover(consumer, fulfillmentType=kind)["totalCount"] for kind in ("DeliveryByMerchant", "x")] == [0, 0]


def test_search_marks_matches(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    store = context.state.stores[STORE].store
    store.description = "Wood-fired café, since 1970"
    by_name = discover(consumer, query="TRATT")["stores"][0]
    assert by_name["highlights"] == {"name": "«Trattoria»", "description": None}
    assert by_name["matchedDishes"] is None
    by_description = discover(consumer, query="a cafe with sea view")["stores"][0]
    assert by_description["highlights"]["description"] == "Wood-fired «café», since 1970"
    assert discover(consumer, query="sushi")["stores"] == []


def test_search_finds_a_store_by_its_items(consumer: Consumer, partner: FakePartner) -> None:
    (store,) = discover(consumer, query="pho thai")["stores"]
    (item,) = store["matchedDishes"]
    assert (item["itemId"], item["basePrice"]) == ("p", 12.0)
    assert item["highlights"] == {"name": "«Phở» Pad «Thai»", "description": None}
    assert store["highlights"] == {"name": None, "description": None}


def test_computed_tags(consumer: Consumer, context: SandboxContext) -> None:
    record = context.state.stores[STORE]
    record.listing = Listing(cuisines=["Italian"], rating=4.7, savings=11)
    (store,) = discover(consumer)["stores"]
    assert store["categories"] == ["Italian", "Popular", "Savings"]
    record.listing = Listing(cuisines=["Italian"], rating=4.0)
    record.catalog_set_id = CATALOG.catalog_set_id
    assert discover(consumer)["stores"][0]["categories"] == ["Italian", "Exclusive"]
    assert discover(consumer, query="italian")["stores"][0]["categories"] == ["Italian"]


def is_accepting(consumer: Consumer) -> bool:
    accepts: bool = consumer.call("GET", f"stores/{STORE}").get_json()["isAcceptingOrders"]
    return accepts


def test_store_accepts_orders_only_if_everything_allows_it(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    record = context.state.stores[STORE]
    assert is_accepting(consumer)
    obstacles: list[tuple[str, Any]] = [
        ("enabled", False),
        ("catalog_set_id", None),
        ("pause", StoreStatus(status="paused", reason="other")),
        ("store", record.store.model_copy(update={"timezone": None})),
        ("store", record.store.model_copy(update={"timezone": "Mars/Olympus"})),
        ("store", record.store.model_copy(update={"timezone": "../etc/passwd"})),
    ]
    for name, value in obstacles:
        before = getattr(record, name)
        setattr(record, name, value)
        assert not is_accepting(consumer), (name, value)
        setattr(record, name, before)
    assert is_accepting(consumer)


def test_opening_hours_are_in_the_stores_zone(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    record = context.state.stores[STORE]
    window = AvailabilityWindow.model_validate({"dayOfWeek": "Wednesday", "start": "07:00:00", "end": "09:00:00"})
    item = ExternalItem(item_id="m", name="M", base_price=9)
    context.state.catalogs["c"] = simple_catalog({"S": [item]}, availability=[window])
    record.catalog_set_id = "c"
    record.store.timezone = "America/New_York"
    for minute, open_ in (("11:59:59", False), ("12:00:00", True), ("13:59:59", True), ("14:00:00", False)):
        context.clock.set(now=datetime.fromisoformat(f"2026-03-04T{minute}").replace(tzinfo=UTC))
        assert is_accepting(consumer) is open_
    store = consumer.call("GET", f"stores/{STORE}").get_json()
    assert store["availability"] == [{"dayOfWeek": "Wednesday", "start": "07:00:00", "end": "09:00:00"}]
    context.state.catalogs["c"] = simple_catalog({"S": [item]}, availability=[])
    assert consumer.call("GET", f"stores/{STORE}").get_json()["availability"] is None
    record.catalog_set_id = None
    assert consumer.call("GET", f"stores/{STORE}").get_json()["availability"] is None


def test_catalog_set_is_returned(consumer: Consumer, partner: FakePartner) -> None:
    store = consumer.call("GET", f"stores/{STORE}").get_json()
    catalog_set = consumer.call("GET", f"catalog-sets/{store['catalogSetId']}")
    assert catalog_set.get_json() == CATALOG.to_wire()
    check_problem(consumer.call("GET", "catalog-sets/x"), 404, "CATALOGSET_NOT_FOUND")
    check_problem(consumer.call("GET", "stores/x"), 404, "STORE_NOT_FOUND")


def test_cart_calls_are_pure_functions(consumer: Consumer, context: SandboxContext) -> None:
    cart: dict[str, Any] = {"storeId": "s", "lineItems": [], "note": "kept"}
    item = {"itemId": "m", "quantity": 2}
    one = consumer.call("POST", "carts/add", {"cart": cart, "lineItem": item}).get_json()
    line_id = one["lineItems"][0].pop("lineItemId")
    assert one == {**cart, "lineItems": [item]}
    line = {**item, "lineItemId": line_id}
    full = {**cart, "lineItems": [line, {"itemId": "p", "lineItemId": "2"}]}
    updated = consumer.call("POST", "carts/update", {"cart": full, "lineItemId": line_id, "quantity": 5}).get_json()
    assert updated == {**full, "lineItems": [{**line, "quantity": 5}, full["lineItems"][1]]}
    without = {**full, "lineItems": full["lineItems"][1:]}
    removal = {"cart": full, "lineItemId": line_id}
    assert consumer.call("POST", "carts/update", {**removal, "quantity": 0}).get_json() == without
    assert consumer.call("POST", "carts/remove", removal).get_json() == without
    check_problem(consumer.call("POST", "carts/remove", {"cart": full, "lineItemId": "9"}), 404, "NOT_FOUND")
    check_problem(consumer.call("POST", "carts/add", {"cart": full, "lineItem": line}), 409, "CONFLICT")
    check_problem(consumer.call("POST", "carts/update", {**removal, "quantity": -1}), 422, "VALIDATION_FAILED")
