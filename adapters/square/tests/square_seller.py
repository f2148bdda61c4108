"""Catalog of the seller in the tests, its store, and orders for it."""

from __future__ import annotations

from typing import Any

from tests.fake_square import FakeSquare
from tests.square_messages import LOCATION, SIGNATURE_KEY, TOKEN, WEBHOOK_URL, Json
from webhook_kit import Placed, PlaceOrderRequest, Store, placement_key
from webhook_kit_square import SquareAdapter

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


def variation(id: str, minor: int | None, name: str = "Regular", **more: Any) -> Json:
    price = {} if minor is None else {"price_money": {"amount": minor, "currency": "USD"}}
    pricing = "VARIABLE_PRICING" if minor is None else "FIXED_PRICING"
    return {
        "type": "ITEM_VARIATION",
        "id": id,
        "item_variation_data": {"name": name, "pricing_type": pricing, **price, **more},
    }


def item(id: str, *variations: Json, category: str | None = "BURGERS", **more: Any) -> Json:
    categories = {"categories": [{"id": category, "ordinal": 1}]} if category else {}
    data = {"name": id.capitalize(), "product_type": "REGULAR", "variations": list(variations), **categories, **more}
    return {"type": "ITEM", "id": id, "item_data": data}


def modifier(id: str, minor: int, **more: Any) -> Json:
    price = {"amount": minor, "currency": "USD"}
    return {"type": "MODIFIER", "id": id, "modifier_data": {"name": id.capitalize(), "price_money": price, **more}}


def modifier_list(id: str, *modifiers: Json, **more: Any) -> Json:
    data = {"name": id.capitalize(), "modifier_type": "LIST", "modifiers": list(modifiers), **more}
    return {"type": "MODIFIER_LIST", "id": id, "modifier_list_data": data}


def category(id: str, name: str | None = None, parent: str | None = None, **more: Any) -> Json:
    parents = {"parent_category": {"id": parent}} if parent else {}
    data = {"name": name or id.capitalize(), "category_type": "REGULAR_CATEGORY", **parents, **more}
    return {"type": "CATEGORY", "id": id, "category_data": data}


def tax(id: str, percentage: str, inclusion: str = "ADDITIVE") -> Json:
    data = {"name": id.capitalize(), "percentage": percentage, "inclusion_type": inclusion, "enabled": True}
    return {"type": "TAX", "id": id, "tax_data": data}


def image(id: str, url: str) -> Json:
    return {"type": "IMAGE", "id": id, "image_data": {"url": url}}


def info(list_id: str, **more: Any) -> Json:
    return {"modifier_list_id": list_id, "enabled": True, **more}


def fill_catalog(square: FakeSquare) -> FakeSquare:
    """Add the seller's catalog."""
    square.put(
        category("FOOD"),
        category("BURGERS", parent="FOOD"),
        category("DRINKS"),
        tax("SALES", "8.875"),
        image("PHOTO", "https://images.example/burger.jpg"),
        modifier_list(
            "DONENESS",
            modifier("RARE", 0),
            modifier("MEDIUM", 0, on_by_default=True),
            min_selected_modifiers=1,
            max_selected_modifiers=1,
        ),
        modifier_list(
            "EXTRAS",
            modifier("BACON", 149),
            modifier("CHEESE", 99),
            modifier("EGG", 125),
            max_selected_modifiers=0,
            min_selected_modifiers=0,
        ),
        modifier_list("SYRUPS", modifier("VANILLA", 60), modifier("HAZEL", 65), allow_quantities=True),
        item(
            "BURGER",
            variation("BURGER-V", 995),
            tax_ids=["SALES"],
            image_ids=["PHOTO"],
            modifier_list_info=[
                info("DONENESS", min_selected_modifiers=-1, max_selected_modifiers=-1),
                info("EXTRAS", min_selected_modifiers=0, max_selected_modifiers=2),
            ],
        ),
        item(
            "LATTE",
            variation("LATTE-S", 350, "Small"),
            variation("LATTE-L", 450, "Large"),
            category="DRINKS",
            tax_ids=["SALES"],
            modifier_list_info=[info("SYRUPS", min_selected_modifiers=0, max_selected_modifiers=4)],
        ),
        item("WATER", variation("WATER-V", 180), category="DRINKS"),
    )
    return square


def make_store(square: FakeSquare, **options: Any) -> Store:
    """Return the seller's store at a fake Square."""
    return Store(
        id=LOCATION,
        gett_id=STORE_ID,
        adapter="square",
        credentials={"token": TOKEN, "webhook_signature_key": SIGNATURE_KEY},
        options={"base_url": square.url, "webhook_url": WEBHOOK_URL, **options},
    )


def line(item_id: str, groups: dict[str, list[Json]] | None = None, quantity: int = 1) -> Json:
    """``line("BURGER-V", {"DONENESS": [line("RARE")]})``."""
    selected = [{"modifierGroupId": key, "selectedModifiers": options} for key, options in (groups or {}).items()]
    return {"itemId": item_id, "quantity": quantity, "modifierGroups": selected}


BURGER = line("BURGER-V", {"DONENESS": [line("RARE")], "EXTRAS@BURGER": [line("BACON")]}, quantity=2)
LATTE = line("LATTE", {"LATTE#variation": [line("LATTE-L")], "SYRUPS@LATTE": [line("VANILLA", quantity=2)]})


def order(*lines: Json, ref: str = "gett-order-1", **more: Any) -> PlaceOrderRequest:
    """Return an order for the store."""
    return PlaceOrderRequest.model_validate(
        {
            "gettOrderId": ref,
            "cart": {"storeId": STORE_ID, "lineItems": list(lines or (BURGER,))},
            "fulfillmentType": "Pickup",
            "customer": {
                "firstName": "Ada",
                "lastName": "Lovelace",
                "phone": "+15555550100",
                "email": "ada@gett.example",
            },
            "payment": {"type": "gettPayment"},
            **more,
        }
    )


def place(adapter: SquareAdapter, store: Store, ref: str = "gett-order-1", **more: Any) -> Placed:
    """Place an order that is not refused."""
    placed = adapter.place_order(store, order(ref=ref, **more), placement_key(store, ref))
    assert isinstance(placed, Placed), placed
    return placed
