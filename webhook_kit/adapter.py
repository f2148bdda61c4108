"""The adapter of a POS: one subclass of :class:`PosAdapter`, written by the POS's vendor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from webhook_kit.errors import NotPlaced, Unsupported
from webhook_kit.gett.models.catalog import ExternalCatalogSet as CatalogSet
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest
from webhook_kit.gett.models.order import ExternalOrder as Order
from webhook_kit.gett.models.store import OrderState, OrderStatus, PauseReason
from webhook_kit.pos.capabilities import Capability, Guarantee, Level
from webhook_kit.pos.reasons import Reason
from webhook_kit.pos.store import Store, placement_key
from webhook_kit.pos.store_config import HasConfig, HasCredentials, M_co, store_config, store_credentials
from webhook_kit.texts import WellFormed

if TYPE_CHECKING:
    from webhook_kit.pos.session import PosSession

__all__ = [
    "Capability",
    "CatalogChanged",
    "CatalogSet",
    "Guarantee",
    "ItemChanged",
    "Level",
    "NotPlaced",
    "Order",
    "OrderChanged",
    "OrderProgress",
    "OrderState",
    "OrderStatus",
    "PauseReason",
    "Placed",
    "PlacedStatus",
    "PosAdapter",
    "PosEvent",
    "PosOrder",
    "Reason",
    "Refusal",
    "Refused",
    "Store",
    "StoreChanged",
    "StoreState",
    "Unsupported",
    "placement_key",
]


class PosAdapter(ABC):
    """The contract between the kit and a POS. Subclass it and override the methods that the POS can support.

    One object serves many stores in many threads: keep no state of a store or an order in it. ``store`` has all that belongs to one.

    * A business refusal is a **result**: return :class:`Refused`.
    * A failure of the POS is an **exception**, in every method: raise it, or do not catch it, and call ``response.raise_for_status()``.
      An exception from ``place_order`` leaves the order *in doubt*, because the POS may have the ticket. Only
      :class:`~webhook_kit.errors.NotPlaced` states that nothing reached the POS; ``self.http`` raises it if no connection was made.
    """

    name: ClassVar[str] = ""
    """Name of the adapter in logs; empty: the class name."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {}
    """Levels that differ from the default: an overridden method counts as supported, any other as unsupported."""

    class Config(BaseModel, extra="allow", frozen=True):
        """Options of a store. An adapter that declares none accepts any.

        ::

            class Config(BaseModel):
                base_url: str = Field(pattern="^https?://", description="Address of the POS's API.")
                terminal: int = 1
        """

    class Credentials(BaseModel, extra="allow", frozen=True):
        """Credentials of a store, never logged or shown. An adapter that declares none accepts any.

        ::

            class Credentials(BaseModel):
                token: SecretStr = Field(description="Access token of the store.")
        """

    def config(self: HasConfig[M_co], store: Store) -> M_co:
        """Return the store's options as an object of ``Config``: ``self.config(store).base_url``."""
        return store_config(self, store)

    def credentials(self: HasCredentials[M_co], store: Store) -> M_co:
        """Return the store's credentials: ``self.credentials(store).token.get_secret_value()``."""
        return store_credentials(self, store)

    @property
    def http(self) -> PosSession:
        """A ``requests`` session of this process and thread, with time-outs, bound to the deadline of the running call."""
        from webhook_kit.pos.session import current_session  # not above: a command that calls no POS needs no requests

        return current_session()

    # -- required ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the store's whole catalog (``gett-protocol.md §4``). Ids must stay the same from fetch to fetch.

        ::

            rows = self.http.get(f"{self.config(store).base_url}/items").json()
            items = [Item(item_id=row["id"], name=row["name"], base_price=Decimal(row["price"])) for row in rows]
            return simple_catalog({"Pizza": items})
        """

    @abstractmethod
    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Create the ticket in the POS.

        ::

            url, ticket = f"{self.config(store).base_url}/tickets", order.to_wire()
            response = self.http.post(url, json=ticket, headers={"Idempotency-Key": key})
            if response.status_code == 409:
                return Refused(Reason.ITEM_UNAVAILABLE, response.text)
            response.raise_for_status()
            return Placed(response.json()["id"])

        :param order: validated and priced. ``order.amounts`` is what the customer accepted, ``order.order_ref`` the name of the
            order, ``order.payment`` how it is paid (never log it).
        :param key: the same for every attempt at this order (:func:`placement_key`). Pass it to a POS that takes an idempotency
            key, or store it with the ticket, so that :meth:`find_order` can find the ticket.
        :raises NotPlaced: when nothing can have reached the POS.
        """

    # -- optional: each improves the integration -----------------------------------------------------------------------

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the ticket of an order; None only if the POS itself has answered that it has none: the kit then places the order.

        ::

            response = self.http.get(f"{self.config(store).base_url}/tickets", params={"ref": order_ref})
            response.raise_for_status()
            return Placed(tickets[0]["id"]) if (tickets := response.json()) else None
        """
        raise Unsupported("find_order")

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        """Price the order as the POS would: taxes, fees, availability (``docs/cookbook.md``). Without side effects.

        Called for every validation and before every placement; ``order.amounts`` has the catalog's price and the tip.

        ::

            priced = self.http.post(f"{self.config(store).base_url}/quotes", json=order.to_wire()).json()
            return Amounts.of(Decimal(priced["net"]), taxes=Decimal(priced["tax"]), tip=order.tip)
        """
        raise Unsupported("quote")

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """Return the store's orders changed since then, ended ones included. Finds changes that no event reported.

        ::

            rows = self.http.get(f"{self.config(store).base_url}/tickets", params={"since": since.isoformat()}).json()
            return [PosOrder(row["id"], row["ref"], status=STATUSES[row["status"]]) for row in rows]
        """
        raise Unsupported("orders_since")

    def store_status(self, store: Store) -> StoreState:
        """Return the state of the store's POS: ``OPEN`` if it takes orders now.

        ::

            is_open = self.http.get(f"{self.config(store).base_url}/status").json()["open"]
            return StoreState.OPEN if is_open else StoreState.CLOSED
        """
        raise Unsupported("store_status")

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """Authenticate and parse one of the POS's own webhooks.

        ::

            store = stores.get(headers.get("x-store", ""))
            if store is None or not hmac.compare_digest(headers.get("x-signature", ""), self._signature(store, body)):
                raise InvalidSignature("x-signature is missing or wrong")
            event = json.loads(body)
            return [OrderChanged(store.id, event["id"], status=OrderStatus.READY)]

        :param headers: names in lower case.
        :param stores: the stores that this adapter serves, by the partner's own id; the webhook's secret is one of theirs.
        :raises InvalidSignature: when the POS did not send it.
        """
        raise Unsupported("parse_event")

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Cancel an order in the POS; raise if the POS does not cancel it.

        ::

            url = f"{self.config(store).base_url}/tickets/{order.id}/cancel"
            self.http.post(url, json={"reason": reason}).raise_for_status()
        """
        raise Unsupported("cancel_order")

    # -- read by the kit -----------------------------------------------------------------------------------------------

    @classmethod
    def level(cls, capability: Capability) -> Level:
        """Return the level of a capability: the declared one, else by the methods that are overridden."""
        if (declared := cls.capabilities.get(capability)) is not None:
            return declared
        if capability is Capability.NATIVE_IDEMPOTENCY:
            return Level.UNKNOWN
        overridden = getattr(cls, capability.value) is not getattr(PosAdapter, capability.value)
        return Level.SUPPORTED if overridden else Level.UNSUPPORTED

    @classmethod
    def offers(cls, capability: Capability) -> bool:
        """Return True if the kit may rely on a capability."""
        return cls.level(capability).usable

    @classmethod
    def guarantee(cls) -> Guarantee:
        """Return the basis of "one ticket per order" with this adapter."""
        if cls.offers(Capability.NATIVE_IDEMPOTENCY):
            return Guarantee.NATIVE
        return Guarantee.LOOK_UP if cls.offers(Capability.FIND_ORDER) else Guarantee.CLAIM


