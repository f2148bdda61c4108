"""Options and credentials of a store, parsed by the models that its adapter declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from webhook_kit.errors import ConfigurationError
from webhook_kit.pos.store import Store

__all__ = [
    "ConfigField",
    "HasConfig",
    "HasCredentials",
    "M_co",
    "config_fields",
    "store_config",
    "store_credentials",
    "store_mistakes",
]

M_co = TypeVar("M_co", bound=BaseModel, covariant=True)


class HasConfig(Protocol[M_co]):
    """An adapter with a model of a store's options."""

    @property
    def Config(self) -> type[M_co]:  # noqa: N802 - the name of the nested class
        """Model of the options."""
        ...


class HasCredentials(Protocol[M_co]):
    """An adapter with a model of a store's credentials."""

    @property
    def Credentials(self) -> type[M_co]:  # noqa: N802 - the name of the nested class
        """Model of the credentials."""
        ...


def store_config(adapter: HasConfig[M_co], store: Store) -> M_co:
    """Return a store's options as an object of the adapter's model.

    :raises ConfigurationError: with one line per mistake.
    """
    return cast("M_co", _parsed(adapter.Config, store, "options"))


def store_credentials(adapter: HasCredentials[M_co], store: Store) -> M_co:
    """Return a store's credentials as an object of the adapter's model.

    :raises ConfigurationError: with one line per mistake; it never contains a value.
    """
    return cast("M_co", _parsed(adapter.Credentials, store, "credentials"))


def store_mistakes(config: type[BaseModel], credentials: type[BaseModel], store: Store) -> list[str]:
    """Return every mistake in a store's options and credentials, one line each, without values."""
    mistakes: list[str] = []
    for model, table in ((config, "options"), (credentials, "credentials")):
        try:
            _parsed(model, store, table)
        except ConfigurationError as error:
            mistakes += error.mistakes
    return mistakes


@dataclass(frozen=True, slots=True)
class ConfigField:
    """Field of an adapter's ``Config`` or ``Credentials``, as shown to people.

    :ivar type: such as ``text``, ``secret`` or ``a | b``.
    :ivar default: as JSON; empty if the field is required or its default is empty. A secret's default is never shown.
    """

    name: str
    type: str
    required: bool
    default: str
    description: str


def config_fields(model: type[BaseModel]) -> list[ConfigField]:
    """Return the fields that a model declares."""
    schema = model.model_json_schema()
    fields = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        kind = _type(schema["properties"][key], schema.get("$defs", {}))
        default = ""
        if not field.is_required():
            value = to_jsonable_python(field.get_default(call_default_factory=True))
            shown = "…" if "secret" in kind else json.dumps(value, ensure_ascii=False)
            default = "" if value in (None, "") else shown
        fields.append(ConfigField(key, kind, field.is_required(), default, field.description or ""))
    return fields


_TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true | false", "object": "table"}


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _type(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return " | ".join(_type(each, definitions) for each in schema["anyOf"] if each.get("type") != "null")
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), definitions)}"
    if schema.get("type") == "object" and isinstance(values := schema.get("additionalProperties"), dict) and values:
        return f"table of {_type(values, definitions)}"
    return "secret" if schema.get("writeOnly") else _TYPES.get(schema.get("type", ""), "any")


_SHOWN = ("missing", "value_error", "assertion_error", "literal_error", "enum")
"""Kinds of pydantic's mistakes whose own message is shown for a field of several types."""


# Adapters ask at each call. A store whose options have changed is another key, because stores are compared by value.
@lru_cache(maxsize=4096)
def _parsed(model: type[BaseModel], store: Store, table: str) -> BaseModel:
    values: Mapping[str, Any] = getattr(store, table)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    unknown = [] if model.model_config.get("extra") == "allow" else [name for name in values if name not in fields]
    mistakes = [
        f"store {store.id}: {table}.{name} is unknown; the adapter {store.adapter} takes {', '.join(fields) or 'none'}"
        for name in unknown
    ]
    try:
        parsed = model.model_validate({name: value for name, value in values.items() if name not in unknown})
    except ValidationError as error:
        types = {field.name: field.type for field in config_fields(model)}
        for mistake in error.errors(include_url=False, include_context=False, include_input=False):
            place = [str(part) for part in mistake["loc"]]
            field = fields.get(place[0]) if place else None
            complaint = _complaint(mistake["type"], mistake["msg"], field)
            if place and " | " in types.get(place[0], "") and mistake["type"] not in _SHOWN:
                # pydantic has a mistake for each branch of a union, and names the branch in the place.
                place, complaint = place[:1], f"is not valid: it should be {types[place[0]]}"
            where = ".".join([table, *place])
            mistakes.append(f"store {store.id}: {where} {complaint}; see `webhook-kit adapters show {store.adapter}`")
    if mistakes:
        raise ConfigurationError(*dict.fromkeys(mistakes))
    return parsed


def _complaint(kind: str, message: str, field: FieldInfo | None) -> str:
    if kind == "missing":
        return f"is missing ({field.description})" if field and field.description else "is missing"
    return f"is not valid: {message.removeprefix('Value error, ')}"
