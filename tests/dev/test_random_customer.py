"""Tests of the random customer: every cart obeys the kit's own rules."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.adapter import Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.dev.random_customer import RandomCustomer
from webhook_kit.errors import InvalidTransition
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem, ExternalModifierGroup
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.testing.bogus import BogusAdapter

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
CATALOG = BogusAdapter().fetch_catalog(Store("main", "g", "bogus"))


@given(st.integers())
def test_every_cart_is_valid_and_the_same_for_one_seed(seed: int) -> None:
    cart = RandomCustomer(CATALOG, UTC, Random(seed)).cart(now=NOON)
    assert cart == RandomCustomer(CATALOG, UTC, Random(seed)).cart(now=NOON)
    order = ExternalOrder.model_validate({"cart": {"storeId": "g", **cart}, "fulfillmentType": "Pickup"})
    checked = check_cart(CompiledCatalog.compile(CATALOG), order, at=NOON, timezone=UTC)
    assert not checked.violations
    assert 1 <= len(checked.lines) <= 4


def catalog_of(*groups: ExternalModifierGroup, options: int = 2) -> ExternalCatalogSet:
    item = ExternalItem(
        item_id="d", name="D", base_price=Decimal(1), modifier_group_ids=[group.modifier_group_id for group in groups]
    )
    option_items = [ExternalItem(item_id=f"o{n}", name=f"O{n}", base_price=Decimal(1)) for n in range(options)]
    return simple_catalog({"S": [item]}, modifier_groups=groups, options=option_items)


def group(least: int, most: int, options: int = 2, *, duplicates: bool = False) -> ExternalModifierGroup:
    return ExternalModifierGroup(
        modifier_group_id="m",
        name="M",
        item_ids=[f"o{n}" for n in range(options)],
        minimum_allowed=least,
        maximum_allowed=most,
        enable_duplicate_items=duplicates,
    )


def test_options_repeat_when_the_minimum_exceeds_their_number() -> None:
    (line,) = RandomCustomer(catalog_of(group(12, 12, duplicates=True)), UTC, Random(1)).cart()["lineItems"]
    (entry,) = line["modifierGroups"]
    assert sum(chosen["quantity"] for chosen in entry["selectedModifiers"]) == 12


def test_item_whose_minimum_cannot_be_reached_is_not_ordered() -> None:
    with pytest.raises(InvalidTransition, match="no item of the catalog"):
        RandomCustomer(catalog_of(group(3, 3)), UTC, Random(1)).cart()


def test_nothing_is_ordered_while_every_catalog_is_closed() -> None:
    closed = catalog_of()
    for catalog in closed.catalogs.values():
        catalog.availability = []
    with pytest.raises(InvalidTransition):
        RandomCustomer(closed, UTC, Random(1)).cart()
