"""Square's sandbox: runs only with a token, ``SQUARE_SANDBOX_TOKEN``, and a location with items."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.square_seller import STORE_ID, line, order
from webhook_kit import Amounts, CatalogSet, Placed, Store, StoreState, placement_key
from webhook_kit.testing.processes import wait_until
from webhook_kit_square import SquareAdapter

TOKEN, LOCATION = os.environ.get("SQUARE_SANDBOX_TOKEN", ""), os.environ.get("SQUARE_SANDBOX_LOCATION", "")

pytestmark = pytest.mark.skipif(
    not (TOKEN and LOCATION),
    reason="SQUARE_SANDBOX_TOKEN and SQUARE_SANDBOX_LOCATION are not set: Square itself is not called",
)


def first_line(catalog: CatalogSet) -> dict[str, object]:
    """Return a line with the first item of the catalog and its required options."""
    item = catalog.items[next(item for section in catalog.sections.values() for item in section.item_ids)]
    groups = [catalog.modifier_groups[key] for key in item.modifier_group_ids]
    selected = {
        group.modifier_group_id: [line(option) for option in group.item_ids[: group.minimum_allowed]]
        for group in groups
    }
    return line(item.item_id, {key: options for key, options in selected.items() if options})


def test_an_order_is_priced_placed_once_found_and_cancelled() -> None:
    adapter = SquareAdapter()
    store = Store(
        id=LOCATION,
        gett_id=STORE_ID,
        adapter="square",
        credentials={"token": TOKEN},
        options={"environment": "sandbox"},
    )
    assert adapter.store_status(store) is StoreState.OPEN
    ref = f"sandbox-{uuid4().hex[:24]}"
    placing = order(first_line(adapter.fetch_catalog(store)), ref=ref, amounts={"tip": 1.25})
    quoted = adapter.quote(store, placing)
    assert isinstance(quoted, Amounts)
    key = placement_key(store, ref)
    first, second = (adapter.place_order(store, placing, key) for _ in range(2))
    assert isinstance(first, Placed)
    assert isinstance(second, Placed)
    assert first.id == second.id
    assert first.amounts == second.amounts == quoted
    again = wait_until(lambda: adapter.find_order(store, ref), message="the order in Square's search")
    assert again == first
    adapter.cancel_order(store, first, "a test")
    since = datetime.now(UTC) - timedelta(minutes=10)

    def ended() -> bool:
        orders = [each for each in adapter.orders_since(store, since) if each.id == first.id]
        return [each.state for each in orders] == ["cancelled"]

    wait_until(ended, message="the cancellation in Square's search")
