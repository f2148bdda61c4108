"""Rules of names, descriptions and pictures: that which customers see (``gett-protocol.md §4``)."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.catalog import (
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

__all__ = ["CONTROL_CHARACTERS", "text_findings"]

_HTTPS = re.compile(r"https://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d+)?([/?#]\S*)?")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")
_ENTITY = re.compile(r"&#?\w{1,32};")
CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # control characters
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    r"\u200b\u2028\u2029\u2060\ufeff\ufff9-\ufffb"  # invisible characters and separators; not the joiners of emoji
    r"\ufffd]"  # in the place of what could not be decoded
)
"""Characters that do not belong into a text on one line."""

_Named: TypeAlias = ExternalCatalog | ExternalSection | ExternalItem | ExternalModifierGroup


def text_findings(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    """Yield the violations of all names, descriptions and pictures."""
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
            else:
                yield from _text(table, key, "name", one.name)
    for key, item in catalog.items.items():
        if item.description:
            yield from _text("items", key, "description", item.description)
        if item.image_url is not None and not _HTTPS.fullmatch(item.image_url):
            path = f"{entity_path('items', key)}.imageUrl"
            yield CatalogRule.IMAGE_NOT_HTTPS.at(path, f"{quoted(item.image_url)} is not an https URL")
    yield from _equal_names(catalog)


def _text(table: str, key: str, member: str, text: str) -> Iterator[Finding]:
    if ("<" in text or "&" in text) and (markup := _markup(text)):
        message = f"contains {quoted(markup)}, which customers would see as it is"
        yield CatalogRule.MARKUP_IN_TEXT.at(f"{entity_path(table, key)}.{member}", message)
    if text.isascii() and text.isprintable():
        return
    # A description may have several lines.
    lines = re.split(r"\r\n|[\r\n\t]", text) if member == "description" else [text]
    if found := next(filter(None, map(CONTROL_CHARACTERS.search, lines)), None):
        character = found[0]
        name = unicodedata.name(character, "control character").lower()
        path = f"{entity_path(table, key)}.{member}"
        yield CatalogRule.CONTROL_CHARACTER.at(path, f"contains U+{ord(character):04X} ({name})")


def _markup(text: str) -> str | None:
    tag = _TAG.search(text)
    if tag:
        return tag[0]
    return next((one[0] for one in _ENTITY.finditer(text) if html.unescape(one[0]) != one[0]), None)


# -- equal names -------------------------------------------------------------------------------------------------------


def _equal_names(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    """Find equal names side by side; two entities that are side by side in several places are reported once."""
    told: set[tuple[str, ...]] = set()
    for table, key, member, references, entities in _lists(catalog):
        if len(references) < 2:
            continue
        first: dict[str, str] = {}
        for index, reference in enumerate(references):
            name = _folded(entities[reference].name) if reference in entities else ""
            other = first.setdefault(name, reference)
            pair = tuple(sorted((other, reference)))
            if name and other != reference and (member, *pair) not in told:
                told.add((member, *pair))
                path = f"{entity_path(table, key)}.{member}[{index}]" if table else entity_path(member, reference)
                message = (
                    f"{quoted(reference)} has the same name as {quoted(other)}: {quoted(entities[reference].name)}"
                )
                yield CatalogRule.EQUAL_NAMES.at(path, message)


def _lists(catalog: ExternalCatalogSet) -> Iterable[tuple[str, str, str, Sequence[str], Mapping[str, _Named]]]:
    """Yield each list of references with table and key of its entity, its member and the table to which it refers."""
    yield "", "", "catalogs", list(catalog.catalogs), catalog.catalogs
    for key, one in catalog.catalogs.items():
        yield "catalogs", key, "sectionIds", one.section_ids, catalog.sections
    for key, section in catalog.sections.items():
        yield "sections", key, "sectionIds", section.section_ids, catalog.sections
        yield "sections", key, "itemIds", section.item_ids, catalog.items
    for key, group in catalog.modifier_groups.items():
        yield "modifierGroups", key, "itemIds", group.item_ids, catalog.items
    for key, item in catalog.items.items():
        yield "items", key, "modifierGroupIds", item.modifier_group_ids, catalog.modifier_groups


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
