"""Parse bytes as a CatalogSet entity by entity, so that a mistake in one place does not hide another one elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake

from webhook_kit.catalog.check_members import advice, intended_member
from webhook_kit.catalog.recognition import not_a_catalog
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, printable, quoted
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
from webhook_kit.gett.models.money import without_noise

__all__ = ["MAX_CATALOG_BYTES", "ParsedCatalog", "lenient_parse"]

MAX_CATALOG_BYTES = 64_000_000
"""Limit of a catalog's size: several times one of 10,000 items with 40,000 options [D]."""

# By table: the Python name of the member that holds the entity's id, and the entity's model.
_TABLES: dict[str, tuple[str, type[Wire]]] = {
    "catalogs": ("catalog_id", ExternalCatalog),
    "sections": ("section_id", ExternalSection),
    "items": ("item_id", ExternalItem),
    "modifierGroups": ("modifier_group_id", ExternalModifierGroup),
}
_PART_MODELS: dict[str, type[Wire]] = {"availability": AvailabilityWindow, "defaultItems": DefaultItem, "tiers": Tier}
_MODELS: list[type[Wire]] = [ExternalCatalogSet, *(model for _, model in _TABLES.values()), *_PART_MODELS.values()]
# Python name → name in JSON. Our models also accept the Python names; Gett does not.
_JSON_NAMES = {
    name: member.alias
    for model in _MODELS
    for name, member in model.model_fields.items()
    if member.alias is not None and member.alias != name
}
_SET_MEMBERS = {name for key, one in ExternalCatalogSet.model_fields.items() for name in (key, one.alias)}
_PRICES = {"basePrice", "compareAt", "startingAt", "price"}
_NULL_BOUND = {"minimumAllowed": "no minimum is 0", "maximumAllowed": "the protocol has no sign for no limit"}
_MOST_NAMES = 20
_MOST_COMPARED = 1_000
# Values for required members that could not be parsed; rules that depend on these members are not applied.
_PLACEHOLDERS = {"name": "?", "basePrice": 0, "maximumAllowed": 1}
# Rules that depend on one member alone, so they also apply to an entity of which other members could not be parsed.
_SINGLE_MEMBER_RULES = {
    CatalogRule.KEY_IS_NOT_ID,
    CatalogRule.DANGLING_REFERENCE,
    CatalogRule.DUPLICATE_REFERENCE,
    CatalogRule.SECTION_CYCLE,
    CatalogRule.MODIFIER_CYCLE,
    CatalogRule.WINDOW_OVER_MIDNIGHT,
    CatalogRule.WINDOWS_OVERLAP,
    CatalogRule.EMPTY_WINDOW,
    CatalogRule.ENDS_BEFORE_MIDNIGHT,
    CatalogRule.BLANK_NAME,
    CatalogRule.MARKUP_IN_TEXT,
    CatalogRule.CONTROL_CHARACTER,
    CatalogRule.EQUAL_NAMES,
    CatalogRule.MISSPELLED_MEMBER,
    CatalogRule.FOREIGN_MEMBER,
    CatalogRule.IMAGE_NOT_HTTPS,
}
# Rules that apply only to a catalog that was parsed completely: else the part that was not parsed may be the cause.
_WHOLE_CATALOG_RULES = {
    CatalogRule.UNREACHABLE,
    CatalogRule.NOTHING_ON_SALE,
    CatalogRule.STARTING_AT_TOO_LOW,
    CatalogRule.NEGATIVE_OPTION_PRICE,
    CatalogRule.PRICE_IN_CENTS,
}
_ENTITY = re.compile(r"\$\.\w+\['(?:[^'\\]|\\.)*'\]")
_END_OF_DAY = re.compile(r"24:00(:00(\.0+)?)?")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@dataclass
class ParsedCatalog:
    """Result of a lenient parse.

    :ivar catalog: the catalog without the members that could not be parsed; None when nothing could be parsed.
    :ivar findings: mistakes in the bytes.
    :ivar incomplete: paths of the entities of which a member could not be parsed.
    :ivar complete: True if everything could be parsed.
    """

    catalog: ExternalCatalogSet | None
    findings: list[Finding]
    incomplete: set[str] = field(default_factory=set)
    complete: bool = True

    def applies_to(self, finding: Finding) -> bool:
        """Return True if a finding is certain in spite of the parts that could not be parsed."""
        if self.complete:
            return True
        if finding.rule in _WHOLE_CATALOG_RULES:
            return False
        entity = _ENTITY.match(finding.path)
        return finding.rule in _SINGLE_MEMBER_RULES or entity is None or entity[0] not in self.incomplete