# -- results -----------------------------------------------------------------------------------------------------------


class PlacedStatus(StrEnum):
    """Acceptance of a new ticket by the POS."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    """The POS decides later; until then the order is not confirmed at Gett."""


@dataclass(frozen=True, slots=True)
class Placed(WellFormed):
    """Result of a placement: the POS has a ticket.

    :ivar id: the POS's own order id (Gett's ``partnerOrderId``); must not be used again within a store while ``ORDER_TTL`` lasts.
    :ivar amounts: the amounts that the POS charges, if it reports them.
    """

    id: str
    status: PlacedStatus = PlacedStatus.ACCEPTED
    amounts: Amounts | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise TypeError(f"Placed.id must be the POS's order id as text, not {self.id!r}")
        if self.status not in set(PlacedStatus):
            raise ValueError(f"Placed.status must be ACCEPTED or PENDING, not {self.status!r}")
        if not isinstance(self.amounts, Amounts | None):
            raise TypeError(f"Placed.amounts must be Amounts, not {type(self.amounts).__name__}")
        WellFormed.__post_init__(self)


@dataclass(frozen=True, slots=True)
class Refusal(WellFormed):
    """One reason why the POS does not take an order.

    :ivar message: the POS's own text, for people.
    :ivar item_id: the item meant, if there is one.
    :ivar json_path: the place in the order, if known (``$.cart.lineItems[0]``).
    """

    reason: Reason
    message: str
    item_id: str | None = None
    json_path: str | None = None


class Refused:
    """Result of a quote or placement: the POS does not take the order. It has no ticket, and will not make one.

    ``Refused(Reason.ITEM_UNAVAILABLE, "no salmon today", item_id="42")``, or ``Refused.all([...])`` for several reasons.
    """

    __slots__ = ("refusals",)

    def __init__(
        self, reason: Reason, message: str, *, item_id: str | None = None, json_path: str | None = None
    ) -> None:
        self.refusals: tuple[Refusal, ...] = (Refusal(reason, message, item_id, json_path),)

    @classmethod
    def all(cls, refusals: Iterable[Refusal]) -> Refused:
        """Refuse for several reasons at once."""
        result = cls.__new__(cls)
        result.refusals = tuple(refusals)
        if not result.refusals:
            raise ValueError("a refusal needs at least one reason")
        return result

    def __repr__(self) -> str:
        return f"Refused({', '.join(f'{r.reason}: {r.message}' for r in self.refusals)})"


class StoreState(StrEnum):
    """Readiness of a store's POS to take orders."""

    OPEN = "open"
    CLOSED = "closed"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProgress(WellFormed):
    """Progress of an order at the POS: the fields that :class:`OrderChanged` and :class:`PosOrder` share.

    :ivar status: the step of an open order; None while the POS has not confirmed it.
    :ivar state: ``COMPLETED`` or ``CANCELLED`` once the order has ended; None or ``OPEN`` before.
    :ivar reason: the reason of a cancellation, for people.
    :ivar estimated_ready_at: the time at which the food will be ready; aware.
    """

    status: OrderStatus | None = None
    state: OrderState | None = None
    reason: str | None = None
    estimated_ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PosOrder(OrderProgress):
    """An order as the POS has it now, for reconciliation; ended ones included.

    :ivar id: the POS's order id, as in :class:`Placed`.
    :ivar order_ref: the ``order.order_ref`` that :meth:`PosAdapter.place_order` received, if the POS has kept it.
    """

    id: str
    order_ref: str = ""


# -- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderChanged(OrderProgress):
    """Event: an order has reached a step (``status``) or has ended (``state``).

    :ivar store_id: the partner's own id of the store.
    :ivar order_id: the POS's order id, as in :class:`Placed`; or name the order by ``order_ref``.
    """

    store_id: str
    order_id: str = ""
    order_ref: str = ""


@dataclass(frozen=True, slots=True)
class StoreChanged(WellFormed):
    """Event: the POS opens or closes (``state``: any but ``UNKNOWN``).

    :ivar reason: the reason of the pause at Gett, if the POS closes.
    """

    store_id: str
    state: StoreState
    reason: PauseReason = PauseReason.OPERATIONAL_ISSUES


@dataclass(frozen=True, slots=True)
class CatalogChanged(WellFormed):
    """Event: the POS's catalog has changed."""

    store_id: str


@dataclass(frozen=True, slots=True)
class ItemChanged(WellFormed):
    """Event: an item or option became unavailable, or available again. The catalog itself stays as it is.

    :ivar until: the time at which it becomes available again; aware. None: until the next event.
    """

    store_id: str
    item_id: str
    available: bool
    until: datetime | None = None


PosEvent = OrderChanged | StoreChanged | CatalogChanged | ItemChanged
