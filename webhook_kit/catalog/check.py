"""Every rule of a CatalogSet, all violations at once (``gett-protocol.md §4``); the rules are those of :class:`CatalogRule`.

Wrong bytes are told just the same: :func:`check_bytes` reads them so that one mistake hides no other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from typing import TypeAlias

from webhook_kit.catalog.cents import from_cents, to_cents
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.hours import week_spans
from webhook_kit.catalog.integrity import integrity_findings
from webhook_kit.catalog.lenient_parse import LARGEST, lenient_parse
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.catalog.rules import CatalogRule, Finding, Severity, entity, shown
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

__all__ = ["MODIFIER_LEVELS", "CatalogRule", "Finding", "Severity", "check", "check_bytes"]

MODIFIER_LEVELS = 6
"""So deep modifiers may nest: the JSON of an order with more is refused as too deep [D]."""


@gc_paused
def check(catalog: ExternalCatalogSet) -> list[Finding]:
    """Every rule that the catalog breaks, and where."""
    found = list(integrity_findings(catalog))
    dishes, reached = _reach(catalog)
    found += _references(catalog)
    found += _unreachable(catalog, dishes, reached)
    for key, group in catalog.modifier_groups.items():
        found += _group(key, group)
    found += _prices(catalog, dishes)
    found += _configurations(catalog, dishes)
    for key, one in catalog.catalogs.items():
        found += _hours(key, one)
    found += _names_and_images(catalog)
    return found


@gc_paused
def check_bytes(raw: bytes, *, limit: int = LARGEST) -> tuple[ExternalCatalogSet | None, list[Finding]]:
    """The catalog that the bytes hold, and everything that is wrong with them and with it.

    The catalog is None when the bytes cannot be read as one; whatever can be read of it is checked all the same.

    :param limit: more bytes than that are not read at all.
    """
    intake = lenient_parse(raw, limit)
    if intake.catalog is None:
        return None, intake.findings
    found = [*intake.findings, *(finding for finding in check(intake.catalog) if intake.applies_to(finding))]
    return (intake.catalog if intake.whole else None), found


_HTTPS = re.compile(r"https://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d+)?([/?#]\S*)?")

# -- references --------------------------------------------------------------------------------------------------------


def _reach(catalog: ExternalCatalogSet) -> tuple[set[str], dict[str, set[str]]]:
    """What catalogs reach: the items under a section, and everything, by table."""
    sections: set[str] = set()
    items: set[str] = set()
    groups: set[str] = set()
    waiting = [section_id for one in catalog.catalogs.values() for section_id in one.section_ids]
    while waiting:
        section_id = waiting.pop()
        section = catalog.sections.get(section_id)
        if section is not None and section_id not in sections:
            sections.add(section_id)
            items.update(section.item_ids)
            waiting += section.section_ids
    items &= catalog.items.keys()
    dishes = set(items)
    waiting = list(items)
    while waiting:
        for group_id in catalog.items[waiting.pop()].modifier_group_ids:
            group = catalog.modifier_groups.get(group_id)
            if group is not None and group_id not in groups:
                groups.add(group_id)
                fresh = [option for option in group.item_ids if option not in items and option in catalog.items]
                items.update(fresh)
                waiting += fresh
    return dishes, {"sections": sections, "items": items, "modifierGroups": groups}


def _unreachable(catalog: ExternalCatalogSet, dishes: set[str], reached: dict[str, set[str]]) -> Iterator[Finding]:
    if not dishes:
        yield CatalogRule.NOTHING_ON_SALE.at("$.catalogs", "no catalog reaches any item")
    tables: dict[str, Iterable[str]] = {
        "sections": catalog.sections,
        "items": catalog.items,
        "modifierGroups": catalog.modifier_groups,
    }
    for table, keys in tables.items():
        for key in keys:
            if key not in reached[table]:
                yield CatalogRule.UNREACHABLE.at(entity(table, key), "no catalog reaches it")


def _references(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    for key, one in catalog.catalogs.items():
        yield from _repeated("catalogs", key, "sectionIds", one.section_ids)
    for key, section in catalog.sections.items():
        yield from _repeated("sections", key, "itemIds", section.item_ids)
        yield from _repeated("sections", key, "sectionIds", section.section_ids)
    for key, item in catalog.items.items():
        if len(item.modifier_group_ids) > 1:
            yield from _repeated("items", key, "modifierGroupIds", item.modifier_group_ids)
    for key, group in catalog.modifier_groups.items():
        yield from _repeated("modifierGroups", key, "itemIds", group.item_ids)


def _repeated(table: str, key: str, member: str, references: list[str]) -> Iterator[Finding]:
    if len(set(references)) == len(references):
        return
    seen: set[str] = set()
    for index, reference in enumerate(references):
        if reference in seen:
            path = f"{entity(table, key)}.{member}[{index}]"
            yield CatalogRule.DUPLICATE_REFERENCE.at(path, f"{shown(reference)} stands earlier in the list, too")
        seen.add(reference)


# -- groups ------------------------------------------------------------------------------------------------------------


def _group(key: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    least, most, options = group.minimum_allowed, group.maximum_allowed, set(group.item_ids)
    if least < 0:
        yield CatalogRule.NEGATIVE_BOUND.at(f"{entity('modifierGroups', key)}.minimumAllowed", f"is {least}")
    if len(options) < least and not (group.enable_duplicate_items and options):
        message = f"{least} must be chosen, from {len(options)}, each at most once"
        yield CatalogRule.TOO_FEW_OPTIONS.at(f"{entity('modifierGroups', key)}.itemIds", message)
    elif not options or most == 0:
        message = "maximumAllowed is 0" if options else "there are no options"
        yield CatalogRule.NOTHING_TO_CHOOSE.at(entity("modifierGroups", key), message)
    if group.default_items:
        yield from _defaults(entity("modifierGroups", key), group, options)
    if group.tiers:
        yield from _tiers(entity("modifierGroups", key), group)


def _defaults(path: str, group: ExternalModifierGroup, options: set[str]) -> Iterator[Finding]:
    chosen: Counter[str] = Counter()
    for index, default in enumerate(group.default_items or ()):
        here = f"{path}.defaultItems[{index}]"
        if default.item_id not in options:
            yield CatalogRule.DEFAULT_NOT_AN_OPTION.at(
                f"{here}.itemId", f"{shown(default.item_id)} is no option of this group"
            )
        chosen[default.item_id] += default.quantity
        if chosen[default.item_id] > 1 and not group.enable_duplicate_items:
            message = f"{shown(default.item_id)} is chosen {chosen[default.item_id]} times, but may not repeat"
            yield CatalogRule.DEFAULT_REPEATED.at(here, message)
    if chosen.total() > group.maximum_allowed:
        message = f"{chosen.total()} are chosen beforehand, but maximumAllowed is {group.maximum_allowed}"
        yield CatalogRule.DEFAULTS_OUT_OF_BOUNDS.at(f"{path}.defaultItems", message)


def _tiers(path: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    offsets = [tier.offset for tier in group.tiers or ()]
    if offsets != sorted(offsets):
        message = f"the offsets stand in the order {', '.join(map(str, offsets[:20]))}"
        yield CatalogRule.TIERS_UNSORTED.at(f"{path}.tiers", message)
    for index, offset in enumerate(offsets):
        if offset < 0 or (offset > 0 and offset >= group.maximum_allowed):
            message = f"no selection comes that far: the last one is number {group.maximum_allowed - 1}, counted from 0"
            if offset < 0:
                message = f"{offset} comes before the first selection, which is number 0"
            yield CatalogRule.TIER_NEVER_USED.at(f"{path}.tiers[{index}].offset", message)


# -- prices ------------------------------------------------------------------------------------------------------------


def _prices(catalog: ExternalCatalogSet, dishes: set[str]) -> Iterator[Finding]:
    for key, item in catalog.items.items():
        if item.base_price < 0:
            rule = CatalogRule.NEGATIVE_PRICE if key in dishes else CatalogRule.NEGATIVE_OPTION_PRICE
            yield rule.at(f"{entity('items', key)}.basePrice", f"is {item.base_price}")
        if item.compare_at is not None and item.compare_at < 0:
            yield CatalogRule.NEGATIVE_PRICE.at(f"{entity('items', key)}.compareAt", f"is {item.compare_at}")
        if item.starting_at is not None and item.starting_at < 0:
            yield CatalogRule.NEGATIVE_PRICE.at(f"{entity('items', key)}.startingAt", f"is {item.starting_at}")
    for key, group in catalog.modifier_groups.items():
        for index, tier in enumerate(group.tiers or ()):
            if tier.price < 0:
                path = f"{entity('modifierGroups', key)}.tiers[{index}].price"
                yield CatalogRule.NEGATIVE_OPTION_PRICE.at(path, f"is {tier.price}")


def _configurations(catalog: ExternalCatalogSet, dishes: set[str]) -> Iterator[Finding]:
    configurations = MinimumPrices(catalog)
    for key, item in catalog.items.items():
        if item.starting_at is not None:
            yield from _starting_at(key, item, configurations.cheapest(key))
        if key in dishes and item.modifier_group_ids and configurations.levels(key) > MODIFIER_LEVELS:
            message = (
                f"its modifiers nest {configurations.levels(key)} deep; an order can hold {MODIFIER_LEVELS} levels"
            )
            yield CatalogRule.MODIFIERS_TOO_DEEP.at(entity("items", key), message)


def _starting_at(key: str, item: ExternalItem, cheapest: int | None) -> Iterator[Finding]:
    # An item that nobody can order has no cheapest configuration; why, is told of the group that is at fault.
    if item.starting_at is not None and cheapest is not None and to_cents(item.starting_at) < cheapest:
        message = (
            f"is {item.starting_at}, but the cheapest configuration that may be ordered costs {from_cents(cheapest)}"
        )
        yield CatalogRule.STARTING_AT_TOO_LOW.at(f"{entity('items', key)}.startingAt", message)


# -- hours, names and images -------------------------------------------------------------------------------------------


def _hours(key: str, one: ExternalCatalog) -> Iterator[Finding]:
    path = entity("catalogs", key)
    if not any(start < end for day in week_spans(one.availability) for start, end in day):
        message = "there are no windows" if not one.availability else "no window holds any time"
        yield CatalogRule.NEVER_OPEN.at(f"{path}.availability", message)
    days: dict[DayOfWeek, list[tuple[int, AvailabilityWindow]]] = {}
    for index, window in enumerate(one.availability or ()):
        if _ends(window) <= window.start.isoformat():
            message = f"{window.day_of_week}, {window.start} to {window.end}, holds no time"
            yield CatalogRule.WINDOW_OVER_MIDNIGHT.at(f"{path}.availability[{index}]", message)
        else:
            days.setdefault(window.day_of_week, []).append((index, window))
    for windows in days.values():
        windows.sort(key=lambda pair: pair[1].start)
        latest = windows[0][1]
        for index, window in windows[1:]:
            if window.start.isoformat() < _ends(latest):
                message = f"{window.day_of_week}, {window.start} to {window.end}, begins before {latest.end}, the end of another"
                yield CatalogRule.WINDOWS_OVERLAP.at(f"{path}.availability[{index}]", message)
            latest = max(latest, window, key=_ends)


def _ends(window: AvailabilityWindow) -> str:
    """The end as text that sorts; the end of the day is written 00:00:00."""
    return "24:00:00" if window.end == time.min else window.end.isoformat()


_Named: TypeAlias = ExternalCatalog | ExternalSection | ExternalItem | ExternalModifierGroup


def _names_and_images(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    tables: dict[str, Mapping[str, _Named]] = {
        "catalogs": catalog.catalogs,
        "sections": catalog.sections,
        "items": catalog.items,
        "modifierGroups": catalog.modifier_groups,
    }
    for table, entities in tables.items():
        for key, one in entities.items():
            if not one.name or one.name.isspace():
                yield CatalogRule.BLANK_NAME.at(f"{entity(table, key)}.name", "is blank")
    for key, item in catalog.items.items():
        if item.image_url is not None and not _HTTPS.fullmatch(item.image_url):
            path = f"{entity('items', key)}.imageUrl"
            yield CatalogRule.IMAGE_NOT_HTTPS.at(path, f"{shown(item.image_url)} is no https address")