def lenient_parse(raw: bytes, limit: int = MAX_CATALOG_BYTES) -> ParsedCatalog:
    """Parse as much of a catalog as possible.

    :param limit: bytes longer than that are not parsed at all.
    """
    if len(raw) > limit:
        message = f"{len(raw):,} bytes; the limit is {limit:,}"
        return ParsedCatalog(None, [CatalogRule.TOO_LARGE.at("$", message)])
    catalog = None
    try:
        catalog = ExternalCatalogSet.from_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            return ParsedCatalog(None, [_json_error(first["msg"].removeprefix("Invalid JSON: "))])
    try:
        tree = json.loads(raw, object_pairs_hook=_object, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:  # pydantic's JSON parser accepts some input that Python's rejects
        return ParsedCatalog(None, [_json_error(str(error))])
    if (finding := not_a_catalog(tree)) is not None:
        return ParsedCatalog(None, [finding])
    findings = [*_duplicate_keys(tree), *_python_names(tree), *_clock_formats(tree), *_rounded_prices(tree)]
    if catalog is not None:
        return ParsedCatalog(catalog, findings)
    return _parse_tables(tree, findings)


def _json_error(message: str) -> Finding:
    rule = CatalogRule.TOO_DEEP if "recursion" in message else CatalogRule.NOT_JSON
    return rule.at("$", message)


def _parse_tables(tree: dict[str, Any], findings: list[Finding]) -> ParsedCatalog:
    """Parse entity by entity an object that is not a valid CatalogSet; leave out the invalid members."""
    result = ParsedCatalog(None, findings, complete=False)
    tables: dict[str, dict[str, Wire]] = {}
    for table, (id_member, model) in _TABLES.items():
        entities = tree.get(table, {})
        tables[table] = {}
        if not isinstance(entities, dict):
            findings.append(CatalogRule.WRONG_SHAPE.at(f"$.{table}", "should be an object of entities by id"))
            continue
        for key, value in entities.items():
            path = entity_path(table, key)
            compare = len(findings) < _MOST_COMPARED
            tables[table][key], mistakes = _parse_entity(model, id_member, key, value, path, compare=compare)
            if mistakes:
                findings += mistakes
                result.incomplete.add(path)
    for member in ("catalogSetId", "storeId"):
        if not isinstance(tree.get(member), str | None):
            findings.append(CatalogRule.WRONG_SHAPE.at(f"$.{member}", "should be a string"))
    told = {finding.path for finding in findings if finding.rule is CatalogRule.WRONG_SHAPE}
    findings[:] = [one for one in findings if one.rule is not CatalogRule.CLOCK_FORMAT or one.path not in told]
    # The entities are set without validation: an id that replaces an invalid one would not pass it.
    result.catalog = ExternalCatalogSet(**{name: value for name, value in tree.items() if name not in _SET_MEMBERS})
    for table, entities in tables.items():
        setattr(result.catalog, to_snake(table), entities)
    return result


def _parse_entity(
    model: type[Wire], id_member: str, key: str, value: object, path: str, *, compare: bool
) -> tuple[Wire, list[Finding]]:
    """Return the entity without its invalid members, and a finding for each of them.

    :param compare: look for what may be meant in place of a missing member, which is slow.
    """
    try:
        return model.from_json(json.dumps(value)), []
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False)
    findings = []
    used_names: set[str] = set()
    for one in mistakes:
        message = _message(one["type"], one["msg"], one["input"])
        if one["type"] == "missing" and compare:
            names = _names_in_place_of(model, one["loc"], one["input"])
            message += f"; is it {' or '.join(map(quoted, names))}?" if names else ""
            used_names.update(names)
        elif one["loc"] in (("minimumAllowed",), ("maximumAllowed",)) and one["input"] is None:
            message += ", not null: " + _NULL_BOUND[str(one["loc"][0])]
        findings.append(CatalogRule.WRONG_SHAPE.at(path + _json_path(one["loc"]), message))
    invalid = {str(one["loc"][0]) for one in mistakes if one["loc"]} | used_names
    invalid |= {_JSON_NAMES.get(name, name) for name in invalid}
    members = value if isinstance(value, dict) else {}
    json_id = to_camel(id_member)
    # The model accepts a Python name too, so an invalid member is left out under both of its names.
    valid = {name: member for name, member in members.items() if _JSON_NAMES.get(name, name) not in invalid}
    entity = model.from_json(json.dumps({**_PLACEHOLDERS, json_id: "?"} | valid))
    if json_id in invalid or json_id not in members:
        setattr(entity, id_member, key)
    return entity, findings


