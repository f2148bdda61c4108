"""Bytes that claim to be a CatalogSet, read so that a mistake in one place hides none in another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from webhook_kit.catalog.rules import CatalogRule, Finding, entity, shown
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DefaultItem,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
    Tier,
)

__all__ = ["LARGEST", "Intake", "lenient_parse"]

LARGEST = 64_000_000
"""Bytes of a menu: several times one of 10,000 items with 40,000 options [D]."""

# Of each table the member that holds the entity's own id, as in Python, and the entity's model.
_TABLES: dict[str, tuple[str, type[Wire]]] = {
    "catalogs": ("catalog_id", ExternalCatalog),
    "sections": ("section_id", ExternalSection),
    "items": ("item_id", ExternalItem),
    "modifierGroups": ("modifier_group_id", ExternalModifierGroup),
}
_PARTS: tuple[type[Wire], ...] = (AvailabilityWindow, DefaultItem, Tier, ExternalCatalogSet)
# Members that our models would take in Python's spelling, and Gett would not.
_MISSPELT = {
    name: member.alias
    for model in (*(model for _, model in _TABLES.values()), *_PARTS)
    for name, member in model.model_fields.items()
    if member.alias is not None and member.alias != name
}
# What stands in for a member that cannot be read; no rule that looks at it is asked.
_STAND_INS = {"name": "?", "basePrice": 0, "maximumAllowed": 1}
# What still holds of an entity of which some members could not be read: rules that look at one member alone.
_STILL_TRUE = {
    CatalogRule.KEY_IS_NOT_ID,
    CatalogRule.DANGLING_REFERENCE,
    CatalogRule.DUPLICATE_REFERENCE,
    CatalogRule.SECTION_CYCLE,
    CatalogRule.MODIFIER_CYCLE,
    CatalogRule.WINDOW_OVER_MIDNIGHT,
    CatalogRule.WINDOWS_OVERLAP,
    CatalogRule.BLANK_NAME,
    CatalogRule.IMAGE_NOT_HTTPS,
}
# What is true only of a menu that was read as a whole: elsewhere the cause may be what could not be read.
_ONLY_OF_ALL = {
    CatalogRule.UNREACHABLE,
    CatalogRule.NOTHING_ON_SALE,
    CatalogRule.STARTING_AT_TOO_LOW,
    CatalogRule.NEGATIVE_OPTION_PRICE,
}
_ENTITY = re.compile(r"\$\.\w+\['(?:[^'\\]|\\.)*'\]")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@dataclass
class Intake:
    """What could be read.

    :ivar catalog: the catalog, without the members that could not be read; None when nothing could be.
    :ivar findings: what is wrong with the bytes.
    :ivar broken: paths of the entities that lost a member.
    :ivar whole: whether nothing was lost.
    """

    catalog: ExternalCatalogSet | None
    findings: list[Finding]
    broken: set[str] = field(default_factory=set)
    whole: bool = True

    def applies_to(self, finding: Finding) -> bool:
        """Whether that can be said of the catalog, considering what could not be read."""
        if self.whole:
            return True
        if finding.rule in _ONLY_OF_ALL:
            return False
        place = _ENTITY.match(finding.path)
        return finding.rule in _STILL_TRUE or place is None or place[0] not in self.broken


def lenient_parse(raw: bytes, limit: int = LARGEST) -> Intake:
    """Read what can be read.

    :param limit: more bytes than that are not read at all.
    """
    if len(raw) > limit:
        message = f"{len(raw):,} bytes; no more than {limit:,} are read"
        return Intake(None, [CatalogRule.TOO_LARGE.at("$", message)])
    catalog = None
    try:
        catalog = ExternalCatalogSet.from_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            return Intake(None, [_unreadable(first["msg"].removeprefix("Invalid JSON: "))])
    found: list[Finding] = []
    try:
        tree = json.loads(raw, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # what one JSON reader takes, and another does not
        return Intake(None, [_unreadable(str(error))])
    if not isinstance(tree, dict):
        return Intake(None, [CatalogRule.WRONG_SHAPE.at("$", "a CatalogSet is a JSON object")])
    found += _doubled(tree)
    found += _misspelt(tree)
    found += _clocks(tree)
    if catalog is not None:
        return Intake(catalog, found)
    return _mended(tree, found)


def _unreadable(message: str) -> Finding:
    rule = CatalogRule.TOO_DEEP if "recursion" in message else CatalogRule.NOT_JSON
    return rule.at("$", message)


def _mended(tree: dict[str, Any], found: list[Finding]) -> Intake:
    """The catalog of an object that is no CatalogSet, entity by entity; each of them loses what is wrong with it."""
    intake = Intake(None, found, whole=False)
    tables: dict[str, dict[str, Wire]] = {}
    for table, (id_member, model) in _TABLES.items():
        entities = tree.get(table, {})
        tables[table] = {}
        if not isinstance(entities, dict):
            found.append(CatalogRule.WRONG_SHAPE.at(f"$.{table}", "is no object of entities by id"))
            continue
        for key, value in entities.items():
            path = entity(table, key)
            tables[table][key], mistakes = _entity(model, id_member, key, value, path)
            if mistakes:
                found += mistakes
                intake.broken.add(path)
    for member in ("catalogSetId", "storeId"):
        if not isinstance(tree.get(member), str | None):
            found.append(CatalogRule.WRONG_SHAPE.at(f"$.{member}", "is no text"))
    # The entities are read already, and an id that stands in for a wrong one would not be read again.
    intake.catalog = ExternalCatalogSet()
    for table, entities in tables.items():
        setattr(intake.catalog, to_snake(table), entities)
    return intake


def _entity(model: type[Wire], id_member: str, key: str, value: object, path: str) -> tuple[Wire, list[Finding]]:
    """The entity without the members that are wrong, and what is wrong with them."""
    try:
        return model.from_json(json.dumps(value)), []
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    found = [CatalogRule.WRONG_SHAPE.at(path + _steps(one["loc"]), _said(one["type"], one["msg"])) for one in mistakes]
    wrong = {str(one["loc"][0]) for one in mistakes if one["loc"]}
    members = value if isinstance(value, dict) else {}
    own_id = to_camel(id_member)
    mended = model.from_json(
        json.dumps({**_STAND_INS, own_id: "?"} | {name: right for name, right in members.items() if name not in wrong})
    )
    if own_id in wrong or own_id not in members:
        setattr(mended, id_member, key)
    return mended, found


def _steps(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)


def _said(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "is_instance_of":  # money that is neither a number nor text
        return "should be a number"
    return message.removeprefix("Value error, ").replace("Input should", "should")


# -- what a parsed object no longer shows ------------------------------------------------------------------------------


class _Doubled(dict[str, Any]):
    """An object some of whose keys stood there twice; the last value is kept, as by most readers."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.twice = {key for key, _ in pairs if key in seen or seen.add(key)}  # type: ignore[func-returns-value]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Doubled(pairs)


