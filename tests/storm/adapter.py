"""The adapters of the storm's POS, one per guarantee. They call it over HTTP, so that its tickets are outside of the kit's processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import TypeAdapter

from tests.storm.menu import menu
from webhook_kit import (
    Amounts,
    Capability,
    CatalogChanged,
    CatalogSet,
    InvalidSignature,
    ItemChanged,
    Level,
    Order,
    OrderChanged,
    OrderState,
    OrderStatus,
    Placed,
    PlacedStatus,
    PlaceOrderRequest,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refused,
    Store,
    StoreChanged,
    StoreState,
    Unsupported,
)

__all__ = ["ADAPTERS", "SECRET"]

SECRET = "storm"
"""Value of the header ``x-storm`` of each event."""

_EVENTS: dict[str, TypeAdapter[PosEvent]] = {
    "order": TypeAdapter(OrderChanged),
    "store": TypeAdapter(StoreChanged),
    "catalog": TypeAdapter(CatalogChanged),
    "item": TypeAdapter(ItemChanged),
}


class StormPos(PosAdapter):
    """Base of the three. The store's option ``url`` is the address of the POS."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        return menu(self._ask(store, "catalog")["prices"])

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        return _refused(answer := self._ask(store, "quote", order=_wire(order))) or _amounts(answer)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        answer = self._ask(store, "place", order=_wire(order), ref=order.order_ref, key=key)
        return _refused(answer) or _placed(answer)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        if not self.offers(Capability.FIND_ORDER):
            raise Unsupported("find_order")
        answer = self._ask(store, "find", ref=order_ref)
        return _placed(answer) if answer else None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [
            PosOrder(
                ticket["id"],
                ticket["ref"],
                status=OrderStatus(ticket["status"]) if ticket["status"] else None,
                state=OrderState(ticket["state"]) if ticket["state"] else None,
                reason=ticket["reason"],
            )
            for ticket in self._ask(store, "since", since=since.timestamp())["tickets"]
        ]

    def store_status(self, store: Store) -> StoreState:
        return StoreState(self._ask(store, "status")["state"])

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        if headers.get("x-storm") != SECRET:
            raise InvalidSignature("x-storm is missing or wrong")
        return [_EVENTS[event.pop("type")].validate_python(event) for event in json.loads(body)["events"]]

    def _ask(self, store: Store, call: str, **members: Any) -> Any:
        response = self.http.post(f"{store.options['url']}/{call}", json={"store": store.id, **members})
        response.raise_for_status()
        return response.json()


class NativePos(StormPos):
    name = "storm-native"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


class LookUpPos(StormPos):
    name = "storm-look-up"
    capabilities: ClassVar[Mapping[Capability, Level]] = {Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED}


class ClaimPos(StormPos):
    name = "storm-claim"
    capabilities: ClassVar[Mapping[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
        Capability.QUOTE: Level.UNSUPPORTED,
    }


ADAPTERS = {
    level: f"{__name__}:{adapter.__name__}"
    for level, adapter in {"native": NativePos, "look-up": LookUpPos, "claim": ClaimPos}.items()
}
"""The adapter of each guarantee."""


def _wire(order: Order) -> dict[str, Any]:
    return {name: value for name, value in order.to_wire().items() if name not in ("payment", "validatedOrderToken")}


def _refused(answer: Mapping[str, Any]) -> Refused | None:
    return Refused(Reason(answer["refused"]), answer["message"]) if "refused" in answer else None


def _placed(answer: Mapping[str, Any]) -> Placed:
    return Placed(answer["id"], PlacedStatus(answer["accepted"]), _amounts(answer))


def _amounts(answer: Mapping[str, Any]) -> Amounts:
    return Amounts.model_validate(answer["amounts"])
