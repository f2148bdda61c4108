"""Arguments of a read model or an action, read from a query or a body by the signature of its function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, create_model

from webhook_kit.errors import InvalidArgument, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor
from webhook_kit.pos.store import Store
from webhook_kit.publishing.sync import SyncReport
from webhook_kit.texts import well_formed

__all__ = ["Arguments", "hints_of"]

_LONGEST_TEXT = 2_000
_MOST = 500
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=False)


def _moment(value: datetime) -> datetime:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"should be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value.astimezone(UTC)


_Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(well_formed)]
_Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
_Count = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Seconds = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
_NAMED: dict[str, Any] = {
    "size": Annotated[int, Field(ge=1, le=_MOST)],
    "limit": Annotated[int, Field(ge=1, le=_MOST)],
    "start": Annotated[int, Field(ge=0, le=1_000_000)],
}
"""Parameters that bound what a call costs."""


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's parameters and result. A module may import the class of a result for its types only."""
    return get_type_hints(function, localns={"SyncReport": SyncReport})


class Arguments:
    """Arguments of one function.

    :param flat: a parameter that is a dataclass is written as its fields: a query has no objects.
    """

    def __init__(self, function: Callable[..., Any], *, flat: bool) -> None:
        self._function = function
        hints = hints_of(function)
        self._hints = {
            name: kind
            for name, kind in hints.items()
            # A caller in another process can pass no function.
            if kind not in (Kit, Actor) and name != "return" and get_origin(kind) is not Callable
        }
        self._flat = flat
        self.model = self._model(inspect.signature(function).parameters)

    def read(self, kit: Kit, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name.

        :raises InvalidArgument: with everything that is wrong.
        :raises NotFound: a store is named that does not exist.
        """
        try:
            values = self.model.model_validate(dict(given))
        except ValidationError as error:
            mistakes = error.errors(include_input=False, include_url=False, include_context=False)
            raise InvalidArgument("; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in mistakes)) from None
        read: dict[str, Any] = {}
        for name, kind in self._hints.items():
            if kind is Store:
                read[name] = _store(kit, values.store_id)  # type: ignore[attr-defined] # a model that is made here
            elif is_dataclass(kind) and isinstance(kind, type):
                source = values if self._flat else getattr(values, name)
                read[name] = kind(**{field.name: getattr(source, field.name) for field in fields(kind)})
            else:
                read[name] = getattr(values, name)
        return read

    def _model(self, parameters: Mapping[str, inspect.Parameter]) -> type[BaseModel]:
        members: dict[str, Any] = {}
        for name, kind in self._hints.items():
            if kind is Store:
                members["store_id"] = (_Text, ...)
            elif is_dataclass(kind) and isinstance(kind, type) and self._flat:
                members |= _members(kind)
            elif is_dataclass(kind) and isinstance(kind, type):
                members[name] = (create_model(f"{kind.__name__}Given", __config__=_STRICT, **_members(kind)), ...)
            else:
                default = parameters[name].default
                members[name] = (
                    _NAMED.get(name) or _bounded(kind),
                    ... if default is inspect.Parameter.empty else default,
                )
        title = "".join(word.title() for word in self._function.__name__.split("_"))
        return create_model(f"{title}Arguments", __config__=_STRICT, **members)


def _members(kind: type) -> dict[str, Any]:
    """Return the fields of a dataclass as those of a model."""
    hints = get_type_hints(kind)
    return {
        field.name: (_bounded(hints[field.name]), ... if field.default is MISSING else field.default)
        for field in fields(kind)
    }


def _bounded(kind: Any) -> Any:
    """Return a type with the bounds of what comes from outside."""
    simple = {str: _Text, int: _Count, float: _Seconds, datetime: _Moment}
    if kind in simple:
        return simple[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return Annotated[list[_bounded(arguments[0])], Field(max_length=_MOST)]  # type: ignore[misc] # made at run time
    if any(isinstance(each, type) and issubclass(each, Enum) for each in arguments):
        # A function takes the text of an enum's member as well: here only those texts.
        arguments = tuple(each for each in arguments if each is not str)
    if arguments:
        bounded = _bounded(arguments[0])
        for each in arguments[1:]:
            bounded = bounded | _bounded(each)
        return bounded
    return kind


def _store(kit: Kit, store_id: str) -> Store:
    store = kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id)
    if store is None:
        raise NotFound(f"there is no store {store_id[:100]}")
    return store


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(well_formed(str(part))[:100] for part in location) or "body"
