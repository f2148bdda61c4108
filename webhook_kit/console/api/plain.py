"""Read models as JSON, and the schemas of that JSON, by one set of rules.

A moment is ISO 8601 in UTC, a duration a number of seconds, an amount a text, an enum its value. A type without a rule is refused:
nothing reaches a caller that nobody has thought of.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from webhook_kit.pos.store import Store
from webhook_kit.publishing.sync import CatalogStatus
from webhook_kit.texts import well_formed

__all__ = ["plain", "schema_of"]

_SHOWN: dict[type, tuple[str, ...]] = {
    Store: ("id", "gett_id", "adapter", "name"),  # its credentials and options are for its adapter alone
    CatalogStatus: (  # its address is secret
        *("store_id", "version", "items", "fetched", "published", "published_at"),
        *("outcome", "at", "failed", "reasons"),
    ),
}
"""Fields that are shown of classes which have others as well."""

_SCALARS: dict[Any, dict[str, Any]] = {
    Any: {},
    None: {"type": "null"},
    NoneType: {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "number", "description": "seconds"},
    Decimal: {"type": "string", "description": "an exact amount"},
}


def plain(value: Any) -> Any:
    """Return a value as JSON has it.

    :raises TypeError: there is no rule for its type.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if _has_fields(type(value)):
        return {name: plain(getattr(value, name)) for name in _shown(type(value))}
    for kinds, rule in _RULES:
        if isinstance(value, kinds):
            return rule(value)
    raise TypeError(f"{type(value).__name__} has no form as JSON")


_RULES: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    ((NoneType, bool, int), lambda value: value),
    (str, well_formed),
    (float, lambda value: value if math.isfinite(value) else None),
    (datetime, lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    (timedelta, timedelta.total_seconds),
    (Decimal, str),
    (Mapping, lambda value: {str(plain(name)): plain(member) for name, member in value.items()}),
    ((list, tuple), lambda value: [plain(member) for member in value]),
    ((set, frozenset), lambda value: sorted(plain(member) for member in value)),
)
"""Forms of values, the first that fits."""


def schema_of(kind: Any, components: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of what :func:`plain` makes of a type.

    :param components: receives the schemas of classes, by their names.
    :raises TypeError: there is no rule for it.
    """
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(each, components) for each in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(arguments[1], components)}
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return {"type": "array", "items": schema_of(arguments[0], components)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    if isinstance(kind, type) and _has_fields(kind):
        return _class_schema(kind, components)
    raise TypeError(f"{kind} has no form as JSON")


def _class_schema(kind: type, components: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in components:
        components[name] = {}  # a class may contain itself
        hints, shown = get_type_hints(kind), _shown(kind)
        components[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip().partition("\n")[0],
            "properties": {field: schema_of(hints[field], components) for field in shown},
            "required": list(shown),
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _has_fields(kind: type) -> bool:
    """Return True for a dataclass and a named tuple."""
    return is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _shown(kind: type) -> tuple[str, ...]:
    if kind in _SHOWN:
        return _SHOWN[kind]
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined] # a named tuple
