"""Rules of modifier groups: bounds, defaults and the order of tiers (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.catalog import ExternalModifierGroup

__all__ = ["group_findings"]


def group_findings(key: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    """Yield the violations of a group that :mod:`~webhook_kit.catalog.integrity` does not report."""
    least, most, options = group.minimum_allowed, group.maximum_allowed, set(group.item_ids)
    if least < 0:
        yield CatalogRule.NEGATIVE_BOUND.at(f"{entity_path('modifierGroups', key)}.minimumAllowed", f"is {least}")
    if len(options) < least and not (group.enable_duplicate_items and options):
        message = f"{least} must be chosen, from {len(options)}, each at most once"
        yield CatalogRule.TOO_FEW_OPTIONS.at(f"{entity_path('modifierGroups', key)}.itemIds", message)
    elif not options or (most == 0 and least <= 0):
        message = "maximumAllowed is 0" if options else "there are no options"
        yield CatalogRule.NOTHING_TO_CHOOSE.at(entity_path("modifierGroups", key), message)
    if group.default_items:
        yield from _defaults(entity_path("modifierGroups", key), group, options)
    if group.tiers:
        yield from _tiers(entity_path("modifierGroups", key), group)


def _defaults(path: str, group: ExternalModifierGroup, options: set[str]) -> Iterator[Finding]:
    chosen: Counter[str] = Counter()
    for index, default in enumerate(group.default_items or ()):
        here = f"{path}.defaultItems[{index}]"
        if default.item_id not in options:
            yield CatalogRule.DEFAULT_NOT_AN_OPTION.at(
                f"{here}.itemId", f"{quoted(default.item_id)} is not an option of this group"
            )
        chosen[default.item_id] += default.quantity
        if chosen[default.item_id] > 1 and not group.enable_duplicate_items:
            message = f"{quoted(default.item_id)} is chosen {chosen[default.item_id]} times, but must not repeat"
            yield CatalogRule.DEFAULT_REPEATED.at(here, message)
    if chosen.total() > group.maximum_allowed >= 0:
        message = f"{chosen.total()} are chosen by default, but maximumAllowed is {group.maximum_allowed}"
        yield CatalogRule.DEFAULTS_OUT_OF_BOUNDS.at(f"{path}.defaultItems", message)


def _tiers(path: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    offsets = [tier.offset for tier in group.tiers or ()]
    if offsets != sorted(offsets):
        message = f"the offsets are in the order {', '.join(map(str, offsets[:20]))}"
        yield CatalogRule.TIERS_UNSORTED.at(f"{path}.tiers", message)
    for index, offset in enumerate(offsets):
        if offset < 0:
            message = f"{offset} is before the first selection, which is number 0"
            yield CatalogRule.TIER_NEVER_USED.at(f"{path}.tiers[{index}].offset", message)
        elif offset > 0 and offset >= group.maximum_allowed >= 0:
            message = f"the last selection is number {group.maximum_allowed - 1}, counted from 0"
            yield CatalogRule.TIER_NEVER_USED.at(f"{path}.tiers[{index}].offset", message)
