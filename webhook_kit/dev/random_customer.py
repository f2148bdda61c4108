"""A customer who orders at random, and always something that the menu allows."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from random import Random
from typing import Any

from webhook_kit.catalog.hours import is_open
from webhook_kit.errors import InvalidTransition
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["RandomCustomer"]

_DEEP = 6
"""Where choices end that need not be made: menus may nest for ever."""


class RandomCustomer:
    """Orders from one menu.

    :param timezone: the store's, in which hours are read.
    """

    def __init__(self, menu: ExternalCatalogSet, timezone: tzinfo, random: Random) -> None:
        self._menu = menu
        self._timezone = timezone
        self._random = random

    def cart(self, *, now: datetime | None = None) -> dict[str, Any]:
        """A legal cart of one to four lines.

        :raises InvalidTransition: when nothing can be ordered now.
        """
        dishes = self._served(now or datetime.now(UTC))
        lines: list[dict[str, Any]] = []
        wanted = self._random.choice([1, 2, 2, 3, 4])
        self._random.shuffle(dishes)
        for item_id in dishes:
            line = self._line(item_id, depth=0)
            if line is not None:
                lines.append(
                    line | {"lineItemId": str(len(lines) + 1), "quantity": self._random.choice([1, 1, 1, 2, 3])}
                )
            if len(lines) == wanted:
                break
        if not lines:
            raise InvalidTransition("nothing on the menu can be ordered now")
        return {"lineItems": lines}

    def _served(self, now: datetime) -> list[str]:
        """The dishes under the headings of the catalogs that are open."""
        waiting = [
            section_id
            for catalog in self._menu.catalogs.values()
            if is_open(catalog.availability, now, self._timezone)
            for section_id in catalog.section_ids
        ]
        seen: set[str] = set()
        dishes: dict[str, None] = {}
        while waiting:
            section = self._menu.sections.get(waiting.pop())
            if section is None or section.section_id in seen:
                continue
            seen.add(section.section_id)
            waiting += section.section_ids
            dishes |= dict.fromkeys(item_id for item_id in section.item_ids if item_id in self._menu.items)
        return list(dishes)

    def _line(self, item_id: str, depth: int) -> dict[str, Any] | None:
        """The item with choices; None when it cannot be ordered."""
        item = self._menu.items.get(item_id)
        if item is None or depth > 2 * _DEEP:
            return None
        groups = []
        for group_id in item.modifier_group_ids:
            group = self._menu.modifier_groups[group_id]
            chosen = self._choices(group, depth + 1)
            if chosen is None:
                return None
            if chosen:
                groups.append({"modifierGroupId": group_id, "selectedModifiers": chosen})
        return {"itemId": item_id, "modifierGroups": groups}

    def _choices(self, group: ExternalModifierGroup, depth: int) -> list[dict[str, Any]] | None:
        least, most = group.minimum_allowed, group.maximum_allowed
        wanted = least if depth > _DEEP else self._random.randint(least, max(least, min(most, least + 3)))
        options = [line for item_id in group.item_ids if (line := self._line(item_id, depth)) is not None]
        self._random.shuffle(options)
        chosen = [option | {"quantity": 1} for option in options[:wanted]]
        short = least - len(chosen)
        if short > 0:
            if not (group.enable_duplicate_items and chosen):
                return None
            chosen[0]["quantity"] += short
        return [line | {"lineItemId": f"{group.modifier_group_id}-{n}"} for n, line in enumerate(chosen, 1)]
