"""Base class and common types of the models: camelCase in JSON, snake_case in Python, no member lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from webhook_kit.texts import well_formed_data, well_formed_json

__all__ = ["Filled", "Id", "Listed", "Quantity", "UtcTime", "Wire", "error_lines"]


class Wire(BaseModel):
    """Base class of the protocol's JSON objects.

    Names are camelCase in JSON and snake_case in Python. Unknown members are kept and written back
    (``gett-protocol.md §3``); members that were not set are not written.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        # Invalid input may contain a customer's contact data, so error messages give its path and not its value.
        hide_input_in_errors=True,
    )

    def __init__(self, /, **members: Any) -> None:
        super().__init__(**well_formed_data(members))

    # Pydantic calls an __init__ of one's own for every object that it parses, unless it is marked as its own kind.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Validate data of another program, such as a POS's JSON. Half of a surrogate pair becomes U+FFFD."""
        return super().model_validate(well_formed_data(obj), **options)

    @classmethod
    def from_json(cls, raw: bytes | str) -> Self:
        """Parse JSON strictly: text is not converted to a number.

        :raises pydantic.ValidationError: with all errors.
        """
        return cls.model_validate_json(raw, strict=True)

    @classmethod
    def from_answer(cls, raw: bytes) -> Self:
        """Parse the JSON of an answer: as :meth:`from_json`, but half of a surrogate pair becomes U+FFFD.

        Whoever answers has acted already, so that one text that was cut off must not make the answer unreadable.

        :raises pydantic.ValidationError: with all errors.
        """
        return cls.from_json(well_formed_json(raw))

    def to_json(self) -> bytes:
        """Return the object as JSON: the members that were set, unknown ones included."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode()

    def to_wire(self) -> dict[str, Any]:
        """Return the same as :meth:`to_json`, as JSON data in Python."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # An unknown member may hold anything, such as a card number, so only declared fields are shown.
        declared = type(self).model_fields
        return ((name, value) for name, value in super().__repr_args__() if name in declared)


def _to_utc(value: datetime) -> datetime:
    # [D] Gett's timestamps are UTC (§ head), so one without a zone is taken as UTC.
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range when converted to UTC") from error


def _one_if_null(value: object) -> object:
    return 1 if value is None else value


T = TypeVar("T")

Id = Annotated[str, Field(min_length=1, max_length=255)]
"""Opaque text (``gett-protocol.md``, head), which is compared and never parsed. The upper bound is a decision [D]."""

Filled = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
"""Text with at least one character that is not white space. The upper bound is a decision [D]."""

UtcTime = Annotated[datetime, AfterValidator(_to_utc)]
"""An aware time in UTC."""

Quantity = Annotated[int, Field(ge=1, le=9_999), BeforeValidator(_one_if_null)]
"""A quantity of at least 1; a null is 1 (``§3``: all but three fields may be null). The upper bound is a decision [D]."""


def _empty_if_null(value: object) -> object:
    return [] if value is None else value


Listed = Annotated[list[T], BeforeValidator(_empty_if_null)]
"""A list that may be null in JSON and is then empty in Python (``§3``: all but three fields may be null)."""


def error_lines(error: ValidationError) -> list[str]:
    """Return one line per mistake of a model that was built in code, without the value (``ExternalItem.name: …``)."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"{'.'.join([error.title, *map(str, one['loc'])])}: {one['msg'].removeprefix('Value error, ')}"
        for one in mistakes
    ]
