"""Messages have the shape that Square publishes. Shape alone: Prism knows no price, no key and no state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.fake_square import TOKEN, FakeSquare
from tests.harbour import BURGER, LATTE, line, order
from tests.prism import prism
from webhook_kit.adapter import Placed, Store, StoreState, placement_key
from webhook_kit.gett.models.order import Amounts
from webhook_kit.testing.processes import PATIENCE
from webhook_kit_square import SquareAdapter

pytestmark = pytest.mark.timeout(600)  # the first run installs Prism

DELIVERY = {
    "fulfillmentType": "DeliveryByMerchant",
    "deliveryInfo": {
        "address": {"address1": "1 Pier", "city": "Oakland", "state": "CA", "postalCode": "94607"},
        "instructions": "ring twice",
    },
    "amounts": {"tip": 2.5},
}


def test_every_request_of_the_adapter_and_every_answer_of_our_fake_has_squares_shape(
    adapter: SquareAdapter, square: FakeSquare, harbour: Store
) -> None:
    with prism("proxy", "--errors", upstream=square.url) as url:
        wrong = requests.post(
            f"{url}/v2/orders",
            json={"order": {"location_id": 5}},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=PATIENCE,
        )
        assert wrong.status_code == 422  # so a wrong shape would be seen

        store = replace(harbour, options={**harbour.options, "base_url": url})
        assert "BURGER-V" in adapter.fetch_catalog(store).items
        assert adapter.store_status(store) is StoreState.OPEN
        assert isinstance(adapter.quote(store, order(BURGER, LATTE)), Amounts)
        placed = [
            adapter.place_order(store, made, placement_key(store, made.order_ref))
            for made in (order(BURGER, LATTE, ref="pickup"), order(ref="delivery", **DELIVERY))
        ]
        square.set_price("WATER-V", 0)
        placed.append(adapter.place_order(store, order(line("WATER-V"), ref="free"), placement_key(store, "free")))
        for ref, ticket in zip(("pickup", "delivery", "free"), placed, strict=True):
            assert isinstance(ticket, Placed)
            found = adapter.find_order(store, ref)
            assert found is not None
            assert found.id == ticket.id
            adapter.cancel_order(store, ticket, "gone")
        told = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5))
        assert {each.state for each in told} == {"cancelled"}
        assert len(told) == 3


def test_squares_own_examples_are_understood(adapter: SquareAdapter, harbour: Store) -> None:
    with prism("mock") as url:
        store = replace(harbour, options={"base_url": url})
        adapter.fetch_catalog(store)
        assert adapter.store_status(store) is StoreState.OPEN
        placed = adapter.place_order(store, order(), placement_key(store, "gett-order-1"))
        assert isinstance(placed, Placed)
        assert placed.amounts is not None
        assert placed.amounts.contradictions() == []
        assert adapter.find_order(store, "no-such-order") is None
        adapter.orders_since(store, datetime.now(UTC) - timedelta(days=1))
        adapter.cancel_order(store, placed, "gone")
