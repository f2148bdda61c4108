"""Rules of prices (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import median_low
from typing import NamedTuple

from webhook_kit.catalog.cents import from_cents, to_cents
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem

__all__ = ["MAX_MODIFIER_LEVELS", "price_findings"]

MAX_MODIFIER_LEVELS = 6
"""Limit of nested modifiers: the JSON of an order with more levels is rejected as too deep [D]."""

# [D] Cents in place of major units make a price 100 times as high: a whole number, and far above the others.
_SUSPICIOUS, _CERTAINLY_SUSPICIOUS, _ABOVE_OTHERS = Decimal(100), Decimal(1_000), 30


def price_findings(catalog: ExternalCatalogSet, sold: set[str]) -> Iterator[Finding]:
    """Yield the violations that concern prices, and modifiers that nest too deep.

    :param sold: the items that are sold on their own.
    """
    yield from _negative_prices(catalog, sold)
    yield from _cents(catalog, sold)
    minimum_prices = MinimumPrices(catalog)
    for key, item in catalog.items.items():
        if item.starting_at is not None and item.starting_at >= 0:
            yield from _starting_at(key, item, minimum_prices.price(key))
        if key in sold and item.modifier_group_ids and minimum_prices.levels(key) > MAX_MODIFIER_LEVELS:
            message = (
                f"its modifiers nest {minimum_prices.levels(key)} deep; an order can hold {MAX_MODIFIER_LEVELS} levels"
            )
            yield CatalogRule.MODIFIERS_TOO_DEEP.at(entity_path("items", key), message)


def _negative_prices(catalog: ExternalCatalogSet, sold: set[str]) -> Iterator[Finding]:
    for key, item in catalog.items.items():
        if item.base_price < 0:
            rule = CatalogRule.NEGATIVE_PRICE if key in sold else CatalogRule.NEGATIVE_OPTION_PRICE
            yield rule.at(f"{entity_path('items', key)}.basePrice", f"is {item.base_price}")
        if item.compare_at is not None and item.compare_at < 0:
            yield CatalogRule.NEGATIVE_PRICE.at(f"{entity_path('items', key)}.compareAt", f"is {item.compare_at}")
        if item.starting_at is not None and item.starting_at < 0:
            yield CatalogRule.NEGATIVE_PRICE.at(f"{entity_path('items', key)}.startingAt", f"is {item.starting_at}")
    for key, group in catalog.modifier_groups.items():
        for index, tier in enumerate(group.tiers or ()):
            if tier.price < 0:
                path = f"{entity_path('modifierGroups', key)}.tiers[{index}].price"
                yield CatalogRule.NEGATIVE_OPTION_PRICE.at(path, f"is {tier.price}")


def _cents(catalog: ExternalCatalogSet, sold: set[str]) -> Iterator[Finding]:
    prices = list(_positive_prices(catalog))
    usual = [item.base_price for key, item in catalog.items.items() if key in sold and item.base_price > 0]
    usual = usual or [one.amount for one in prices]
    if not usual:
        return
    median: Decimal = median_low(usual)
    if median >= _SUSPICIOUS and all(_is_whole(one.amount) for one in prices):
        example = next(one for one in prices if one.amount >= _SUSPICIOUS)
        message = f"{example.amount:f} ({quoted(example.name)})"
        if len(prices) > 1:
            message = f"all {len(prices):,} prices are whole numbers, and half of them are {median:f} or more, such as {message}"
        yield CatalogRule.PRICE_IN_CENTS.at(example.path, message)
        return
    limit = min(max(_ABOVE_OTHERS * median, _SUSPICIOUS), _CERTAINLY_SUSPICIOUS)
    for one in prices:
        if one.amount >= limit and _is_whole(one.amount):
            message = f"{one.amount:f} ({quoted(one.name)}), while half of the items cost {median:f} or less"
            yield CatalogRule.PRICE_IN_CENTS.at(one.path, message)


class _Price(NamedTuple):
    """A price in a catalog, with the name of its item or group."""

    table: str
    key: str
    member: str
    name: str
    amount: Decimal

    @property
    def path(self) -> str:
        return f"{entity_path(self.table, self.key)}.{self.member}"


def _positive_prices(catalog: ExternalCatalogSet) -> Iterator[_Price]:
    for key, item in catalog.items.items():
        for member, price in (
            ("basePrice", item.base_price),
            ("compareAt", item.compare_at),
            ("startingAt", item.starting_at),
        ):
            if price is not None and price > 0:
                yield _Price("items", key, member, item.name, price)
    for key, group in catalog.modifier_groups.items():
        for index, tier in enumerate(group.tiers or ()):
            if tier.price > 0:
                yield _Price("modifierGroups", key, f"tiers[{index}].price", group.name, tier.price)


def _is_whole(price: Decimal) -> bool:
    return price == price.to_integral_value()


def _starting_at(key: str, item: ExternalItem, minimum: int | None) -> Iterator[Finding]:
    # An item that cannot be ordered has no minimum price; the finding for its group names the reason.
    if item.starting_at is not None and minimum is not None and to_cents(item.starting_at) < minimum:
        message = (
            f"is {item.starting_at}, but the cheapest configuration that may be ordered costs {from_cents(minimum)}"
        )
        yield CatalogRule.STARTING_AT_TOO_LOW.at(f"{entity_path('items', key)}.startingAt", message)
