"""Texts from outside: Odoo's database can store them."""

from __future__ import annotations

import pytest

from tests.odoo_pos import OdooPos, order_of, place
from webhook_kit import Reason, Refused, Store
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.records import TEMPLATE, number_in

HALF = "\ud83c"


def test_texts_that_postgresql_cannot_store_are_repaired(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, object]
) -> None:
    address = {"address1": f"1 Main{HALF} St\0", "city": "Troy", "state": "NY", "postalCode": "12180"}
    delivery = {"type": "door", "instructions": f"ring\0 twice {HALF} 🍕", "address": address}
    order = order_of(
        water,
        fulfillmentType="DeliveryByMerchant",
        deliveryInfo=delivery,
        customer={"firstName": f"A\0da{HALF}", "phone": "+1212555\x000187"},
    )
    placed = place(adapter, store, order)
    (ticket,) = pos.orders()
    assert ticket["floating_order_name"] == "Gett Ada\ufffd"
    assert ticket["general_customer_note"].endswith("1 Main\ufffd St\nTroy NY 12180\ndoor\nring twice \ufffd 🍕")
    adapter.cancel_order(store, placed, f"too\0 late{HALF}")
    assert pos.orders()[0]["state"] == "cancel"


@pytest.mark.parametrize("number", ["4711", str(2**31), str(10**30), "9" * 200, "²", "-1", ""])
def test_an_id_that_is_none_of_odoos_is_refused(number: str, adapter: OdooAdapter, store: Store) -> None:
    result = adapter.quote(store, order_of({"itemId": f"product.template,{number}"}))
    assert isinstance(result, Refused)
    assert {each.reason for each in result.refusals} == {Reason.ITEM_UNAVAILABLE}


def test_the_largest_id_is_read() -> None:
    assert number_in(f"product.template,{2**31 - 1}", TEMPLATE) == 2**31 - 1
