"""A customer at random orders only what the kit's own rules allow."""

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
MENU = BogusAdapter().fetch_catalog(Store("main", "g", "bogus"))


@given(st.integers())
def test_every_cart_is_legal_and_every_seed_repeats_itself(seed: int) -> None:
    cart = RandomCustomer(MENU, UTC, Random(seed)).cart(now=NOON)
    assert cart == RandomCustomer(MENU, UTC, Random(seed)).cart(now=NOON)
    order = ExternalOrder.model_validate({"cart": {"storeId": "g", **cart}, "fulfillmentType": "Pickup"})
    checked = check_cart(CompiledCatalog.compile(MENU), order, at=NOON, timezone=UTC)
    assert not checked.violations
    assert 1 <= len(checked.lines) <= 4


def menu(*groups: ExternalModifierGroup, options: int = 2) -> ExternalCatalogSet:
    dish = ExternalItem(
        item_id="d", name="D", base_price=Decimal(1), modifier_group_ids=[group.modifier_group_id for group in groups]
    )
    made = [ExternalItem(item_id=f"o{n}", name=f"O{n}", base_price=Decimal(1)) for n in range(options)]
    return simple_catalog({"S": [dish]}, modifier_groups=groups, options=made)


def group(least: int, most: int, options: int = 2, *, again: bool = False) -> ExternalModifierGroup:
    return ExternalModifierGroup(
        modifier_group_id="m",
        name="M",
        item_ids=[f"o{n}" for n in range(options)],
        minimum_allowed=least,
        maximum_allowed=most,
        enable_duplicate_items=again,
    )


def test_a_dozen_of_two_kinds_repeats_them() -> None:
    (line,) = RandomCustomer(menu(group(12, 12, again=True)), UTC, Random(1)).cart()["lineItems"]
    (entry,) = line["modifierGroups"]
    assert sum(chosen["quantity"] for chosen in entry["selectedModifiers"]) == 12


def test_what_cannot_be_satisfied_is_not_ordered() -> None:
    with pytest.raises(InvalidTransition, match="nothing on the menu"):
        RandomCustomer(menu(group(3, 3)), UTC, Random(1)).cart()


def test_nothing_is_ordered_while_nothing_is_served() -> None:
    closed = menu()
    for catalog in closed.catalogs.values():
        catalog.availability = []
    with pytest.raises(InvalidTransition):
        RandomCustomer(closed, UTC, Random(1)).cart()