def _names_in_place_of(model: type[Wire], location: tuple[int | str, ...], members: object) -> list[str]:
    """Return the unknown members that probably say under another name what a missing member should."""
    model = model if len(location) == 1 else _PART_MODELS[str(location[0])]
    known = {member.alias for member in model.model_fields.values()}
    names = [name for name in islice(members, _MOST_NAMES) if name not in known] if isinstance(members, dict) else []
    return [
        name
        for name in names
        if location[-1] in re.findall(r"\w+", advice(model, name) or intended_member(model, name) or "")
    ]


def _json_path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{printable(step[:255])}" for step in location)


def _message(error_type: str, message: str, value: object) -> str:
    if error_type == "missing":
        return "is missing"
    if error_type == "is_instance_of":  # an amount of money that is neither a number nor a string
        return "should be a number"
    if error_type == "time_parsing" and isinstance(value, str):
        if _END_OF_DAY.fullmatch(value):
            return f"{quoted(value)} is not a time; the end of the day is 00:00:00"
        return f"{quoted(value)} is not a time; the format is HH:mm:ss, from 00:00:00 to 23:59:59"
    return message.removeprefix("Value error, ").replace("Input should", "should")


# -- mistakes that are not visible in a parsed model -------------------------------------------------------------------


class _ObjectWithDuplicates(dict[str, Any]):
    """A JSON object with duplicate keys; the last value is kept, as in most parsers."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys: set[str] = set()
        self.duplicates = {key for key, _ in pairs if key in keys or keys.add(key)}  # type: ignore[func-returns-value]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _ObjectWithDuplicates(pairs)


def _duplicate_keys(tree: dict[str, Any]) -> Iterator[Finding]:
    # A place is the place around it and one step; paths are made only of the places that are reported, for they can be long.
    pending: list[tuple[_Place, object]] = [(None, tree)]
    while pending:
        place, node = pending.pop()
        if isinstance(node, _ObjectWithDuplicates):
            for key in sorted(node.duplicates):
                message = f"the key {quoted(key)} appears more than once"
                yield CatalogRule.DUPLICATE_KEY.at(_path_of(place), message)
        inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        pending += [((place, step), value) for step, value in inner if isinstance(value, dict | list)]


_Place: TypeAlias = "tuple[_Place, str | int] | None"


def _path_of(place: _Place) -> str:
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.insert(0, step)
    if len(steps) > 1 and steps[0] in _TABLES and isinstance(steps[1], str):
        return entity_path(str(steps[0]), steps[1]) + _json_path(tuple(steps[2:]))
    return "$" + _json_path(tuple(steps))


def _objects(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of the CatalogSet's own shape with its path: the set, its entities and their parts."""
    yield "$", tree
    for table in _TABLES:
        entities = tree.get(table)
        for key, one in entities.items() if isinstance(entities, dict) else ():
            if not isinstance(one, dict):
                continue
            path = entity_path(table, key)
            yield path, one
            for member in _PART_MODELS.keys() & one.keys():
                parts = one[member]
                for index, part in enumerate(parts if isinstance(parts, list) else ()):
                    if isinstance(part, dict):
                        yield f"{path}.{member}[{index}]", part


def _python_names(tree: dict[str, Any]) -> Iterator[Finding]:
    """Find members with their Python name (``base_price`` instead of ``basePrice``)."""
    for path, members in _objects(tree):
        for name in _JSON_NAMES.keys() & members.keys():
            yield CatalogRule.WRONG_SHAPE.at(f"{path}.{name}", f"should be named {_JSON_NAMES[name]}")


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a valid JSON number")


def _clock_formats(tree: dict[str, Any]) -> Iterator[Finding]:
    """Find times that the models accept although they are not in the protocol's format."""
    catalogs = tree.get("catalogs")
    for key, one in catalogs.items() if isinstance(catalogs, dict) else ():
        windows = one.get("availability") if isinstance(one, dict) else None
        for index, window in enumerate(windows if isinstance(windows, list) else ()):
            for member in ("start", "end") if isinstance(window, dict) else ():
                text = window.get(member)
                if isinstance(text, str) and not _CLOCK.fullmatch(text):
                    path = f"{entity_path('catalogs', key)}.availability[{index}].{member}"
                    yield CatalogRule.CLOCK_FORMAT.at(path, f"is {quoted(text)}")


def _rounded_prices(tree: dict[str, Any]) -> Iterator[Finding]:
    """Find prices that the models round (:func:`~webhook_kit.gett.models.money.without_noise`)."""
    for path, members in _objects(tree):
        for name in _PRICES & members.keys():
            value = members[name]
            # A number with at most two decimals is its own rounding; all others are compared as decimal numbers.
            if isinstance(value, float) and abs(value) < 1e10 and value != round(value, 2):
                amount = Decimal(repr(value))
                if (rounded := without_noise(amount)) != amount:
                    yield CatalogRule.ROUNDED_PRICE.at(f"{path}.{name}", f"{value} is read as {rounded}")