def _doubled(tree: dict[str, Any]) -> Iterator[Finding]:
    waiting: list[tuple[str, object]] = [("$", tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, list):
            waiting += [(f"{path}[{n}]", inner) for n, inner in enumerate(node) if isinstance(inner, dict | list)]
            continue
        if isinstance(node, _Doubled):
            for key in sorted(node.twice):
                yield CatalogRule.DUPLICATE_KEY.at(path, f"the key {shown(key)} stands here twice")
        assert isinstance(node, dict)
        for key, inner in node.items():
            if isinstance(inner, dict | list):
                step = entity(path[2:], key) if path in _TABLE_PATHS else f"{path}.{key}"
                waiting.append((step, inner))


_TABLE_PATHS = {f"$.{table}" for table in _TABLES}


def _misspelt(tree: dict[str, Any]) -> Iterator[Finding]:
    yield from _misspelt_in("$", tree)
    for table in _TABLES:
        entities = tree.get(table)
        for key, one in entities.items() if isinstance(entities, dict) else ():
            if not isinstance(one, dict):
                continue
            yield from _misspelt_in(entity(table, key), one)
            for member in ("availability", "defaultItems", "tiers"):
                parts = one.get(member)
                for index, part in enumerate(parts if isinstance(parts, list) else ()):
                    if isinstance(part, dict):
                        yield from _misspelt_in(f"{entity(table, key)}.{member}[{index}]", part)


def _misspelt_in(path: str, members: dict[str, Any]) -> Iterator[Finding]:
    if not _MISSPELT.keys().isdisjoint(members):
        for name in _MISSPELT.keys() & members.keys():
            yield CatalogRule.WRONG_SHAPE.at(f"{path}.{name}", f"is written {_MISSPELT[name]}")


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _clocks(tree: dict[str, Any]) -> Iterator[Finding]:
    """Times that are understood, but not written as the protocol has them."""
    catalogs = tree.get("catalogs")
    for key, one in catalogs.items() if isinstance(catalogs, dict) else ():
        windows = one.get("availability") if isinstance(one, dict) else None
        for index, window in enumerate(windows if isinstance(windows, list) else ()):
            for member in ("start", "end") if isinstance(window, dict) else ():
                text = window.get(member)
                if isinstance(text, str) and not _CLOCK.fullmatch(text):
                    path = f"{entity('catalogs', key)}.availability[{index}].{member}"
                    yield CatalogRule.CLOCK_FORMAT.at(path, f"is {shown(text)}")
