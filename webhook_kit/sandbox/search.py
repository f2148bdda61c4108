"""Text search over stores and their items, with matches between « and » (``gett-protocol.md §6``)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.gett.models.marketfront import DishHighlights, MatchedDish, StoreHighlights
from webhook_kit.sandbox.state import StoreRecord

__all__ = ["Match", "query_words", "search"]

_WORD = re.compile(r"\w+")
_MAX_ITEMS = 10  # [D] matched items shown of one store
# [D] Common words of a natural question that do not describe food.
_STOP_WORDS = frozenset(
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
    """Score of a store for a query (a higher one is better), its highlights and its matched items."""

    score: int
    highlights: StoreHighlights
    items: list[MatchedDish]


def query_words(query: str) -> list[str]:
    """Return the words of a query, folded, without stop words unless it has no others."""
    folded = [_fold(word) for word in _WORD.findall(query)]
    return [word for word in folded if word not in _STOP_WORDS] or folded


def search(query: list[str], record: StoreRecord, catalog: ExternalCatalogSet | None) -> Match | None:
    """Return the match of a store; None if it does not match.

    [D] A word of a text matches if it begins with a word of the query. One match is enough; more give a higher score. Items
    are searched only if the store's own texts do not match.
    """
    name, name_hits = _highlight(record.store.name, query)
    description, description_hits = _highlight(record.store.description, query)
    _, cuisine_hits = _highlight(" ".join(record.listing.cuisines), query)
    own = 3 * len(name_hits) + len(description_hits) + 2 * len(cuisine_hits)
    highlights = StoreHighlights(name=name, description=description)
    if own:
        return Match(own, highlights, [])
    items = [match for item in _items_in_sections(catalog) if (match := _match_item(query, item))]
    if not items:
        return None
    items.sort(key=lambda match: -match[0])
    return Match(items[0][0], highlights, [item for _, item in items[:_MAX_ITEMS]])


def _match_item(query: list[str], item: ExternalItem) -> tuple[int, MatchedDish] | None:
    name, name_hits = _highlight(item.name, query)
    description, description_hits = _highlight(item.description, query)
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


def _highlight(text: str | None, query: Iterable[str]) -> tuple[str | None, set[str]]:
    """Return the text with each match between « and » (None without a match), and the matched words of the query."""
    hits: set[str] = set()

    def highlight(word: re.Match[str]) -> str:
        matched = [one for one in query if _fold(word[0]).startswith(one)]
        hits.update(matched)
        return f"«{word[0]}»" if matched else word[0]

    marked = _WORD.sub(highlight, text or "")
    return (marked if hits else None), hits


def _items_in_sections(catalog: ExternalCatalogSet | None) -> list[ExternalItem]:
    """Return the items of all sections, without items that are only options."""
    if catalog is None:
        return []
    ids = dict.fromkeys(item_id for section in catalog.sections.values() for item_id in section.item_ids)
    return [catalog.items[item_id] for item_id in ids if item_id in catalog.items]


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
