"""A fake point of sale whose behaviour is chosen by the test: the ordered items determine the outcome.

The first item of this table in the cart, modifiers included, determines the outcome; every other item is simply placed. "Ticket"
states if the POS has one afterwards.

======================  ======  ========================================================================================
item                    ticket  outcome of ``place_order``
======================  ======  ========================================================================================
``out-of-stock``        no      refuses with ``ITEM_UNAVAILABLE``; so does ``quote``
``payment-declined``    no      refuses with ``PAYMENT_DECLINED``
``connection-refused``  no      raises ``NotPlaced``
``times-out``           no      waits ``time_out`` seconds, then raises ``requests.exceptions.ReadTimeout``
``crashes``             no      raises ``RuntimeError``
``nonsense``            no      returns the text ``"OK"``
``reply-lost``          yes     raises ``requests.exceptions.ConnectionError``
``hangs``               yes     waits ``hang`` seconds, whatever the deadline, then returns its result
``pending``             yes     returns the status ``pending``
``other-price``         yes     returns amounts that are 0.50 higher, as an adjustment
======================  ======  ========================================================================================

Options of the store:

===================  ===================================================================================================
option               meaning
===================  ===================================================================================================
``file``             SQLite file of the tickets, shared by all processes that use it; survives SIGKILL. Default: the
                     environment's ``BOGUS_POS_FILE``, else a temporary file of this process
``tax``              true: ``quote`` adds 8.25 % of the subtotal
``closed``           true: ``quote`` and ``place_order`` refuse with ``STORE_CLOSED``, ``store_status`` returns closed
``delay``            seconds that every ``place_order`` waits first (0)
``find_delay``       seconds that every ``find_order`` waits (0)
``time_out``         seconds that ``times-out`` waits (1)
``hang``             seconds that ``hangs`` waits (60)
``pause_at``         ``before_commit`` or ``after_commit``: at this point ``place_order`` creates the file
                     ``<pause_directory>/<pause_at>`` and waits until ``<pause_directory>/<pause_at>.go`` exists, so that a
                     test can kill the process there
``pause_directory``  the directory of these files
``outcomes``         ``hidden``: the catalog does not contain the items of the table
===================  ===================================================================================================

With native idempotency a key that has a ticket is answered from it at once: no second ticket, and none of the above.

An accepted ticket is ``confirmed`` at once, a pending one has no status; ``advance`` moves it to the next step, and ``orders_since``
and ``cancel_order`` use the same state. Webhooks of the POS are ``{"events": [...]}`` with the header ``x-bogus-secret``, which is
the environment's ``BOGUS_POS_SECRET``, else ``bogus-secret``:

===========  ===========================================================================================================
``type``     further members, named as in the adapter's events
===========  ===========================================================================================================
``order``    ``store_id``, ``order_id`` or ``order_ref``, ``status`` or ``state``, ``reason``, ``estimated_ready_at``
``store``    ``store_id``, ``state``, ``reason``
``catalog``  ``store_id``
``item``     ``store_id``, ``item_id``, ``available``, ``until``
===========  ===========================================================================================================
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
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.bogus_products import OUTCOMES
from webhook_kit.testing.bogus_tickets import Ticket, Tickets
from webhook_kit.testing.processes import wait_until

__all__ = ["BogusAdapter", "BogusClaim", "BogusLookUp", "BogusNative", "Ticket", "pause"]

_TAX_RATE = Decimal("0.0825")
_SURCHARGE = Decimal("0.50")
_EVENTS: dict[str, TypeAdapter[PosEvent]] = {
    "order": TypeAdapter(OrderChanged),
    "store": TypeAdapter(StoreChanged),
    "catalog": TypeAdapter(CatalogChanged),
    "item": TypeAdapter(ItemChanged),
}
_UNCHECKED = {"order": ("status", "state"), "store": ("reason",)}
"""Members that are passed on unchecked, as an adapter does that relies on its POS."""


class BogusAdapter(PosAdapter):
    """The fake POS of this module's tables, with native idempotency and look-up."""

    name = "bogus"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the catalog of :mod:`~webhook_kit.testing.bogus_catalog`, with the prices that :meth:`set_price` changed."""
        _require_reachable(store)
        catalog = bogus_catalog().model_copy(deep=True)
        if store.options.get("outcomes") == "hidden":
            catalog = remove_items(catalog, OUTCOMES)
        for item_id, price in _tickets(store).prices().items():
            catalog.items[item_id].base_price = price
        return catalog

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """Return the catalog's price, plus tax with the option ``tax``; refuse if closed or out of stock."""
        _require_reachable(store)
        if refused := self._unavailable(order, store):
            return refused
        amounts = order.amounts or Amounts()
        if not store.options.get("tax"):
            return amounts
        sub_total = amounts.sub_total or ZERO
        return Amounts.of(sub_total, taxes=cents(sub_total * _TAX_RATE), tip=amounts.tip)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Follow the table of outcomes.

        :raises TimeoutError: when a pause is not ended.
        """
        _require_reachable(store)
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
                raise NotPlaced("connection refused by the fake POS")
            case "times-out":
                sleep(float(store.options.get("time_out", 1)))
                raise requests.exceptions.ReadTimeout("the fake POS timed out")
            case "crashes":
                raise RuntimeError("the fake POS crashed")
            case "nonsense":
                return "OK"  # type: ignore[return-value]  # tests the check of the result
        pause(store, "before_commit")
        placed = _commit(order, store, key, outcome, native=native)
        pause(store, "after_commit")
        match outcome:
            case "reply-lost":
                raise requests.exceptions.ConnectionError("the fake POS closed the connection before it responded")
            case "hangs":
                sleep(float(store.options.get("hang", 60)))
        return placed

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the first ticket of the order."""
        if not self.offers(Capability.FIND_ORDER):
            raise Unsupported("find_order")
        _require_reachable(store)
        sleep(float(store.options.get("find_delay", 0)))
        return _tickets(store).placed(placement_key(store, order_ref))

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """Return the store's tickets that changed since then."""
        _require_reachable(store)
        return _tickets(store).changed_since(store.id, since)

    def store_status(self, store: Store) -> StoreState:
        """Return the state of the option ``closed`` or of :meth:`set_state`."""
        _require_reachable(store)
        return _state(store)

    def parse_event(
        self,
        headers: Mapping[str, str],
        body: bytes,
        stores: Mapping[str, Store],  # noqa: ARG002 - one secret for all stores
    ) -> Sequence[PosEvent]:
        """Follow the table of events."""
        secret = os.environ.get("BOGUS_POS_SECRET", "bogus-secret")
        if not hmac.compare_digest(headers.get("x-bogus-secret", "").encode(), secret.encode()):
            raise InvalidSignature("x-bogus-secret is missing or wrong")
        return [_parsed(event) for event in json.loads(body)["events"]]

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel the ticket.

        :raises LookupError: when there is no such ticket, or it has ended.
        """
        _require_reachable(store)
        _tickets(store).advance(order.id, "cancelled", reason)

    @staticmethod
    def tickets(file: str | Path | None = None) -> list[Ticket]:
        """Return all tickets, oldest first; of this process's own file when None."""
        return Tickets(file).all()

    @staticmethod
    def advance(file: str | Path | None, ticket_id: str, step: str, reason: str | None = None) -> None:
        """Move a ticket to a status (``preparing``) or end it (``completed``, ``cancelled``), without a webhook.

        :raises LookupError: when there is no such ticket, or it has ended.
        """
        Tickets(file).advance(ticket_id, step, reason)

    @staticmethod
    def set_state(file: str | Path | None, store_id: str, state: StoreState) -> None:
        """Change the state of a store, without a webhook. CLOSED refuses quotes and orders; DOWN lets them fail."""
        Tickets(file).set_state(store_id, state)

    @staticmethod
    def set_reachable(file: str | Path | None, *, reachable: bool) -> None:
        """Let every call of the POS fail, or end that. Its webhooks are still parsed."""
        Tickets(file).set_reachable(reachable=reachable)

    @staticmethod
    def sell_out(file: str | Path | None, item_id: str) -> None:
        """Make an item unavailable: quotes and orders with it are refused; the catalog keeps it."""
        Tickets(file).sell_out(item_id)

    @staticmethod
    def set_price(file: str | Path | None, item_id: str, price: Decimal) -> None:
        """Change the price of an item or option."""
        Tickets(file).set_price(item_id, price)

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        state = _state(store)
        if state is StoreState.DOWN:
            raise NotPlaced("the fake POS is down")
        if state is StoreState.CLOSED:
            return Refused(Reason.STORE_CLOSED, "the store is closed")
        unavailable = {"out-of-stock", *_tickets(store).unavailable_items()}
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{item} has run out", item)
            for item in dict.fromkeys(_item_ids(order))
            if item in unavailable
        ]
        return Refused.all(refusals) if refusals else None


