"""Messages between kit and POS, and their conversion to the results and events of an adapter.

Orders, amounts and catalogs travel as Gett has them (``gett-protocol.md §3, §4``); the models here are the rest of the contract.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webhook_kit import (
    Amounts,
    CatalogChanged,
    Id,
    ItemChanged,
    Order,
    OrderChanged,
    OrderState,
    OrderStatus,
    PauseReason,
    Placed,
    PlacedStatus,
    PlaceOrderRequest,
    PosEvent,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    StoreChanged,
    StoreState,
    UtcTime,
    Wire,
)

__all__ = [
    "CancelRequest",
    "CatalogChangedEvent",
    "EventList",
    "ItemChangedEvent",
    "OrderChangedEvent",
    "OrderList",
    "OrderProgress",
    "PlaceRequest",
    "PlaceResponse",
    "QuoteRequest",
    "QuoteResponse",
    "RefusalReason",
    "StatusResponse",
    "StoreChangedEvent",
    "Ticket",
    "TicketResponse",
]

EndState = Literal[OrderState.COMPLETED, OrderState.CANCELLED]


class RefusalReason(Wire):
    """One reason why the POS does not take an order: a standard term, and the POS's own text."""

    reason: Reason
    message: str
    item_id: str | None = None
    json_path: str | None = None


class QuoteRequest(Wire):
    """An order to price; its ``amounts`` hold the catalog's price and the tip."""

    order: Order


class QuoteResponse(Wire):
    """The amounts of an order, tip included, or the reasons for a refusal."""

    amounts: Amounts | None = None
    refusals: list[RefusalReason] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        _require_one(amounts=self.amounts, refusals=self.refusals)
        return self

    def result(self) -> Amounts | Refused:
        """Return the result of ``quote``."""
        return self.amounts if self.amounts is not None else _refused(self.refusals)


class PlaceRequest(Wire):
    """An order to place at its ``amounts``, which the customer has accepted."""

    order_ref: str = Field(description="The order's name. Look-ups ask for it, so keep it with the ticket.")
    order: PlaceOrderRequest


class Ticket(Wire):
    """A ticket at the POS: its number and, if the POS reports them, the amounts that it charges."""

    id: Id
    status: PlacedStatus = Field(
        default=PlacedStatus.ACCEPTED, description="pending: the POS decides later and sends an event."
    )
    amounts: Amounts | None = None

    def placed(self) -> Placed:
        """Return the result of ``place_order``."""
        return Placed(self.id, self.status, self.amounts)


class PlaceResponse(Wire):
    """The ticket, or the reasons for a refusal: then there is no ticket and never will be."""

    ticket: Ticket | None = None
    refusals: list[RefusalReason] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        _require_one(ticket=self.ticket, refusals=self.refusals)
        return self

    def result(self) -> Placed | Refused:
        """Return the result of ``place_order``."""
        return self.ticket.placed() if self.ticket is not None else _refused(self.refusals)


class TicketResponse(Wire):
    """The ticket of an order; null if there is none."""

    # Required: a response without the member, or a 404 of a proxy, must not count as "there is none".
    ticket: Ticket | None


class OrderProgress(Wire):
    """Progress of an order at the POS: its status, or the state in which it ended."""

    id: Id
    order_ref: str = ""
    status: OrderStatus | None = None
    state: EndState | None = None
    reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    def pos_order(self) -> PosOrder:
        """Return the order for ``orders_since``."""
        return PosOrder(
            self.id,
            self.order_ref,
            status=self.status,
            state=self.state,
            reason=self.reason,
            estimated_ready_at=self.estimated_ready_at,
        )


class OrderList(Wire):
    """The orders that changed since the requested time, ended ones included."""

    orders: list[OrderProgress]


class StatusResponse(Wire):
    """Readiness of the POS to take orders."""

    state: StoreState


class CancelRequest(Wire):
    """The reason of a cancellation."""

    reason: str


class OrderChangedEvent(Wire):
    """An order reached a step or ended; named by the POS's number or by its ``orderRef``."""

    type: Literal["order"]
    id: str = ""
    order_ref: str = ""
    status: OrderStatus | None = None
    state: EndState | None = None
    reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.id or self.order_ref):
            raise ValueError("id or orderRef is required")
        _require_one(status=self.status, state=self.state)
        return self

    def event(self, store_id: str) -> PosEvent:
        """Return the adapter's event."""
        return OrderChanged(
            store_id,
            self.id,
            self.order_ref,
            status=self.status,
            state=self.state,
            reason=self.reason,
            estimated_ready_at=self.estimated_ready_at,
        )


class StoreChangedEvent(Wire):
    """The store opens or closes. ``reason`` is one of Gett's reasons for a pause; any other text becomes ``other``."""

    type: Literal["store"]
    state: StoreState
    reason: str = PauseReason.OPERATIONAL_ISSUES.value

    def event(self, store_id: str) -> PosEvent:
        """Return the adapter's event."""
        known = self.reason in set(PauseReason)
        return StoreChanged(store_id, self.state, PauseReason(self.reason) if known else PauseReason.OTHER)


class CatalogChangedEvent(Wire):
    """The catalog has changed: the kit fetches it."""

    type: Literal["catalog"]

    def event(self, store_id: str) -> PosEvent:
        """Return the adapter's event."""
        return CatalogChanged(store_id)


class ItemChangedEvent(Wire):
    """An item or option became unavailable, or available again."""

    type: Literal["item"]
    item_id: Id
    available: bool
    until: UtcTime | None = None

    def event(self, store_id: str) -> PosEvent:
        """Return the adapter's event."""
        return ItemChanged(store_id, self.item_id, self.available, self.until)


class EventList(Wire):
    """Events of the POS, oldest first."""

    events: list[
        Annotated[
            OrderChangedEvent | StoreChangedEvent | CatalogChangedEvent | ItemChangedEvent, Field(discriminator="type")
        ]
    ]


def _refused(refusals: list[RefusalReason] | None) -> Refused:
    return Refused.all(Refusal(each.reason, each.message, each.item_id, each.json_path) for each in refusals or ())


def _require_one(**members: object) -> None:
    if sum(map(bool, members.values())) != 1:
        raise ValueError(f"exactly one of {' and '.join(members)} is required")
