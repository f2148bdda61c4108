"""The real Square, in its sandbox: runs only with a token, ``SQUARE_SANDBOX_TOKEN``, and a location with something to sell."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.harbour import STORE_ID, line, order
from webhook_kit.adapter import CatalogSet, Placed, Store, StoreState, placement_key
from webhook_kit.gett.models.order import Amounts
from webhook_kit.testing.processes import wait_until
from webhook_kit_square import SquareAdapter

TOKEN, LOCATION = os.environ.get("SQUARE_SANDBOX_TOKEN", ""), os.environ.get("SQUARE_SANDBOX_LOCATION", "")

pytestmark = pytest.mark.skipif(
    not (TOKEN and LOCATION),
    reason="SQUARE_SANDBOX_TOKEN and SQUARE_SANDBOX_LOCATION are not set: Square itself is not asked",
)


def dish(menu: CatalogSet) -> dict[str, object]:
    """The first dish of the menu, with as few choices as it takes."""
    found = menu.items[next(item for section in menu.sections.values() for item in section.item_ids)]
    groups = [menu.modifier_groups[key] for key in found.modifier_group_ids]
    chosen = {
        group.modifier_group_id: [line(option) for option in group.item_ids[: group.minimum_allowed]]
        for group in groups
    }
    return line(found.item_id, {key: made for key, made in chosen.items() if made})


def test_an_order_is_priced_placed_once_found_followed_and_taken_back() -> None:
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
    wanted = order(dish(adapter.fetch_catalog(store)), ref=ref, amounts={"tip": 1.25})
    quoted = adapter.quote(store, wanted)
    assert isinstance(quoted, Amounts)
    key = placement_key(store, ref)
    first, second = (adapter.place_order(store, wanted, key) for _ in range(2))
    assert isinstance(first, Placed)
    assert isinstance(second, Placed)
    assert first.id == second.id
    assert first.amounts == second.amounts == quoted
    found = wait_until(lambda: adapter.find_order(store, ref), message="the order in Square's search")
    assert found == first
    adapter.cancel_order(store, first, "a test")
    since = datetime.now(UTC) - timedelta(minutes=10)

    def ended() -> bool:
        told = [each for each in adapter.orders_since(store, since) if each.id == first.id]
        return [each.state for each in told] == ["cancelled"]

    wait_until(ended, message="the cancellation in Square's search")