class BogusNative(BogusAdapter):
    """Variant with native idempotency only."""

    name = "bogus-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


class BogusLookUp(BogusAdapter):
    """Variant with look-up only: every successful ``place_order`` makes a ticket, also for a key that has one."""

    name = "bogus-look-up"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED}


class BogusClaim(BogusAdapter):
    """Variant with neither native idempotency nor look-up: only the kit's claim protects an order."""

    name = "bogus-claim"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


def pause(store: Store, point: str) -> None:
    """Wait at this point if it is the store's ``pause_at``, until the test ends the pause.

    :raises TimeoutError: when it is not ended in time.
    """
    if store.options.get("pause_at") != point:
        return
    directory = Path(store.options["pause_directory"])
    (directory / point).touch()
    wait_until((directory / f"{point}.go").exists, message=f"{directory / point}.go")


# -- tickets -----------------------------------------------------------------------------------------------------------


def _parsed(members: dict[str, Any]) -> PosEvent:
    kind = members.pop("type")
    unchecked = {name: members.pop(name) for name in _UNCHECKED.get(kind, ()) if members.get(name) is not None}
    return replace(_EVENTS[kind].validate_python(members), **unchecked)


def _tickets(store: Store) -> Tickets:
    return Tickets(store.options.get("file"))


