"""Check of a CatalogSet against every :class:`CatalogRule`; all violations are reported at once (``gett-protocol.md §4``).

Mistakes in the bytes are reported in the same way: :func:`check_bytes` parses them so that one mistake does not hide another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from itertools import chain

from webhook_kit.catalog.bounds import bounds_findings
from webhook_kit.catalog.check_groups import group_findings
from webhook_kit.catalog.check_hours import hours_findings
from webhook_kit.catalog.check_members import UnknownMembers
from webhook_kit.catalog.check_prices import MAX_MODIFIER_LEVELS, price_findings
from webhook_kit.catalog.check_texts import text_findings
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.integrity import integrity_findings
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES, lenient_parse
from webhook_kit.catalog.rules import CatalogRule, Finding, Severity, entity_path, quoted
from webhook_kit.gett.models.catalog import ExternalCatalogSet

__all__ = ["MAX_MODIFIER_LEVELS", "CatalogRule", "Finding", "Severity", "check", "check_bytes"]

_MOST_COMPARISONS = 1_000
_LONGEST_ID = 40


@gc_paused
def check(catalog: ExternalCatalogSet) -> list[Finding]:
    """Return a finding for every violation of a rule; of a catalog beyond its bounds these alone."""
    beyond = list(bounds_findings(catalog))
    if beyond:
        return beyond
    unknown = UnknownMembers.of(catalog)
    findings = [*integrity_findings(catalog), *unknown.findings]
    sold, reachable = _reachable(catalog)
    findings += _duplicate_references(catalog)
    findings += _unreachable(catalog, sold, reachable, unknown.references)
    for key, group in catalog.modifier_groups.items():
        findings += group_findings(key, group)
    findings += price_findings(catalog, sold)
    for key, one in catalog.catalogs.items():
        findings += hours_findings(key, one)
    findings += text_findings(catalog)
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


def _unreachable(
    catalog: ExternalCatalogSet, sold: set[str], reachable: Mapping[str, set[str]], misreferred: set[str]
) -> Iterator[Finding]:
    """Find what no catalog reaches, unless another finding gives the reason.

    Such reasons are a misspelled reference, a misspelled list of references, and an entity that is unreachable itself.

    :param misreferred: ids in misspelled lists of references.
    """
    referred = _references(catalog)
    dangling = {table: ids - _table(catalog, table).keys() for table, ids in referred.items()}
    if not sold:
        if not (dangling["sections"] or dangling["items"]):
            yield CatalogRule.NOTHING_ON_SALE.at("$.catalogs", "no catalog reaches any item")
        return
    for table, ids in referred.items():
        forgotten = (key for key in _table(catalog, table) if key not in reachable[table] and key not in ids)
        for key in _without_misspelled(forgotten, dangling[table]):
            if key not in misreferred:
                yield CatalogRule.UNREACHABLE.at(entity_path(table, key), "no catalog reaches it")


def _without_misspelled(keys: Iterable[str], dangling: AbstractSet[str]) -> Iterator[str]:
    """Yield the keys of which no dangling reference is a misspelling; beyond a number of comparisons, all of them."""
    candidates = [one for one in dangling if len(one) <= _LONGEST_ID]
    comparisons = 0
    for key in keys:
        comparisons += len(candidates)
        if comparisons > _MOST_COMPARISONS or not get_close_matches(key[:_LONGEST_ID], candidates, n=1, cutoff=0.8):
            yield key


def _references(catalog: ExternalCatalogSet) -> dict[str, set[str]]:
    """Return all ids that are referred to, by table."""
    sections = catalog.sections.values()
    return {
        "sections": _joined(one.section_ids for one in catalog.catalogs.values())
        | _joined(one.section_ids for one in sections),
        "items": _joined(one.item_ids for one in sections)
        | _joined(group.item_ids for group in catalog.modifier_groups.values()),
        "modifierGroups": _joined(item.modifier_group_ids for item in catalog.items.values()),
    }


def _joined(lists: Iterable[Sequence[str]]) -> set[str]:
    return set(chain.from_iterable(lists))


def _table(catalog: ExternalCatalogSet, table: str) -> Mapping[str, object]:
    tables: dict[str, Mapping[str, object]] = {
        "sections": catalog.sections,
        "items": catalog.items,
        "modifierGroups": catalog.modifier_groups,
    }
    return tables[table]


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
