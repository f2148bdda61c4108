"""A simulated POS in memory, with an adapter for each guarantee."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple

from webhook_kit.adapter import (
    Capability,
    CatalogSet,
    Level,
    NotPlaced,
    Placed,
    PlacedStatus,
    PosAdapter,
    Reason,
    Refused,
    Store,
)
from webhook_kit.catalog.builder import CatalogBuilder
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__ = ["ADAPTERS", "Outcome", "SimulatedPos", "Ticket"]


class Outcome(StrEnum):
    """Behaviour of the POS when an order is placed."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLY_LOST = "reply lost"
    """The first call makes a ticket, and its reply is lost; later calls are accepted."""
    NOT_CONNECTED = "not connected"
    """The first call does not reach the POS; later calls are accepted."""


class Ticket(NamedTuple):
    """A ticket of the POS."""

    id: str
    key: str
    total: str


class SimulatedPos:
    """State of the POS.

    :ivar call: acts between two points of the process that calls.
    """

    def __init__(self) -> None:
        self.call: Callable[[str, Callable[[], object]], object]
        self.reset(Outcome.ACCEPTED)

    def reset(self, outcome: Outcome) -> None:
        """Forget everything, and behave so from now on."""
        self.outcome = outcome
        self.tickets: list[Ticket] = []
        self.calls = 0

    def place(self, order: PlaceOrderRequest, key: str, *, native: bool) -> Placed | Refused:
        """Follow the outcome. With native idempotency, a key that has a ticket is answered from it."""
        self.calls += 1
        if native and (ticket := self.find(key)):
            return ticket
        if self.outcome is Outcome.REFUSED:
            return Refused(Reason.PAYMENT_DECLINED, "declined")
        if self.outcome is Outcome.NOT_CONNECTED and self.calls == 1:
            raise NotPlaced("not connected")
        total = str(order.amounts.total) if order.amounts else ""
        self.tickets.append(Ticket(f"T{len(self.tickets) + 1}", key, total))
        if self.outcome is Outcome.REPLY_LOST and self.calls == 1:
            raise ConnectionError("the reply was lost")
        return Placed(self.tickets[-1].id, PlacedStatus.ACCEPTED, order.amounts)

    def find(self, key: str) -> Placed | None:
        """Return the first ticket of a key."""
        found = (ticket for ticket in self.tickets if ticket.key == key)
        return next((Placed(ticket.id, PlacedStatus.ACCEPTED) for ticket in found), None)


POS = SimulatedPos()
"""The POS of this process's simulation: the kit has one object of an adapter per process."""


def _catalog() -> CatalogSet:
    """Return a small catalog, because every process of a run reads it again."""
    menu = CatalogBuilder()
    menu.catalog("Menu").section("Drinks").item("Cola", "2.75", pos_id="cola")
    return menu.build()


CATALOG = _catalog()


class _SimulatedAdapter(PosAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        return POS.call("POS fetch_catalog", lambda: CATALOG.model_copy(deep=True))  # type: ignore[return-value]

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        native = self.offers(Capability.NATIVE_IDEMPOTENCY)
        return POS.call("POS place_order", lambda: POS.place(order, key, native=native))  # type: ignore[return-value]


class NativeAdapter(_SimulatedAdapter):
    """The POS takes the kit's key."""

    name = "simulated-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}


class LookUpAdapter(_SimulatedAdapter):
    """The POS can be asked for the ticket of an order."""

    name = "simulated-look-up"

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the ticket of an order."""
        from webhook_kit.adapter import placement_key

        return POS.call("POS find_order", lambda: POS.find(placement_key(store, order_ref)))  # type: ignore[return-value]


class ClaimAdapter(_SimulatedAdapter):
    """Only the kit's claim protects an order."""

    name = "simulated-claim"


ADAPTERS = {
    level: f"{__name__}:{adapter.__name__}"
    for level, adapter in {"native": NativeAdapter, "look-up": LookUpAdapter, "claim": ClaimAdapter}.items()
}
"""The adapter of each guarantee."""
