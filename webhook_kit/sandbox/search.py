"""Text search over stores and their dishes, with what matched between « and » (``gett-protocol.md §6``)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.gett.models.marketfront import DishHighlights, MatchedDish, StoreHighlights
from webhook_kit.sandbox.state import StoreRecord

__all__ = ["Match", "search", "words"]

_WORD = re.compile(r"\w+")
_DISHES = 10  # [D] as many dishes of one store are shown
# [D] What says nothing about food: natural questions are full of it.
_NOISE = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "by",
        "for",
        "from",
        "i",
        "in",
        "is",
        "me",
        "my",
        "near",
        "of",
        "on",
        "or",
        "some",
        "spot",
        "spots",
        "the",
        "to",
        "want",
        "with",
    ]
)


class Match(NamedTuple):
    """How well a store fits a query, the best first when sorted in reverse, and why."""

    score: int
    highlights: StoreHighlights
    dishes: list[MatchedDish]


def words(query: str) -> list[str]:
    """What is searched for: no case, no accents, no words that say nothing."""
    found = [_folded(word) for word in _WORD.findall(query)]
    return [word for word in found if word not in _NOISE] or found


def search(wanted: list[str], record: StoreRecord, catalog: ExternalCatalogSet | None) -> Match | None:
    """How a store fits; None when it does not.

    [D] A word matches when it begins with a wanted one, and one wanted word is enough: more only rank higher. Dishes are
    named when the store's own texts do not match.
    """
    name, name_hits = _marked(record.store.name, wanted)
    description, description_hits = _marked(record.store.description, wanted)
    _, cuisine_hits = _marked(" ".join(record.listing.cuisines), wanted)
    own = 3 * len(name_hits) + len(description_hits) + 2 * len(cuisine_hits)
    highlights = StoreHighlights(name=name, description=description)
    if own:
        return Match(own, highlights, [])
    dishes = [match for item in _on_sale(catalog) if (match := _dish(wanted, item))]
    if not dishes:
        return None
    dishes.sort(key=lambda match: -match[0])
    return Match(dishes[0][0], highlights, [dish for _, dish in dishes[:_DISHES]])


def _dish(wanted: list[str], item: ExternalItem) -> tuple[int, MatchedDish] | None:
    name, name_hits = _marked(item.name, wanted)
    description, description_hits = _marked(item.description, wanted)
    if not name_hits and not description_hits:
        return None
    shown = MatchedDish(
        item_id=item.item_id,
        name=item.name,
        base_price=item.base_price,
        description=item.description,
        image_url=item.image_url,
        highlights=DishHighlights(name=name, description=description),
    )
    return 2 * len(name_hits) + len(description_hits), shown


def _marked(text: str | None, wanted: Iterable[str]) -> tuple[str | None, set[str]]:
    """The text with every match between « and », None when there is none; and what was found of what was wanted."""
    hits: set[str] = set()

    def mark(word: re.Match[str]) -> str:
        found = [one for one in wanted if _folded(word[0]).startswith(one)]
        hits.update(found)
        return f"«{word[0]}»" if found else word[0]

    marked = _WORD.sub(mark, text or "")
    return (marked if hits else None), hits


def _on_sale(catalog: ExternalCatalogSet | None) -> list[ExternalItem]:
    """What stands in a section; options alone are no dishes."""
    if catalog is None:
        return []
    ids = dict.fromkeys(item_id for section in catalog.sections.values() for item_id in section.item_ids)
    return [catalog.items[item_id] for item_id in ids if item_id in catalog.items]


def _folded(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
