"""What travels between kit and POS, and what it means. Nothing here calls anybody.

Orders, amounts and menus travel as Gett has them (``gett-protocol.md §3, §4``); the models here are the rest of the contract.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webhook_kit.adapter import (
    CatalogChanged,
    ItemChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    PauseReason,
    Placed,
    PlacedStatus,
    PosEvent,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    StoreChanged,
    StoreState,
)
from webhook_kit.gett.models.base import Id, UtcTime, Wire
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest

__all__ = [
    "CancelRequest",
    "EventList",
    "FoundTicket",
    "ItemEvent",
    "MenuEvent",
    "OrderEvent",
    "PlaceAnswer",
    "PlaceRequest",
    "QuoteAnswer",
    "QuoteRequest",
    "Status",
    "StoreEvent",
    "Ticket",
    "TicketList",
    "TicketNow",
    "WhyNot",
]

End = Literal[OrderState.COMPLETED, OrderState.CANCELLED]


class WhyNot(Wire):
    """One reason why the POS does not take an order: in the trade's standard terms, and in its own words."""

    reason: Reason
    message: str
    item_id: str | None = None
    json_path: str | None = None


class QuoteRequest(Wire):
    """An order to price; its ``amounts`` hold the menu's price and the tip."""

    order: ExternalOrder


class QuoteAnswer(Wire):
    """What the order costs, tip included, or why it cannot be had."""

    amounts: Amounts | None = None
    refusals: list[WhyNot] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        _either(self.amounts, self.refusals)
        return self

    def meaning(self) -> Amounts | Refused:
        """In the words of the adapter's contract."""
        return self.amounts if self.amounts is not None else _refused(self.refusals)


class PlaceRequest(Wire):
    """An order to place at its ``amounts``, which are what the customer accepted."""

    order_ref: str = Field(description="The order's name; look-ups ask for it, so keep it with the ticket.")
    order: PlaceOrderRequest


class Ticket(Wire):
    """A ticket at the POS: its number, and, where the POS says so, what it charges."""

    id: Id
    status: PlacedStatus = Field(
        default=PlacedStatus.ACCEPTED, description="pending: the POS decides later and says so with an event."
    )
    amounts: Amounts | None = None

    def meaning(self) -> Placed:
        """In the words of the adapter's contract."""
        return Placed(self.id, self.status, self.amounts)


class PlaceAnswer(Wire):
    """There is a ticket, or there is none and never will be."""

    ticket: Ticket | None = None
    refusals: list[WhyNot] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        _either(self.ticket, self.refusals)
        return self

    def meaning(self) -> Placed | Refused:
        """In the words of the adapter's contract."""
        return self.ticket.meaning() if self.ticket is not None else _refused(self.refusals)


class FoundTicket(Wire):
    """The ticket of an order; null says that there is none."""

    # Required: an answer that lacks the member, or a 404 of something in between, must not pass for "there is none".
    ticket: Ticket | None


class TicketNow(Wire):
    """An order as the POS has it now: how far it is, or how it ended."""

    id: Id
    order_ref: str = ""
    status: OrderStatus | None = None
    state: End | None = None
    reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    def meaning(self) -> PosOrder:
        """In the words of the adapter's contract."""
        return PosOrder(
            self.id,
            self.order_ref,
            status=self.status,
            state=self.state,
            reason=self.reason,
            estimated_ready_at=self.estimated_ready_at,
        )


class TicketList(Wire):
    """The orders that changed since the time asked for, closed ones included."""

    orders: list[TicketNow]


class Status(Wire):
    """Whether the POS takes orders now."""

    state: StoreState


class CancelRequest(Wire):
    """Why an order has to be taken back."""

    reason: str


class OrderEvent(Wire):
    """An order came a step further, or to its end; named by the POS's number or by its ``orderRef``."""

    type: Literal["order"]
    id: str = ""
    order_ref: str = ""
    status: OrderStatus | None = None
    state: End | None = None
    reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.id or self.order_ref):
            raise ValueError("name the order: id or orderRef")
        _either(self.status, self.state)
        return self

    def meaning(self, store_id: str) -> PosEvent:
        """In the words of the adapter's contract."""
        return OrderChanged(
            store_id,
            self.id,
            self.order_ref,
            status=self.status,
            state=self.state,
            reason=self.reason,
            estimated_ready_at=self.estimated_ready_at,
        )


class StoreEvent(Wire):
    """The store opens or closes; the reason is one of Gett's for a pause."""

    type: Literal["store"]
    state: StoreState
    reason: str = "operational_issues"

    def meaning(self, store_id: str) -> PosEvent:
        """In the words of the adapter's contract."""
        known = self.reason in set(PauseReason)
        return StoreChanged(store_id, self.state, PauseReason(self.reason) if known else PauseReason.OTHER)


class MenuEvent(Wire):
    """The menu has changed: it will be fetched again."""

    type: Literal["menu"]

    def meaning(self, store_id: str) -> PosEvent:
        """In the words of the adapter's contract."""
        return CatalogChanged(store_id)


class ItemEvent(Wire):
    """An item or option has run out, or is back."""

    type: Literal["item"]
    item_id: Id
    available: bool
    until: UtcTime | None = None

    def meaning(self, store_id: str) -> PosEvent:
        """In the words of the adapter's contract."""
        return ItemChanged(store_id, self.item_id, self.available, self.until)


class EventList(Wire):
    """What happened at the POS, oldest first."""

    events: list[Annotated[OrderEvent | StoreEvent | MenuEvent | ItemEvent, Field(discriminator="type")]]


def _refused(refusals: list[WhyNot] | None) -> Refused:
    return Refused.all(Refusal(each.reason, each.message, each.item_id, each.json_path) for each in refusals or ())


def _either(one: object, other: object) -> None:
    """Exactly one of the two has to be there, and not empty."""
    if bool(one) == bool(other):
        raise ValueError("exactly one of the two has to be given")
