"""What the hostile adapters share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from webhook_kit.adapter import CatalogSet, Reason, Refused, Store
from webhook_kit.gett.models.money import ZERO
from webhook_kit.gett.models.order import Amounts, ExternalOrder, LineItem
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_tickets import Tickets

__all__ = ["HOSTILE", "Small", "all_lines", "breaks", "changed", "choices", "tickets_of", "unless"]

HOSTILE: dict[type[BogusAdapter], frozenset[str]] = {}
"""All of them, each with the tests of the contract that it fails."""

_Hostile = TypeVar("_Hostile", bound=type[BogusAdapter])


def breaks(*tests: str) -> Callable[[_Hostile], _Hostile]:
    """Say which tests an adapter fails."""

    def enter(adapter: _Hostile) -> _Hostile:
        HOSTILE[adapter] = frozenset(tests)
        return adapter

    return enter


class Small(BogusAdapter):
    """A few of the bogus POS's dishes, one with everything: what is wrong shows all the same, and sooner."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        menu = super().fetch_catalog(store)
        all_day = next(iter(menu.catalogs.values()))
        sections = {
            key: section.model_copy(update={"section_ids": []})
            for key, section in menu.sections.items()
            if {"margherita", "cola"} & set(section.item_ids)
        }
        all_day.section_ids = list(sections)
        items, groups = _needed(menu, [item for section in sections.values() for item in section.item_ids])
        return CatalogSet(
            catalogs={all_day.catalog_id: all_day},
            sections=sections,
            items={key: menu.items[key] for key in items},
            modifier_groups={key: menu.modifier_groups[key] for key in groups},
        )


def _needed(menu: CatalogSet, items: list[str]) -> tuple[list[str], list[str]]:
    """These items and everything that can be chosen for them."""
    groups: list[str] = []
    for item in items:  # grows while it is walked
        for group in menu.items[item].modifier_group_ids:
            if group not in groups:
                groups.append(group)
                items += [option for option in menu.modifier_groups[group].item_ids if option not in items]
    return items, groups


def tickets_of(store: Store) -> Tickets:
    return Tickets(store.options.get("file"))


def changed(amounts: Amounts, **by: Decimal) -> Amounts:
    """The amounts with some parts changed by so much, and a total that fits."""
    parts = {name: getattr(amounts, name) or ZERO for name in ("fees", "promotions", "taxes", "adjustments", "tip")}
    sub_total = (amounts.sub_total or ZERO) + by.pop("sub_total", ZERO)
    changed: dict[str, Any] = {name: value + by.get(name, ZERO) for name, value in parts.items()}
    return Amounts.of(sub_total, **changed)


def unless(reason: Reason, refused: Refused | None) -> Refused | None:
    """The refusal, unless it is for that reason."""
    return None if refused and all(one.reason is reason for one in refused.refusals) else refused


def choices(lines: Sequence[LineItem]) -> Iterator[LineItem]:
    for line in lines:
        for group in line.modifier_groups:
            yield from group.selected_modifiers


def all_lines(order: ExternalOrder) -> Iterator[LineItem]:
    waiting = list(order.cart.line_items)
    for line in waiting:  # grows while it is walked
        yield line
        waiting += choices([line])
