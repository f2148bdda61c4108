"""Rules of names, descriptions and pictures: that which customers see (``gett-protocol.md §4``)."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted

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


def text_findings(index: CatalogIndex) -> Iterator[Finding]:
    """Yield the violations of all names, descriptions and pictures."""
    faulty = {name for name in index.names if not name or name.isspace() or not _is_plain(name)}
    for table, entities in index.tables.items() if faulty else ():
        for key, one in entities.items():
            if one.name in faulty:
                yield from _name(table, key, one.name)
    for key, item in index.catalog.items.items():
        if item.description and not _is_plain(item.description):
            yield from _text("items", key, "description", item.description)
        if item.image_url is not None and not _HTTPS.fullmatch(item.image_url):
            path = f"{entity_path('items', key)}.imageUrl"
            yield CatalogRule.IMAGE_NOT_HTTPS.at(path, f"{quoted(item.image_url)} is not an https URL")
    yield from _equal_names(index)


def _is_plain(text: str) -> bool:
    """Return True if no rule can concern any character of a text, as in most texts."""
    return text.isprintable() and "<" not in text and "&" not in text and "\ufffd" not in text


def _name(table: str, key: str, name: str) -> Iterator[Finding]:
    if not name or name.isspace():
        yield CatalogRule.BLANK_NAME.at(f"{entity_path(table, key)}.name", "is blank")
    else:
        yield from _text(table, key, "name", name)


def _text(table: str, key: str, member: str, text: str) -> Iterator[Finding]:
    if ("<" in text or "&" in text) and (markup := _markup(text)):
        message = f"contains {quoted(markup)}, which customers would see as it is"
        yield CatalogRule.MARKUP_IN_TEXT.at(f"{entity_path(table, key)}.{member}", message)
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
    return next((one[0] for one in _ENTITY.finditer(text) if _is_entity(one[0])), None)


@lru_cache(maxsize=1_000)
def _is_entity(text: str) -> bool:
    return html.unescape(text) != text


# -- equal names -------------------------------------------------------------------------------------------------------


def _equal_names(index: CatalogIndex) -> Iterator[Finding]:
    """Find equal names side by side; two entities that are side by side in several places are reported once."""
    told: set[tuple[str, ...]] = set()
    for (table, key, member, target, ids), names in index.repetitive:
        first: dict[str, str] = {}
        for position, (name, reference) in enumerate(zip(names, ids, strict=True)):
            other = first.setdefault(name, reference)
            pair = tuple(sorted((other, reference)))
            if name and other != reference and (member, *pair) not in told:
                told.add((member, *pair))
                path = f"{entity_path(table, key)}.{member}[{position}]" if table else entity_path(member, reference)
                shown = quoted(index.tables[target][reference].name)
                message = f"{quoted(reference)} has the same name as {quoted(other)}: {shown}"
                yield CatalogRule.EQUAL_NAMES.at(path, message)
