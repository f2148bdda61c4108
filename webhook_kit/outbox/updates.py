"""Updates for Gett: progress of an order, status of a store, change of a catalog; and the urgency of each.

An order only moves forward: confirmed → preparing → ready → inTransit → completed or cancelled (``gett-protocol.md §2``). The
rank of an update is its place in this sequence; a lane takes no update of a lower rank than it has taken before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from webhook_kit.errors import InvalidArgument
from webhook_kit.gett.models.store import (
    CatalogSetNotification,
    OrderState,
    OrderStatus,
    OrderStatusUpdate,
    PauseReason,
    StoreAvailability,
    StoreStatusUpdate,
)

if TYPE_CHECKING:
    from webhook_kit.adapter import OrderProgress

__all__ = [
    "Kind",
    "Update",
    "Urgency",
    "catalog_changed",
    "from_pos",
    "order_ended",
    "order_progress",
    "store_online",
    "store_paused",
]


class Kind(StrEnum):
    """Subject of a lane."""

    ORDER = "order"
    STORE = "store"
    CATALOG = "catalog"


class Urgency(IntEnum):
    """Class of an update: a lower one is always sent first."""

    NOW = 0
    """A cancellation or a pause: until Gett has it, customers pay for meals that are not cooked."""
    PROGRESS = 1
    CATALOG = 2


_RANKS = {
    OrderStatus.CONFIRMED: 1,
    OrderStatus.PREPARING: 2,
    OrderStatus.READY: 3,
    OrderStatus.IN_TRANSIT: 4,
}
_CLOSED = {OrderState.COMPLETED: 8, OrderState.CANCELLED: 9}


@dataclass(frozen=True, slots=True)
class Update:
    """One update for Gett.

    :ivar rank: progress of the order; 0 where order does not matter.
    :ivar body: the request body, as plain data.
    """

    kind: Kind
    rank: int
    urgency: Urgency
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The body in one spelling; two updates with the same text are the same."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def order_progress(status: OrderStatus | str, estimated_ready_at: datetime | None = None) -> Update:
    """Return the update for an open order's progress.

    :raises InvalidArgument: for a status that is not sent (``pending``) or does not exist, or a time without a zone.
    """
    body = _body(OrderStatusUpdate, status=status, estimated_ready_at=_aware(estimated_ready_at))
    return Update(Kind.ORDER, _RANKS[OrderStatus(status)], Urgency.PROGRESS, body)


def order_ended(state: OrderState | str, reason: str | None = None) -> Update:
    """Return the update for an order that is completed, or cancelled with a reason.

    :raises InvalidArgument: for a cancellation without a reason, or any other state.
    """
    if state not in _CLOSED:
        raise InvalidArgument(f"an order ends completed or cancelled, not {state}")
    body = _body(OrderStatusUpdate, state=state, cancel_reason=reason)
    urgency = Urgency.NOW if state == OrderState.CANCELLED else Urgency.PROGRESS
    return Update(Kind.ORDER, _CLOSED[OrderState(state)], urgency, body)


def from_pos(progress: OrderProgress) -> Update:
    """Convert an order's progress at the POS to an update.

    The end of an order takes precedence over its status. An estimate is left out once the food is ready. A cancellation without
    a reason gets a standard one, because Gett requires a reason.

    :raises InvalidArgument: when the progress has neither status nor end, or a value that is never sent.
    """
    state = _member(f"{type(progress).__name__}.state", OrderState, progress.state)
    if state is not None and state is not OrderState.OPEN:
        cancelled = state is OrderState.CANCELLED
        return order_ended(state, (progress.reason or "").strip() or "cancelled at the POS" if cancelled else None)
    status = _member(f"{type(progress).__name__}.status", OrderStatus, progress.status)
    if status is None:
        raise InvalidArgument(f"{type(progress).__name__} has neither a status nor a state that ends the order")
    estimate = None if status in (OrderStatus.READY, OrderStatus.IN_TRANSIT) else progress.estimated_ready_at
    return order_progress(status, estimate)


E = TypeVar("E", bound=StrEnum)


def _member(field: str, allowed: type[E], value: str | None) -> E | None:
    """Return the enum's member of that value.

    :raises InvalidArgument: for any other text: the adapter has passed on a value of its POS.
    :raises TypeError: for anything but text.
    """
    if value is None or isinstance(value, allowed):
        return value
    *names, last = (member.name for member in allowed)
    complaint = f"{field} must be {', '.join(names)} or {last}, not {value!r}"
    if not isinstance(value, str):
        raise TypeError(complaint)
    try:
        return allowed(value)
    except ValueError:
        raise InvalidArgument(complaint) from None


def store_paused(reason: PauseReason | str | None, resume_at: datetime | None = None) -> Update:
    """Return the update that pauses a store.

    :param resume_at: time at which Gett resumes the store by itself; aware, in the future.
    :raises InvalidArgument: without a reason, or for a time that is past or has no zone.
    """
    resume_at = _aware(resume_at)
    if resume_at is not None and resume_at <= datetime.now(UTC):
        raise InvalidArgument(f"resumeAt {resume_at.isoformat()} is in the past")
    body = _body(StoreStatusUpdate, status=StoreAvailability.PAUSED, reason=reason, resume_at=resume_at)
    return Update(Kind.STORE, 0, Urgency.NOW, body)


def store_online() -> Update:
    """Return the update that resumes a store."""
    return Update(Kind.STORE, 0, Urgency.PROGRESS, _body(StoreStatusUpdate, status=StoreAvailability.ONLINE))


def catalog_changed(callback_url: str) -> Update:
    """Return the update for a changed catalog, which Gett pulls from this address.

    :raises InvalidArgument: for an address that is not a valid URL.
    """
    return Update(Kind.CATALOG, 0, Urgency.CATALOG, _body(CatalogSetNotification, callback_url=callback_url))


def _body(model: type[pydantic.BaseModel], **fields: object) -> dict[str, Any]:
    try:
        body = model(**{name: value for name, value in fields.items() if value is not None})
    except pydantic.ValidationError as error:
        problems = (problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise InvalidArgument("; ".join(problems)) from None
    return body.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise InvalidArgument(f"{moment.isoformat()} has no time zone")
    return moment
