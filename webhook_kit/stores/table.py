"""Table of one store, as a file and Redis keep it: each field is in its canonical form, or is refused."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from webhook_kit.errors import ConfigurationError
from webhook_kit.fields import Credential, GettId, NonEmptyText, StoreId, Text, ZoneName, plain_text, stripped
from webhook_kit.gett.models.order import Fulfillment
from webhook_kit.pos.store import Store

__all__ = ["StoreTable", "as_table", "parse_store", "table_mistakes"]

_NOT_CANONICAL = {
    "gett_id": "should be in small letters with hyphens, as Gett writes it",
    "fulfillment_types": f"should be written as Gett does: {', '.join(Fulfillment)}",
    "credentials": "has whitespace around a value",
    "options": "has whitespace around a value",
}

_SHAPES = {
    "missing": "is missing",
    "string_type": "should be a text",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "frozen_set_type": 'should be a list, such as ["Pickup"]',
}
"""Types of pydantic's mistakes, in the words of a file."""

_STORE_ID: TypeAdapter[str] = TypeAdapter(StoreId)
_FULFILLMENT = {kind.value.lower(): kind.value for kind in Fulfillment}


def _fulfillment(value: str) -> str:
    """Return a fulfillment type as Gett writes it. A type that resembles none of Gett's is accepted, as in an order."""
    value = plain_text(value)
    letters = "".join(filter(str.isalpha, value)).lower()
    if letters not in _FULFILLMENT and (not value or get_close_matches(letters, _FULFILLMENT, cutoff=0.5)):
        raise ValueError(f"should be one of {', '.join(_FULFILLMENT.values())}")
    return _FULFILLMENT.get(letters, value)


def _some(value: frozenset[str]) -> frozenset[str]:
    if not value:
        raise ValueError("is empty, so that every order would be refused; leave it out to offer any type")
    return value


_FulfillmentType = Annotated[str, AfterValidator(_fulfillment)]


class StoreTable(BaseModel):
    """Table of one store."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    gett_id: GettId | None = None
    adapter: NonEmptyText
    timezone: ZoneName = "UTC"
    name: Text = ""
    fulfillment_types: Annotated[frozenset[_FulfillmentType], AfterValidator(_some)] | None = None
    credentials: Annotated[dict[str, Credential], AfterValidator(stripped)] = Field(default_factory=dict)
    options: Annotated[dict[str, Any], AfterValidator(stripped)] = Field(default_factory=dict)

    def as_store(self, store_id: str) -> Store:
        """Return the store with this id."""
        return Store(
            id=store_id,
            gett_id=self.gett_id or "",
            adapter=self.adapter,
            timezone=ZoneInfo(self.timezone),
            name=self.name or store_id,
            fulfillment_types=self.fulfillment_types,
            credentials={name: value.get_secret_value() for name, value in self.credentials.items()},
            options=self.options,
        )


def as_table(store: Store) -> dict[str, Any]:
    """Return the fields of a store that differ from their defaults, in plain types and without the credentials."""
    fields: dict[str, Any] = {
        "gett_id": store.gett_id,
        "adapter": store.adapter,
        "timezone": "" if store.timezone.key == "UTC" else store.timezone.key,
        "name": "" if store.name == store.id else store.name,
        "options": dict(store.options),
    }
    fields = {name: value for name, value in fields.items() if value}
    if store.fulfillment_types is not None:
        fields["fulfillment_types"] = sorted(store.fulfillment_types)
    return fields


def parse_store(store_id: str, table: object) -> Store:
    """Return the store of a table.

    :raises ConfigurationError: with one line per mistake, ``<store id>.<field>: …``.
    """
    mistakes = []
    try:
        store_id = _STORE_ID.validate_python(store_id)
    except ValidationError as error:
        mistakes += [f"{store_id!r}: the id of a store {_why(each)}" for each in error.errors(include_input=False)]
    try:
        parsed = StoreTable.model_validate(table)
    except ValidationError as error:
        errors = error.errors(include_input=False)
        mistakes += [f"{'.'.join([store_id, *map(str, each['loc'])])}: {_why(each)}" for each in errors]
    if mistakes:
        raise ConfigurationError(*mistakes)
    return parsed.as_store(store_id)


def table_mistakes(store: Store) -> list[str]:
    """Return every field of a store that is wrong or not in its canonical form, one line each, without credentials."""
    try:
        canonical = parse_store(store.id, {**as_table(store), "credentials": dict(store.credentials)})
    except ConfigurationError as error:
        return [f"store {mistake}" for mistake in error.mistakes]
    differing = [
        name
        for name in ("id", "gett_id", "adapter", "name", "fulfillment_types", "credentials", "options")
        if getattr(canonical, name) != (getattr(store, name) or getattr(canonical, name))
    ]
    return [f"store {store.id}: {name} {_NOT_CANONICAL.get(name, 'has whitespace around it')}" for name in differing]


def _why(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        fields = list(StoreTable.model_fields)
        near = get_close_matches(str(details["loc"][-1]), fields, n=1)
        return f"is not a field of a store; is {near[0]} meant?" if near else f"is not one of {', '.join(fields)}"
    if details["type"] in _SHAPES:
        return _SHAPES[details["type"]]
    return details["msg"].removeprefix("Value error, ")
