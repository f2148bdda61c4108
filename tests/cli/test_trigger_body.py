"""Orders that ``webhook-kit trigger`` builds from a store's catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import click
import pytest

from webhook_kit.cli.trigger_body import example_event, example_order, store_of
from webhook_kit.errors import NotFound
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.kit import Kit


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(options={"outcomes": "hidden"})


def lines(kit: Kit) -> list[str]:
    order = ExternalOrder.model_validate(example_order(kit, kit.stores.get("main")))
    result = kit.order_validator.validate(order, kit.stores.get("main"), deadline=float("inf"))
    assert not result.violations
    return [line.item_id for line in order.cart.line_items]


def test_an_order_has_no_item_that_is_unavailable(kit: Kit) -> None:
    (first,) = lines(kit)
    kit.availability.mark_unavailable("main", first)
    (second,) = lines(kit)
    assert second != first


def test_nothing_that_can_be_ordered_is_one_line(kit: Kit) -> None:
    kit.catalog_sync.sync(kit.stores.get("main"))
    catalog = kit.catalogs.last_good(kit.stores.get("main"))
    assert catalog is not None
    for item_id in catalog.items:
        kit.availability.mark_unavailable("main", item_id)
    with pytest.raises(NotFound, match="no item of store main can be ordered now"):
        example_order(kit, kit.stores.get("main"))


def test_a_store_that_only_delivers_gets_an_address(kit: Kit) -> None:
    store = replace(kit.stores.get("main"), fulfillment_types=frozenset({"DeliveryByMerchant"}))
    order = example_order(kit, store)
    assert order["fulfillmentType"] == "DeliveryByMerchant"
    assert order["deliveryInfo"]["address"]["city"]
    with pytest.raises(NotFound, match="next: webhook-kit stores onboard main"):
        example_order(kit, replace(store, gett_id=""))


def test_the_store_may_be_left_out_if_there_is_one(make_kit: Callable[..., Kit], tmp_path: Path) -> None:
    assert store_of(make_kit(), None).id == "main"
    assert store_of(make_kit(), "main").id == "main"
    file = tmp_path / "stores.toml"
    ids = {name: str(uuid4()) for name in ("one", "two")}
    file.write_text("".join(f'[stores.{name}]\nadapter = "bogus"\ngett_id = "{ids[name]}"\n' for name in ids))
    two = make_kit(pos_adapter=None, gett_store_id=None, store_options={}, stores_file=file)
    with pytest.raises(click.UsageError, match="--store is missing; there are 2 stores"):
        store_of(two, None)
    assert store_of(two, ids["two"]).id == "two"


def test_an_event_is_valid() -> None:
    assert OrderEvent.model_validate(example_event()).data.status == "confirmed"
