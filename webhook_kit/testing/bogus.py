"""A point of sale that exists only here, and does whatever a test asks of it: what is ordered decides what happens.

The first item of this table found anywhere in the cart, modifiers included, decides; every other item of the menu is simply
placed. "Ticket" says whether the POS has one afterwards.

======================  ======  ========================================================================================
item                    ticket  what ``place_order`` does
======================  ======  ========================================================================================
``out-of-stock``        no      refuses with ``ITEM_UNAVAILABLE``; so does ``quote``
``payment-declined``    no      refuses with ``PAYMENT_DECLINED``
``connection-refused``  no      raises ``NotPlaced``
``times-out``           no      hangs for ``time_out`` seconds, then raises ``requests.exceptions.ReadTimeout``
``crashes``             no      raises ``RuntimeError``
``nonsense``            no      returns the text ``"OK"``
``reply-lost``          yes     raises ``requests.exceptions.ConnectionError``
``hangs``               yes     hangs for ``hang`` seconds, whatever the deadline, then answers after all
``pending``             yes     answers with the status ``pending``
``other-price``         yes     answers with amounts that are 0.50 higher, as an adjustment
======================  ======  ========================================================================================

Options of the store:

=============  =========================================================================================================
option         meaning
=============  =========================================================================================================
``file``       SQLite file of the tickets, shared by all processes that name it, and safe from SIGKILL. Else the
               environment's ``BOGUS_POS_FILE``; else a file of this process that goes away with it
``tax``        true: ``quote`` adds 8.25 % of the subtotal
``closed``     true: ``quote`` and ``place_order`` refuse with ``STORE_CLOSED``, ``store_status`` says closed
``delay``      seconds that every ``place_order`` takes before it does anything (0)
``find_delay`` seconds that every ``find_order`` takes (0)
``time_out``   seconds that ``times-out`` hangs (1)
``hang``       seconds that ``hangs`` hangs (60)
``pause_at``   ``before_commit`` or ``after_commit``: there ``place_order`` writes the file ``<gate>/<pause_at>`` and waits until
               ``<gate>/<pause_at>.go`` exists, so that a test can kill the process at that very point
``gate``       the directory for that
``outcomes``   ``hidden``: the items that choose an outcome are not on the menu
=============  =========================================================================================================

With native idempotency a key that has a ticket is answered from it at once: no second ticket, and none of the above.

An accepted ticket is ``confirmed`` at once, a pending one says nothing; ``advance`` moves it on, and ``orders_since`` and
``cancel_order`` see the same. What the POS sends of its own accord is ``{"events": [...]}`` with the header ``x-bogus-secret``, which
is the environment's ``BOGUS_POS_SECRET``, else ``bogus-secret``:

=============  =========================================================================================================
``type``       further members, named as in the contract's events
=============  =========================================================================================================
``order``      ``store_id``, ``order_id`` or ``order_ref``, ``status`` or ``state``, ``reason``, ``estimated_ready_at``
``store``      ``store_id``, ``state``, ``reason``
``menu``       ``store_id``
``item``       ``store_id``, ``item_id``, ``available``, ``until``
=============  =========================================================================================================
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import sleep
from typing import Any, ClassVar
from uuid import uuid4

import requests
from pydantic import TypeAdapter

from webhook_kit.adapter import (
    Capability,
    CatalogChanged,
    CatalogSet,
    ItemChanged,
    Level,
    NotPlaced,
    OrderChanged,
    Placed,
    PlacedStatus,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    StoreChanged,
    StoreState,
    Unsupported,
    placement_key,
)
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.money import ZERO, cents
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus_menu import OUTCOMES, bogus_menu
from webhook_kit.testing.bogus_tickets import Ticket, Tickets
from webhook_kit.testing.processes import wait_until

__all__ = ["BogusAdapter", "BogusClaim", "BogusLookUp", "BogusNative", "Ticket"]

_TAX_RATE = Decimal("0.0825")
_SURCHARGE = Decimal("0.50")
_EVENTS: dict[str, TypeAdapter[PosEvent]] = {
    "order": TypeAdapter(OrderChanged),
    "store": TypeAdapter(StoreChanged),
    "menu": TypeAdapter(CatalogChanged),
    "item": TypeAdapter(ItemChanged),
}
_UNCHECKED = {"order": ("status", "state"), "store": ("reason",)}
"""Members that are passed on as they are, like an adapter does that relies on its POS."""


class BogusAdapter(PosAdapter):
    """The POS of this module's table, with native idempotency and look-up."""

    name = "bogus"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """The menu of :mod:`~webhook_kit.testing.bogus_menu`, the same for every store, but for what :meth:`set_price` changed."""
        menu = bogus_menu().model_copy(deep=True)
        if store.options.get("outcomes") == "hidden":
            menu = remove_items(menu, OUTCOMES)
        for item_id, price in _tickets(store).prices().items():
            menu.items[item_id].base_price = price
        return menu

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """The catalog's price, with tax when the store option says so; refused when closed or out of stock."""
        if refused := self._unavailable(order, store):
            return refused
        amounts = order.amounts or Amounts()
        if not store.options.get("tax"):
            return amounts
        sub_total = amounts.sub_total or ZERO
        return Amounts.of(sub_total, taxes=cents(sub_total * _TAX_RATE), tip=amounts.tip)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """What the table says.

        :raises TimeoutError: when nobody opens the gate.
        """
        sleep(float(store.options.get("delay", 0)))
        native = self.offers(Capability.NATIVE_IDEMPOTENCY)
        if native and (placed := _tickets(store).placed(key)):
            return placed
        if refused := self._unavailable(order, store):
            return refused
        outcome = next((item for item in _item_ids(order) if item in OUTCOMES), "")
        match outcome:
            case "payment-declined":
                return Refused(Reason.PAYMENT_DECLINED, "the card was declined")
            case "connection-refused":
                raise NotPlaced("connection refused by the bogus POS")
            case "times-out":
                sleep(float(store.options.get("time_out", 1)))
                raise requests.exceptions.ReadTimeout("the bogus POS timed out")
            case "crashes":
                raise RuntimeError("the bogus adapter crashed")
            case "nonsense":
                return "OK"  # type: ignore[return-value]  # which is the point
        _gate(store, "before_commit")
        placed = _commit(order, store, key, outcome, native=native)
        _gate(store, "after_commit")
        match outcome:
            case "reply-lost":
                raise requests.exceptions.ConnectionError("the bogus POS closed the connection before it answered")
            case "hangs":
                sleep(float(store.options.get("hang", 60)))
        return placed

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """The first ticket of the order."""
        if not self.offers(Capability.FIND_ORDER):
            raise Unsupported("find_order")
        sleep(float(store.options.get("find_delay", 0)))
        return _tickets(store).placed(placement_key(store, order_ref))

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """The store's tickets that changed since then."""
        return _tickets(store).changed_since(store.id, since)

    def store_status(self, store: Store) -> StoreState:
        """What the option or :meth:`set_state` says."""
        return _state(store)

    def parse_event(
        self,
        headers: Mapping[str, str],
        body: bytes,
        stores: Mapping[str, Store],  # noqa: ARG002 - one secret for all stores
    ) -> Sequence[PosEvent]:
        """What this module's table of events says."""
        secret = os.environ.get("BOGUS_POS_SECRET", "bogus-secret")
        if not hmac.compare_digest(headers.get("x-bogus-secret", "").encode(), secret.encode()):
            raise InvalidSignature("x-bogus-secret is missing or wrong")
        return [_parsed(event) for event in json.loads(body)["events"]]

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """The ticket ends cancelled.

        :raises LookupError: when there is no such ticket, or it has come to its end.
        """
        _tickets(store).advance(order.id, "cancelled", reason)

    @staticmethod
    def tickets(file: str | Path | None = None) -> list[Ticket]:
        """All tickets, oldest first; of this process's own file when None."""
        return Tickets(file).all()

    @staticmethod
    def advance(file: str | Path | None, ticket_id: str, said: str, reason: str | None = None) -> None:
        """Let a ticket come to a status (``preparing``) or its end (``completed``, ``cancelled``); nobody is told.

        :raises LookupError: when there is no such ticket, or it has come to its end.
        """
        Tickets(file).advance(ticket_id, said, reason)

    @staticmethod
    def set_state(file: str | Path | None, store_id: str, state: StoreState) -> None:
        """Let a store open, close or go down from now on; nobody is told. Closed, it refuses quotes and orders; down, they fail."""
        Tickets(file).set_state(store_id, state)

    @staticmethod
    def sold_out(file: str | Path | None, item_id: str) -> None:
        """Let an item run out from now on: quotes and orders with it are refused, the menu keeps it."""
        Tickets(file).sold_out(item_id)

    @staticmethod
    def set_price(file: str | Path | None, item_id: str, price: Decimal) -> None:
        """Let an item or option cost that from now on."""
        Tickets(file).set_price(item_id, price)

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        state = _state(store)
        if state is StoreState.DOWN:
            raise NotPlaced("the bogus POS is down")
        if state is StoreState.CLOSED:
            return Refused(Reason.STORE_CLOSED, "the kitchen is closed")
        gone = {"out-of-stock", *_tickets(store).gone()}
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{item} has run out", item)
            for item in dict.fromkeys(_item_ids(order))
            if item in gone
        ]
        return Refused.all(refusals) if refusals else None


