"""Check of a CatalogSet against every :class:`CatalogRule`; all violations are reported at once (``gett-protocol.md §4``).

Mistakes in the bytes are reported in the same way: :func:`check_bytes` parses them so that one mistake does not hide another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from webhook_kit.catalog.bounds import bounds_findings
from webhook_kit.catalog.check_groups import group_findings
from webhook_kit.catalog.check_hours import hours_findings
from webhook_kit.catalog.check_members import UnknownMembers
from webhook_kit.catalog.check_prices import MAX_MODIFIER_LEVELS, price_findings
from webhook_kit.catalog.check_texts import text_findings
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.index import CatalogIndex
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
    index = CatalogIndex(catalog)
    beyond = list(bounds_findings(index))
    if beyond:
        return beyond
    unknown = UnknownMembers.of(index)
    sold = _sold_items(catalog)
    findings = [*integrity_findings(index), *unknown.findings, *_duplicate_references(index)]
    findings += _unreachable(index, sold, unknown.references)
    for key, group in catalog.modifier_groups.items():
        findings += group_findings(key, group)
    findings += price_findings(index, sold)
    for key, one in catalog.catalogs.items():
        findings += hours_findings(key, one)
    findings += text_findings(index)
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


def _sold_items(catalog: ExternalCatalogSet) -> set[str]:
    """Return the items that are sold on their own: in a section of a catalog."""
    sections: set[str] = set()
    items: set[str] = set()
    pending = [section_id for one in catalog.catalogs.values() for section_id in one.section_ids]
    while pending:
        section_id = pending.pop()
        section = catalog.sections.get(section_id)
        if section is not None and section_id not in sections:
            sections.add(section_id)
            items.update(section.item_ids)
            pending += section.section_ids
    return items & catalog.items.keys()


def _unreachable(index: CatalogIndex, sold: set[str], misreferred: set[str]) -> Iterator[Finding]:
    """Find what no catalog reaches, unless another finding gives the reason.

    Such reasons are a misspelled reference, a misspelled list of references, and an entity that is unreachable itself. So only
    entities to which no other one refers are told.

    :param misreferred: ids in misspelled lists of references.
    """
    if not sold:
        if not (index.dangling["sections"] or index.dangling["items"]):
            yield CatalogRule.NOTHING_ON_SALE.at("$.catalogs", "no catalog reaches any item")
        return
    for table, ids in index.referred.items():
        forgotten = (key for key in index.tables[table] if key not in ids)
        for key in _without_misspelled(forgotten, index.dangling[table]):
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


def _duplicate_references(index: CatalogIndex) -> Iterator[Finding]:
    for (table, key, member, _, ids), _ in index.repetitive:
        path = f"{entity_path(table, key)}.{member}"
        previous: set[str] = set()
        for position, reference in enumerate(ids):
            if reference in previous:
                message = f"{quoted(reference)} appears earlier in the list"
                yield CatalogRule.DUPLICATE_REFERENCE.at(f"{path}[{position}]", message)
            previous.add(reference)
