"""Messages have the shape that Square publishes. Only the shape: Prism checks neither prices nor keys nor state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.fake_square import FakeSquare
from tests.prism import prism
from tests.square_messages import TOKEN
from tests.square_seller import BURGER, LATTE, line, order
from webhook_kit import Amounts, Placed, Store, StoreState, placement_key
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


def test_requests_of_the_adapter_and_responses_of_the_fake_have_squares_shape(
    adapter: SquareAdapter, square: FakeSquare, store: Store
) -> None:
    with prism("proxy", "--errors", upstream=square.url) as url:
        wrong = requests.post(
            f"{url}/v2/orders",
            json={"order": {"location_id": 5}},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=PATIENCE,
        )
        assert wrong.status_code == 422  # a wrong shape is detected

        store = replace(store, options={**store.options, "base_url": url})
        assert "BURGER-V" in adapter.fetch_catalog(store).items
        assert adapter.store_status(store) is StoreState.OPEN
        assert isinstance(adapter.quote(store, order(BURGER, LATTE)), Amounts)
        placed = [
            adapter.place_order(store, each, placement_key(store, each.order_ref))
            for each in (order(BURGER, LATTE, ref="pickup"), order(ref="delivery", **DELIVERY))
        ]
        square.set_price("WATER-V", 0)
        placed.append(adapter.place_order(store, order(line("WATER-V"), ref="free"), placement_key(store, "free")))
        for ref, ticket in zip(("pickup", "delivery", "free"), placed, strict=True):
            assert isinstance(ticket, Placed)
            again = adapter.find_order(store, ref)
            assert again is not None
            assert again.id == ticket.id
            adapter.cancel_order(store, ticket, "no cook")
        orders = adapter.orders_since(store, datetime.now(UTC) - timedelta(minutes=5))
        assert {each.state for each in orders} == {"cancelled"}
        assert len(orders) == 3


def test_squares_own_examples_are_parsed(adapter: SquareAdapter, store: Store) -> None:
    with prism("mock") as url:
        store = replace(store, options={"base_url": url})
        adapter.fetch_catalog(store)
        assert adapter.store_status(store) is StoreState.OPEN
        placed = adapter.place_order(store, order(), placement_key(store, "gett-order-1"))
        assert isinstance(placed, Placed)
        assert placed.amounts is not None
        assert placed.amounts.contradictions() == []
        assert adapter.find_order(store, "no-such-order") is None
        adapter.orders_since(store, datetime.now(UTC) - timedelta(days=1))
        adapter.cancel_order(store, placed, "no cook")