class BogusNative(BogusAdapter):
    """The same with native idempotency alone."""

    name = "bogus-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


class BogusLookUp(BogusAdapter):
    """The same with look-up alone: every ``place_order`` that gets that far makes a ticket, same key or not."""

    name = "bogus-look-up"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED}


class BogusClaim(BogusAdapter):
    """The same with neither native idempotency nor look-up: all rests on the kit's claim."""

    name = "bogus-claim"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


# -- tickets -----------------------------------------------------------------------------------------------------------


def _parsed(members: dict[str, Any]) -> PosEvent:
    kind = members.pop("type")
    unchecked = {name: members.pop(name) for name in _UNCHECKED.get(kind, ()) if members.get(name) is not None}
    return replace(_EVENTS[kind].validate_python(members), **unchecked)


def _tickets(store: Store) -> Tickets:
    return Tickets(store.options.get("file"))


def _state(store: Store) -> StoreState:
    return StoreState.CLOSED if store.options.get("closed") else _tickets(store).state(store.id)


def _commit(order: PlaceOrderRequest, store: Store, key: str, outcome: str, *, native: bool) -> Placed:
    status = PlacedStatus.PENDING if outcome == "pending" else PlacedStatus.ACCEPTED
    amounts = order.amounts
    if outcome == "other-price":
        amounts = _dearer(amounts or Amounts())
    return _tickets(store).add(Placed(f"bogus-{uuid4()}", status, amounts), order, store.id, key, native=native)


def _dearer(amounts: Amounts) -> Amounts:
    return Amounts.of(
        amounts.sub_total or ZERO,
        fees=amounts.fees or ZERO,
        promotions=amounts.promotions or ZERO,
        taxes=amounts.taxes or ZERO,
        adjustments=(amounts.adjustments or ZERO) + _SURCHARGE,
        tip=amounts.tip,
    )


def _item_ids(order: ExternalOrder) -> Iterator[str]:
    """Every item of the cart, modifiers at any depth included, in the order of the cart."""
    waiting = list(reversed(order.cart.line_items))
    while waiting:
        line = waiting.pop()
        yield line.item_id
        waiting.extend(reversed([choice for group in line.modifier_groups for choice in group.selected_modifiers]))


def _gate(store: Store, point: str) -> None:
    """Stand still where the store's options say so, until the test opens the gate."""
    if store.options.get("pause_at") != point:
        return
    gate = Path(store.options["gate"])
    (gate / point).touch()
    wait_until((gate / f"{point}.go").exists, message=f"{gate / point}.go")
