"""Recognition of a document that is not a CatalogSet at all: another system's export, or a CatalogSet inside something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from webhook_kit.catalog.rules import CatalogRule, Finding, printable, quoted

__all__ = ["TABLES", "not_a_catalog"]

TABLES = ("catalogs", "sections", "items", "modifierGroups")
_EXPECTED = f"expected an object with the tables {', '.join(TABLES[:-1])} and {TABLES[-1]}"
_MOST_NAMES = 8
_MOST_CHILDREN = 100


def not_a_catalog(document: object) -> Finding | None:
    """Return a finding that says what the document is; None when it has a table of a CatalogSet, or the names of two."""
    if _tables(document) or (isinstance(document, dict) and sum(table in document for table in TABLES) > 1):
        return None
    return CatalogRule.NOT_A_CATALOG.at("$", f"found {_description(document)}; {_EXPECTED}")


def _tables(value: object) -> int:
    return sum(isinstance(value.get(table), dict) for table in TABLES) if isinstance(value, dict) else 0


def _description(document: object) -> str:
    if path := _path_of_inner_catalog("$", document, levels=2):
        return f"a CatalogSet inside {path}, not as the document itself"
    if isinstance(document, dict):
        for name, recognizes in _SYSTEMS.items():
            if recognizes(document):
                return f"{name} ({_members(document)})"
        return f"an object {_members(document)}" if document else "an empty object"
    if isinstance(document, list):
        return f"a list of {len(document):,} values"
    if isinstance(document, str):
        return f"the text {quoted(document)}"
    return "null" if document is None else "a boolean" if isinstance(document, bool) else "a number"


def _members(document: Mapping[str, Any]) -> str:
    names = ", ".join(printable(name[:40]) for name in islice(document, _MOST_NAMES))
    more = f" and {len(document) - _MOST_NAMES:,} more" if len(document) > _MOST_NAMES else ""
    return f"with the members {names}{more}"


def _path_of_inner_catalog(path: str, value: object, levels: int) -> str | None:
    """Return the path of a CatalogSet a few levels inside a value."""
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        children = [(f"{path}.{printable(key[:40])}", child) for key, child in islice(value.items(), _MOST_CHILDREN)]
    elif isinstance(value, list):
        children = [(f"{path}[{index}]", child) for index, child in enumerate(value[:_MOST_CHILDREN])]
    for child_path, child in children:
        if _tables(child) >= 2:
            return child_path
    if levels > 1:
        for child_path, child in children:
            if found := _path_of_inner_catalog(child_path, child, levels - 1):
                return found
    return None


def _first_object(value: object) -> Mapping[str, Any]:
    """Return the first element of a list of objects."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}


_SYSTEMS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "a menu of schema.org": lambda document: bool({"@type", "@context", "hasMenuSection"} & document.keys()),
    "a catalog of Square": lambda document: any(
        {"type", "id"} <= _first_object(document.get(name)).keys() for name in ("objects", "items", "related_objects")
    ),
    "a menu of Toast": lambda document: bool(
        {"menuGroups", "restaurantGuid", "modifierGroupReferences"}
        & (document.keys() | _first_object(document.get("menus")).keys())
    ),
    "a menu of Uber Eats": lambda document: "menus" in document and bool(
        {"categories", "modifier_groups"} & document.keys()
    ),
    "an inventory of Clover": lambda document: "elements" in document,
    "a problem document, an error answer of a server": lambda document: {"title", "status"} <= document.keys()
    or "error" in document
    or "errors" in document,
}  # fmt: skip
