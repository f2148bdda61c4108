"""Base class and helpers of the hostile adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from webhook_kit.adapter import CatalogSet, Placed, Reason, Refused, Store
from webhook_kit.gett.models.money import ZERO
from webhook_kit.gett.models.order import Amounts, ExternalOrder, LineItem
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_tickets import Tickets

__all__ = [
    "HOSTILE_ADAPTERS",
    "PlaceResult",
    "SmallCatalog",
    "all_lines",
    "breaks",
    "changed_amounts",
    "selected_modifiers",
    "tickets_of",
    "unless_reason",
]

PlaceResult = Placed | Refused

HOSTILE_ADAPTERS: dict[type[BogusAdapter], frozenset[str]] = {}
"""All hostile adapters, each with the contract tests that it fails."""

_Hostile = TypeVar("_Hostile", bound=type[BogusAdapter])


def breaks(*tests: str) -> Callable[[_Hostile], _Hostile]:
    """Register a hostile adapter with the contract tests that it fails."""

    def register(adapter: _Hostile) -> _Hostile:
        HOSTILE_ADAPTERS[adapter] = frozenset(tests)
        return adapter

    return register


class SmallCatalog(BogusAdapter):
    """The bogus adapter with a few items, one of them with all kinds of modifiers. The tests are faster with it."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        full = super().fetch_catalog(store)
        all_day = next(iter(full.catalogs.values()))
        sections = {
            key: section.model_copy(update={"section_ids": []})
            for key, section in full.sections.items()
            if {"margherita", "cola"} & set(section.item_ids)
        }
        all_day.section_ids = list(sections)
        items, groups = _reachable(full, [item for section in sections.values() for item in section.item_ids])
        return CatalogSet(
            catalogs={all_day.catalog_id: all_day},
            sections=sections,
            items={key: full.items[key] for key in items},
            modifier_groups={key: full.modifier_groups[key] for key in groups},
        )


def _reachable(catalog: CatalogSet, items: list[str]) -> tuple[list[str], list[str]]:
    """Return these items with all their options, and the modifier groups."""
    groups: list[str] = []
    for item in items:  # grows during the iteration
        for group in catalog.items[item].modifier_group_ids:
            if group not in groups:
                groups.append(group)
                items += [option for option in catalog.modifier_groups[group].item_ids if option not in items]
    return items, groups


def tickets_of(store: Store) -> Tickets:
    return Tickets(store.options.get("file"))


def changed_amounts(amounts: Amounts, **differences: Decimal) -> Amounts:
    """Return the amounts with these differences added, and the matching total."""
    parts = {name: getattr(amounts, name) or ZERO for name in ("fees", "promotions", "taxes", "adjustments", "tip")}
    sub_total = (amounts.sub_total or ZERO) + differences.pop("sub_total", ZERO)
    changed: dict[str, Any] = {name: value + differences.get(name, ZERO) for name, value in parts.items()}
    return Amounts.of(sub_total, **changed)


def unless_reason(reason: Reason, refused: Refused | None) -> Refused | None:
    """Return the refusal, or None if it has only this reason."""
    return None if refused and all(refusal.reason is reason for refusal in refused.refusals) else refused


def selected_modifiers(lines: Sequence[LineItem]) -> Iterator[LineItem]:
    for line in lines:
        for group in line.modifier_groups:
            yield from group.selected_modifiers


def all_lines(order: ExternalOrder) -> Iterator[LineItem]:
    """Yield every line and every selected modifier at any depth."""
    lines = list(order.cart.line_items)
    for line in lines:  # grows during the iteration
        yield line
        lines += selected_modifiers([line])
