"""Assignments to a place in a JSON document, as a person types them: ``cart.lineItems[0].quantity=2``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["assign", "value_of"]

_PART = re.compile(r"\.?([^.\[\]=]+)|\[(\d{1,6})\]")
_LISTED = 20
"""Members that an error message lists at most."""


def assign(document: Any, assignment: str, schema: Mapping[str, Any]) -> None:
    """Set one place of a document.

    :param assignment: ``path=value``; the value is JSON, else text. The path may begin with ``$.``.
    :param schema: the document's JSON Schema. A member that it has may be missing in the document; an entry of a list may not.
    :raises BadParameter: there is no such place; the message names the part that does not exist.
    """
    path, equals, text = assignment.partition("=")
    parts = _parse(path) if equals else None
    if not parts:
        raise _mistake(f"{assignment!r} is not valid; write PATH=VALUE, such as cart.lineItems[0].quantity=2")
    value, node, place = value_of(path, text), document, ""
    definitions = schema.get("$defs", {})
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        schema = _resolved(schema, definitions)
        place = _require(node, part, schema, place, path)
        schema = _inner(schema, part)
        if following is None:
            node[part] = value
        elif isinstance(node, dict) and node.get(part) is None:
            node[part] = [] if isinstance(following, int) else {}
        node = node[part]


def value_of(name: str, text: str) -> Any:
    """Return a value that a person typed: JSON, else the text itself.

    :raises BadParameter: it is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise _mistake(f"{name}: is nested too deeply") from None
    except ValueError:
        return text


def _parse(path: str) -> list[str | int]:
    parts, rest = [], path.removeprefix("$").removeprefix(".")
    while rest:
        if (match := _PART.match(rest)) is None:
            return []
        parts.append(match[1] if match[2] is None else int(match[2]))
        rest = rest[match.end() :]
    return parts


def _require(node: Any, part: str | int, schema: Mapping[str, Any], place: str, path: str) -> str:
    """Return the path of a part that exists, or may exist, in a node.

    :raises BadParameter: it does not.
    """
    here = place or "the document"
    if isinstance(part, int):
        if not isinstance(node, list):
            raise _mistake(f"{path}: {here} is not a list")
        if part >= len(node):
            raise _mistake(f"{path}: {here} has {len(node)} entries, so there is no [{part}]")
        return f"{place}[{part}]"
    if not isinstance(node, dict):
        raise _mistake(f"{path}: {here} is not an object")
    known = dict.fromkeys([*node, *schema.get("properties", {})])
    if part not in known:
        raise _mistake(f"{path}: {here} has no member {part!r}; it may have {', '.join([*known][:_LISTED])}")
    return f"{place}.{part}" if place else part


def _inner(schema: Mapping[str, Any], part: str | int) -> Mapping[str, Any]:
    inner: Any = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    return inner if isinstance(inner, dict) else {}


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and leave the null of an optional member out."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
        else:
            schema = next((each for each in schema["anyOf"] if each.get("type") != "null"), {})
    return schema


def _mistake(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="--set")
