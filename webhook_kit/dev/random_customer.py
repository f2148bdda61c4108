"""A customer who orders at random, always within the rules of the catalog."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from random import Random
from typing import Any

from webhook_kit.catalog.hours import is_open
from webhook_kit.errors import InvalidTransition
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["RandomCustomer"]

_MAX_OPTIONAL_DEPTH = 6
"""Depth of modifiers below which only required ones are chosen: a catalog may nest without end."""


class RandomCustomer:
    """Random carts of one catalog.

    :param timezone: the store's, in which opening hours are read.
    """

    def __init__(self, catalog: ExternalCatalogSet, timezone: tzinfo, random: Random) -> None:
        self._catalog = catalog
        self._timezone = timezone
        self._random = random

    def cart(self, *, now: datetime | None = None) -> dict[str, Any]:
        """Return a valid cart of one to four lines.

        :raises InvalidTransition: when nothing can be ordered now.
        """
        item_ids = self._served(now or datetime.now(UTC))
        lines: list[dict[str, Any]] = []
        length = self._random.choice([1, 2, 2, 3, 4])
        self._random.shuffle(item_ids)
        for item_id in item_ids:
            line = self._line(item_id, depth=0)
            if line is not None:
                lines.append(
                    line | {"lineItemId": str(len(lines) + 1), "quantity": self._random.choice([1, 1, 1, 2, 3])}
                )
            if len(lines) == length:
                break
        if not lines:
            raise InvalidTransition("no item of the catalog can be ordered now")
        return {"lineItems": lines}

    def _served(self, now: datetime) -> list[str]:
        """Return the ids of the items in the sections of the catalogs that are open."""
        pending = [
            section_id
            for catalog in self._catalog.catalogs.values()
            if is_open(catalog.availability, now, self._timezone)
            for section_id in catalog.section_ids
        ]
        visited: set[str] = set()
        item_ids: dict[str, None] = {}
        while pending:
            section = self._catalog.sections.get(pending.pop())
            if section is None or section.section_id in visited:
                continue
            visited.add(section.section_id)
            pending += section.section_ids
            item_ids |= dict.fromkeys(item_id for item_id in section.item_ids if item_id in self._catalog.items)
        return list(item_ids)

    def _line(self, item_id: str, depth: int) -> dict[str, Any] | None:
        """Return the item with chosen modifiers; None if it cannot be ordered."""
        item = self._catalog.items.get(item_id)
        if item is None or depth > 2 * _MAX_OPTIONAL_DEPTH:
            return None
        groups = []
        for group_id in item.modifier_group_ids:
            group = self._catalog.modifier_groups[group_id]
            chosen = self._choose(group, depth + 1)
            if chosen is None:
                return None
            if chosen:
                groups.append({"modifierGroupId": group_id, "selectedModifiers": chosen})
        return {"itemId": item_id, "modifierGroups": groups}

    def _choose(self, group: ExternalModifierGroup, depth: int) -> list[dict[str, Any]] | None:
        """Return chosen options of a group; None if its minimum cannot be reached."""
        least, most = group.minimum_allowed, group.maximum_allowed
        count = least if depth > _MAX_OPTIONAL_DEPTH else self._random.randint(least, max(least, min(most, least + 3)))
        options = [line for item_id in group.item_ids if (line := self._line(item_id, depth)) is not None]
        self._random.shuffle(options)
        chosen = [option | {"quantity": 1} for option in options[:count]]
        missing = least - len(chosen)
        if missing > 0:
            if not (group.enable_duplicate_items and chosen):
                return None
            chosen[0]["quantity"] += missing
        return [line | {"lineItemId": f"{group.modifier_group_id}-{n}"} for n, line in enumerate(chosen, 1)]
