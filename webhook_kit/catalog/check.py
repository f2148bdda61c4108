"""Check of a CatalogSet against every :class:`CatalogRule`; all violations are reported at once (``gett-protocol.md §4``).

Mistakes in the bytes are reported in the same way: :func:`check_bytes` parses them so that one mistake does not hide another.
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
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES, lenient_parse
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.catalog.rules import CatalogRule, Finding, Severity, entity_path, quoted
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

__all__ = ["MAX_MODIFIER_LEVELS", "CatalogRule", "Finding", "Severity", "check", "check_bytes"]

MAX_MODIFIER_LEVELS = 6
"""Limit of nested modifiers: the JSON of an order with more levels is rejected as too deep [D]."""


@gc_paused
def check(catalog: ExternalCatalogSet) -> list[Finding]:
    """Return a finding for every violation of a rule."""
    findings = list(integrity_findings(catalog))
    sold, reachable = _reachable(catalog)
    findings += _duplicate_references(catalog)
    findings += _unreachable(catalog, sold, reachable)
    for key, group in catalog.modifier_groups.items():
        findings += _group(key, group)
    findings += _prices(catalog, sold)
    findings += _configurations(catalog, sold)
    for key, one in catalog.catalogs.items():
        findings += _hours(key, one)
    findings += _names_and_images(catalog)
    return findings


@gc_paused
def check_bytes(raw: bytes, *, limit: int = MAX_CATALOG_BYTES) -> tuple[ExternalCatalogSet | None, list[Finding]]:
    """Parse bytes as a catalog and check it; return the catalog and a finding for every mistake in the bytes and in it.

    The catalog is None when the bytes cannot be parsed completely; the part that could be parsed is checked nevertheless.

    :param limit: bytes longer than that are not parsed at all.
    """
    parsed = lenient_parse(raw, limit)
    if parsed.catalog is None:
        return None, parsed.findings
    findings = [*parsed.findings, *(finding for finding in check(parsed.catalog) if parsed.applies_to(finding))]
    return (parsed.catalog if parsed.complete else None), findings


_HTTPS = re.compile(r"https://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d+)?([/?#]\S*)?")

# -- references --------------------------------------------------------------------------------------------------------


def _reachable(catalog: ExternalCatalogSet) -> tuple[set[str], dict[str, set[str]]]:
    """Return the items that are sold on their own (in a section of a catalog), and all that catalogs reach, by table."""
    sections: set[str] = set()
    items: set[str] = set()
    groups: set[str] = set()
    pending = [section_id for one in catalog.catalogs.values() for section_id in one.section_ids]
    while pending:
        section_id = pending.pop()
        section = catalog.sections.get(section_id)
        if section is not None and section_id not in sections:
            sections.add(section_id)
            items.update(section.item_ids)
            pending += section.section_ids
    items &= catalog.items.keys()
    sold = set(items)
    pending = list(items)
    while pending:
        for group_id in catalog.items[pending.pop()].modifier_group_ids:
            group = catalog.modifier_groups.get(group_id)
            if group is not None and group_id not in groups:
                groups.add(group_id)
                added = [option for option in group.item_ids if option not in items and option in catalog.items]
                items.update(added)
                pending += added
    return sold, {"sections": sections, "items": items, "modifierGroups": groups}


def _unreachable(catalog: ExternalCatalogSet, sold: set[str], reachable: dict[str, set[str]]) -> Iterator[Finding]:
    if not sold:
        yield CatalogRule.NOTHING_ON_SALE.at("$.catalogs", "no catalog reaches any item")
    tables: dict[str, Iterable[str]] = {
        "sections": catalog.sections,
        "items": catalog.items,
        "modifierGroups": catalog.modifier_groups,
    }
    for table, keys in tables.items():
        for key in keys:
            if key not in reachable[table]:
                yield CatalogRule.UNREACHABLE.at(entity_path(table, key), "no catalog reaches it")


def _duplicate_references(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    for key, one in catalog.catalogs.items():
        yield from _duplicates("catalogs", key, "sectionIds", one.section_ids)
    for key, section in catalog.sections.items():
        yield from _duplicates("sections", key, "itemIds", section.item_ids)
        yield from _duplicates("sections", key, "sectionIds", section.section_ids)
    for key, item in catalog.items.items():
        if len(item.modifier_group_ids) > 1:
            yield from _duplicates("items", key, "modifierGroupIds", item.modifier_group_ids)
    for key, group in catalog.modifier_groups.items():
        yield from _duplicates("modifierGroups", key, "itemIds", group.item_ids)


def _duplicates(table: str, key: str, member: str, references: list[str]) -> Iterator[Finding]:
    if len(set(references)) == len(references):
        return
    previous: set[str] = set()
    for index, reference in enumerate(references):
        if reference in previous:
            path = f"{entity_path(table, key)}.{member}[{index}]"
            yield CatalogRule.DUPLICATE_REFERENCE.at(path, f"{quoted(reference)} appears earlier in the list")
        previous.add(reference)


# -- groups ------------------------------------------------------------------------------------------------------------


def _group(key: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    least, most, options = group.minimum_allowed, group.maximum_allowed, set(group.item_ids)
    if least < 0:
        yield CatalogRule.NEGATIVE_BOUND.at(f"{entity_path('modifierGroups', key)}.minimumAllowed", f"is {least}")
    if len(options) < least and not (group.enable_duplicate_items and options):
        message = f"{least} must be chosen, from {len(options)}, each at most once"
        yield CatalogRule.TOO_FEW_OPTIONS.at(f"{entity_path('modifierGroups', key)}.itemIds", message)
    elif not options or most == 0:
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
    if chosen.total() > group.maximum_allowed:
        message = f"{chosen.total()} are chosen by default, but maximumAllowed is {group.maximum_allowed}"
        yield CatalogRule.DEFAULTS_OUT_OF_BOUNDS.at(f"{path}.defaultItems", message)


def _tiers(path: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    offsets = [tier.offset for tier in group.tiers or ()]
    if offsets != sorted(offsets):
        message = f"the offsets are in the order {', '.join(map(str, offsets[:20]))}"
        yield CatalogRule.TIERS_UNSORTED.at(f"{path}.tiers", message)
    for index, offset in enumerate(offsets):
        if offset < 0 or (offset > 0 and offset >= group.maximum_allowed):
            message = f"the last selection is number {group.maximum_allowed - 1}, counted from 0"
            if offset < 0:
                message = f"{offset} is before the first selection, which is number 0"
            yield CatalogRule.TIER_NEVER_USED.at(f"{path}.tiers[{index}].offset", message)


# -- prices ------------------------------------------------------------------------------------------------------------


def _prices(catalog: ExternalCatalogSet, sold: set[str]) -> Iterator[Finding]:
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


def _configurations(catalog: ExternalCatalogSet, sold: set[str]) -> Iterator[Finding]:
    minimum_prices = MinimumPrices(catalog)
    for key, item in catalog.items.items():
        if item.starting_at is not None:
            yield from _starting_at(key, item, minimum_prices.price(key))
        if key in sold and item.modifier_group_ids and minimum_prices.levels(key) > MAX_MODIFIER_LEVELS:
            message = (
                f"its modifiers nest {minimum_prices.levels(key)} deep; an order can hold {MAX_MODIFIER_LEVELS} levels"
            )
            yield CatalogRule.MODIFIERS_TOO_DEEP.at(entity_path("items", key), message)


def _starting_at(key: str, item: ExternalItem, minimum: int | None) -> Iterator[Finding]:
    # An item that cannot be ordered has no minimum price; the finding for its group names the reason.
    if item.starting_at is not None and minimum is not None and to_cents(item.starting_at) < minimum:
        message = (
            f"is {item.starting_at}, but the cheapest configuration that may be ordered costs {from_cents(minimum)}"
        )
        yield CatalogRule.STARTING_AT_TOO_LOW.at(f"{entity_path('items', key)}.startingAt", message)


# -- hours, names and images -------------------------------------------------------------------------------------------


def _hours(key: str, one: ExternalCatalog) -> Iterator[Finding]:
    path = entity_path("catalogs", key)
    if not any(start < end for day in week_spans(one.availability) for start, end in day):
        message = "there are no windows" if not one.availability else "no window contains any time"
        yield CatalogRule.NEVER_OPEN.at(f"{path}.availability", message)
    days: dict[DayOfWeek, list[tuple[int, AvailabilityWindow]]] = {}
    for index, window in enumerate(one.availability or ()):
        if _end(window) <= window.start.isoformat():
            message = f"{window.day_of_week}, {window.start} to {window.end}, contains no time"
            yield CatalogRule.WINDOW_OVER_MIDNIGHT.at(f"{path}.availability[{index}]", message)
        else:
            days.setdefault(window.day_of_week, []).append((index, window))
    for windows in days.values():
        windows.sort(key=lambda pair: pair[1].start)
        latest = windows[0][1]
        for index, window in windows[1:]:
            if window.start.isoformat() < _end(latest):
                message = f"{window.day_of_week}, {window.start} to {window.end}, begins before the end of another window, {latest.end}"
                yield CatalogRule.WINDOWS_OVERLAP.at(f"{path}.availability[{index}]", message)
            latest = max(latest, window, key=_end)


def _end(window: AvailabilityWindow) -> str:
    """Return the end as a string that sorts; 00:00:00 is the end of the day."""
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
                yield CatalogRule.BLANK_NAME.at(f"{entity_path(table, key)}.name", "is blank")
    for key, item in catalog.items.items():
        if item.image_url is not None and not _HTTPS.fullmatch(item.image_url):
            path = f"{entity_path('items', key)}.imageUrl"
            yield CatalogRule.IMAGE_NOT_HTTPS.at(path, f"{quoted(item.image_url)} is not an https URL")