def _require_reachable(store: Store) -> None:
    if not _tickets(store).reachable():
        raise NotPlaced("the fake POS does not answer")


def _state(store: Store) -> StoreState:
    return StoreState.CLOSED if store.options.get("closed") else _tickets(store).state(store.id)


def _commit(order: PlaceOrderRequest, store: Store, key: str, outcome: str, *, native: bool) -> Placed:
    status = PlacedStatus.PENDING if outcome == "pending" else PlacedStatus.ACCEPTED
    amounts = order.amounts
    if outcome == "other-price":
        amounts = _with_surcharge(amounts or Amounts())
    return _tickets(store).add(Placed(f"bogus-{uuid4()}", status, amounts), order, store.id, key, native=native)


def _with_surcharge(amounts: Amounts) -> Amounts:
    return Amounts.of(
        amounts.sub_total or ZERO,
        fees=amounts.fees or ZERO,
        promotions=amounts.promotions or ZERO,
        taxes=amounts.taxes or ZERO,
        adjustments=(amounts.adjustments or ZERO) + _SURCHARGE,
        tip=amounts.tip,
    )


def _item_ids(order: ExternalOrder) -> Iterator[str]:
    """Yield every item of the cart, modifiers at any depth included, in the order of the cart."""
    pending = list(reversed(order.cart.line_items))
    while pending:
        line = pending.pop()
        yield line.item_id
        pending.extend(reversed([option for group in line.modifier_groups for option in group.selected_modifiers]))
