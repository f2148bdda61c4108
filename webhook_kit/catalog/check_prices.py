"""Rules of prices (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import median_low

from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.money import ZERO

__all__ = ["MAX_MODIFIER_LEVELS", "price_findings"]

MAX_MODIFIER_LEVELS = 6
"""Limit of nested modifiers: the JSON of an order with more levels is rejected as too deep [D]."""

# [D] Cents in place of major units make a price 100 times as high: a whole number, and far above the others.
_SUSPICIOUS, _CERTAINLY_SUSPICIOUS, _ABOVE_OTHERS = Decimal(100), Decimal(1_000), 30


def price_findings(index: CatalogIndex, sold: set[str]) -> Iterator[Finding]:
    """Yield the violations that concern prices, and modifiers that nest too deep.

    :param sold: the items that are sold on their own.
    """
    if any(amount < 0 for amount in index.cents):
        yield from _negative_prices(index, sold)
    yield from _cents(index, sold)
    minimum_prices = MinimumPrices(index)
    yield from _starting_at(index, minimum_prices)
    yield from _nesting(index, sold, minimum_prices)


def _negative_prices(index: CatalogIndex, sold: set[str]) -> Iterator[Finding]:
    for price in index.prices():
        if price.amount < 0:
            is_option = price.table != "items" or (price.member == "basePrice" and price.key not in sold)
            rule = CatalogRule.NEGATIVE_OPTION_PRICE if is_option else CatalogRule.NEGATIVE_PRICE
            yield rule.at(price.path, f"is {price.amount}")


def _cents(index: CatalogIndex, sold: set[str]) -> Iterator[Finding]:
    if max(index.cents, default=0) <= 0:
        return
    usual = [item.base_price for key, item in index.catalog.items.items() if key in sold and item.base_price > ZERO]
    usual = usual or [price.amount for price in index.prices() if price.amount > 0]
    median: Decimal = median_low(usual)
    if median >= _SUSPICIOUS and all(_is_whole(amount) for amount in index.cents if amount > 0):
        prices = [price for price in index.prices() if price.amount > 0]
        example = next(price for price in prices if price.amount >= _SUSPICIOUS)
        message = f"{example.amount:f} ({quoted(example.name)})"
        if len(prices) > 1:
            message = f"all {len(prices):,} prices are whole numbers, and half of them are {median:f} or more, such as {message}"
        yield CatalogRule.PRICE_IN_CENTS.at(example.path, message)
        return
    limit = min(max(_ABOVE_OTHERS * median, _SUSPICIOUS), _CERTAINLY_SUSPICIOUS)
    suspicious = {amount for amount in index.cents if amount >= limit and _is_whole(amount)}
    for price in index.prices() if suspicious else ():
        if price.amount in suspicious:
            message = f"{price.amount:f} ({quoted(price.name)}), while half of the items cost {median:f} or less"
            yield CatalogRule.PRICE_IN_CENTS.at(price.path, message)


def _is_whole(price: Decimal) -> bool:
    return price == price.to_integral_value()


def _starting_at(index: CatalogIndex, minimum_prices: MinimumPrices) -> Iterator[Finding]:
    for key, item in index.catalog.items.items():
        if item.starting_at is None or item.starting_at < ZERO:
            continue
        # An item that cannot be ordered has no minimum price; the finding for its group names the reason.
        minimum = minimum_prices.price(key)
        if minimum is not None and index.cents[item.starting_at] < minimum:
            message = (
                f"is {item.starting_at}, but the cheapest configuration that may be ordered costs {from_cents(minimum)}"
            )
            yield CatalogRule.STARTING_AT_TOO_LOW.at(f"{entity_path('items', key)}.startingAt", message)


def _nesting(index: CatalogIndex, sold: set[str], minimum_prices: MinimumPrices) -> Iterator[Finding]:
    for key in index.groups_of if minimum_prices.most_levels > MAX_MODIFIER_LEVELS else ():
        levels = minimum_prices.levels(key)
        if key in sold and levels > MAX_MODIFIER_LEVELS:
            message = f"its modifiers nest {levels} deep; an order can hold {MAX_MODIFIER_LEVELS} levels"
            yield CatalogRule.MODIFIERS_TOO_DEEP.at(entity_path("items", key), message)
