"""What all of Gett's wire models share: camelCase outside, snake_case inside, nothing lost in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["Id", "Listed", "Quantity", "UtcTime", "Wire"]


class Wire(BaseModel):
    """A JSON object of the protocol.

    Names are camelCase on the wire and snake_case in Python. Members we do not know are kept and written back
    (``gett-protocol.md §3``); members that were never set are not written at all.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        # Wrong input may hold a customer's contact: messages name the place, never the value.
        hide_input_in_errors=True,
    )

    @classmethod
    def from_json(cls, raw: bytes | str) -> Self:
        """Read strictly: a number in quotes is no number.

        :raises pydantic.ValidationError: with every mistake at once.
        """
        return cls.model_validate_json(raw, strict=True)

    def to_json(self) -> bytes:
        """The object as it travels: exactly what was set, unknown members included."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True)

    def to_wire(self) -> dict[str, Any]:
        """The same as plain Python data."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # A member we do not know may hold anything, a card number included: only declared fields are ever shown.
        declared = type(self).model_fields
        return ((name, value) for name, value in super().__repr_args__() if name in declared)


def _to_utc(value: datetime) -> datetime:
    # [D] Gett's timestamps are UTC (§ head), so one without a zone is read as UTC rather than refused.
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as overflow:
        raise ValueError("the time lies outside the calendar when written in UTC") from overflow


def _one_if_null(value: object) -> object:
    return 1 if value is None else value


T = TypeVar("T")

Id = Annotated[str, Field(min_length=1, max_length=255)]
"""Opaque text (``gett-protocol.md``, head): compared, never parsed. The upper bound is ours [D]."""

UtcTime = Annotated[datetime, AfterValidator(_to_utc)]
"""A moment, always aware, always UTC."""

Quantity = Annotated[int, Field(ge=1, le=9_999), BeforeValidator(_one_if_null)]
"""How many: at least 1. Absent or null reads as 1 (``§3``: all but three fields may be null); the upper bound is ours [D]."""


def _empty_if_null(value: object) -> object:
    return [] if value is None else value


Listed = Annotated[list[T], BeforeValidator(_empty_if_null)]
"""A list that may be null on the wire; in Python it is then empty (``§3``: all but three fields may be null)."""
