"""What a POS vendor writes: one subclass of :class:`PosAdapter`.

Two methods make a complete adapter, :meth:`~PosAdapter.fetch_catalog` and :meth:`~PosAdapter.place_order`; each further one
makes the integration better. One adapter object serves many stores from many threads at once: keep no state about a store
or an order in it. Everything store-specific, credentials included, arrives in ``store``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from webhook_kit.errors import NotPlaced, Unsupported
from webhook_kit.gett.models.catalog import ExternalCatalogSet as CatalogSet
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import OrderState, OrderStatus, PauseReason
from webhook_kit.pos.session import PosSession, current_session

__all__ = [
    "Capability",
    "CatalogChanged",
    "CatalogSet",
    "Guarantee",
    "ItemChanged",
    "Level",
    "NotPlaced",
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


@dataclass(frozen=True, slots=True)
class Store:
    """One restaurant, as its adapter sees it.

    :ivar id: the partner's own id of the store (Gett's ``partnerStoreId``).
    :ivar gett_id: Gett's id of the store.
    :ivar adapter: name of the adapter that serves it.
    :ivar timezone: the zone in which its opening hours are read.
    :ivar name: what people call it.
    :ivar fulfillment_types: the fulfillment types it offers; None accepts any.
    :ivar credentials: whatever the POS needs to let us in; never logged.
    :ivar options: whatever else the adapter wants to know about this store.
    """

    id: str
    gett_id: str
    adapter: str
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    name: str = ""
    fulfillment_types: frozenset[str] | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.gett_id))


class Reason(StrEnum):
    """Why a POS refuses, in the trade's standard terms; each has its code at Gett (``gett-protocol.md §3``)."""

    ITEM_UNKNOWN = "item_unknown"
    ITEM_UNAVAILABLE = "item_unavailable"
    ITEM_OUT_OF_HOURS = "item_out_of_hours"
    MODIFIER_MISSING = "modifier_missing"
    MODIFIER_TOO_MANY = "modifier_too_many"
    MODIFIER_FOREIGN = "modifier_foreign"
    STORE_CLOSED = "store_closed"
    STORE_PAUSED = "store_paused"
    STORE_UNREACHABLE = "store_unreachable"
    STORE_OVER_CAPACITY = "store_over_capacity"
    LEAD_TIME_TOO_SHORT = "lead_time_too_short"
    STORE_UNKNOWN = "store_unknown"
    PRICE_DIFFERENT = "price_different"
    BELOW_MINIMUM = "below_minimum"
    ADDRESS_INVALID = "address_invalid"
    ADDRESS_OUT_OF_RANGE = "address_out_of_range"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_METHOD_INVALID = "payment_method_invalid"
    PAYMENT_FAILED = "payment_failed"
    OTHER = "other"

    @property
    def code(self) -> ErrorCode:
        """The protocol's code for this reason."""
        return _CODES[self]


_CODES: dict[Reason, ErrorCode] = {
    Reason.ITEM_UNKNOWN: ErrorCode.ITEM_UNAVAILABLE,
    Reason.ITEM_UNAVAILABLE: ErrorCode.ITEM_UNAVAILABLE,
    Reason.ITEM_OUT_OF_HOURS: ErrorCode.ITEM_UNAVAILABLE,
    Reason.MODIFIER_MISSING: ErrorCode.MODIFIER_REQUIRED,
    Reason.MODIFIER_TOO_MANY: ErrorCode.MODIFIER_REQUIRED,
    Reason.MODIFIER_FOREIGN: ErrorCode.MODIFIER_REQUIRED,
    Reason.STORE_CLOSED: ErrorCode.STORE_CLOSED,
    Reason.STORE_PAUSED: ErrorCode.STORE_CLOSED,
    Reason.STORE_UNREACHABLE: ErrorCode.STORE_CLOSED,
    Reason.STORE_OVER_CAPACITY: ErrorCode.STORE_CLOSED,
    Reason.LEAD_TIME_TOO_SHORT: ErrorCode.STORE_CLOSED,
    Reason.STORE_UNKNOWN: ErrorCode.STORE_NOT_FOUND,
    Reason.PRICE_DIFFERENT: ErrorCode.ORDER_TOTAL_DIFFERENT,
    Reason.BELOW_MINIMUM: ErrorCode.ORDER_BELOW_MINIMUM,
    Reason.ADDRESS_INVALID: ErrorCode.ADDRESS_INVALID,
    Reason.ADDRESS_OUT_OF_RANGE: ErrorCode.ADDRESS_OUT_OF_RANGE,
    Reason.PAYMENT_DECLINED: ErrorCode.PAYMENT_DECLINED,
    Reason.PAYMENT_METHOD_INVALID: ErrorCode.PAYMENT_METHOD_INVALID,
    Reason.PAYMENT_FAILED: ErrorCode.PAYMENT_FAILED,
    Reason.OTHER: ErrorCode.OTHER,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why the POS does not take an order.

    :ivar reason: the standard term.
    :ivar message: the POS's own words, for people.
    :ivar item_id: the item meant, if one is.
    :ivar json_path: the place in the order, if known (``$.cart.lineItems[0]``).
    """

    reason: Reason
    message: str
    item_id: str | None = None
    json_path: str | None = None


class Refused:
    """The POS's answer "no": a result, not an exception. Nothing was placed, and nothing will be.

    ``Refused(Reason.ITEM_UNAVAILABLE, "no salmon today", item_id="42")``, or ``Refused.all([...])`` for several reasons.
    """

    __slots__ = ("refusals",)

    refusals: tuple[Refusal, ...]

    def __init__(
        self, reason: Reason, message: str, *, item_id: str | None = None, json_path: str | None = None
    ) -> None:
        self.refusals = (Refusal(reason, message, item_id, json_path),)

    @classmethod
    def all(cls, refusals: Iterable[Refusal]) -> Refused:
        """All reasons at once."""
        made = cls.__new__(cls)
        made.refusals = tuple(refusals)
        if not made.refusals:
            raise ValueError("a refusal needs at least one reason")
        return made

    def __repr__(self) -> str:
        return f"Refused({', '.join(f'{r.reason}: {r.message}' for r in self.refusals)})"


class PlacedStatus(StrEnum):
    """Acceptance of a new ticket by the POS."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    """The POS decides later; until then the order is not confirmed at Gett."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The POS's answer "yes": there is a ticket.

    :ivar id: the POS's own order id (Gett's ``partnerOrderId``).
    :ivar amounts: the amounts that the POS charges, when it reports them.
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


class StoreState(StrEnum):
    """Whether the POS can take orders now."""

    OPEN = "open"
    CLOSED = "closed"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderProgress:
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
class OrderChanged(OrderProgress):
    """Event: an order has reached a step (``status``) or has ended (``state``).

    :ivar store_id: the partner's own id of the store.
    :ivar order_id: the POS's order id, as in :class:`Placed`; or name the order by ``order_ref``.
    """

    store_id: str
    order_id: str = ""
    order_ref: str = ""


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """Event: the POS opens or closes.

    :ivar state: any but ``UNKNOWN``.
    :ivar reason: the reason of the pause at Gett, should the POS close.
    """

    store_id: str
    state: StoreState
    reason: PauseReason = PauseReason.OPERATIONAL_ISSUES


@dataclass(frozen=True, slots=True)
class CatalogChanged:
    """The POS's menu has changed."""

    store_id: str


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """An item or option of the menu has run out, or is back; the menu itself stays as it is.

    :ivar until: when it is back by itself; aware. None: until the POS says so.
    """

    store_id: str
    item_id: str
    available: bool
    until: datetime | None = None


PosEvent = OrderChanged | StoreChanged | CatalogChanged | ItemChanged


@dataclass(frozen=True, slots=True)
class PosOrder(OrderProgress):
    """An order as the POS has it now, for reconciliation; closed ones included.

    :ivar id: the POS's order id, as in :class:`Placed`.
    :ivar order_ref: the ``order.order_ref`` that :meth:`PosAdapter.place_order` received, if the POS has kept it.
    """

    id: str
    order_ref: str = ""


class Level(StrEnum):
    """How far an adapter vouches for a capability."""

    UNKNOWN = "unknown"
    """Nobody has looked."""
    UNSUPPORTED = "unsupported"
    """Not offered."""
    SUPPORTED = "supported"
    """Written, not proven by the contract suite."""
    TESTED = "tested"
    """Proven by the contract suite against the POS or a faithful fake."""

    @property
    def usable(self) -> bool:
        """Whether the kit relies on it."""
        return self in (Level.SUPPORTED, Level.TESTED)


class Capability(StrEnum):
    """What an adapter can do beyond menu and ticket."""

    NATIVE_IDEMPOTENCY = "native_idempotency"
    """The POS takes our key: ``place_order`` twice with one key makes one ticket and gives one answer."""
    FIND_ORDER = "find_order"
    QUOTE = "quote"
    ORDERS_SINCE = "orders_since"
    STORE_STATUS = "store_status"
    EVENTS = "parse_event"
    CANCEL_ORDER = "cancel_order"


class Guarantee(StrEnum):
    """What "one ticket per order" rests on."""

    NATIVE = "native"
    """The POS takes our key: holds even when Redis is emptied."""
    LOOK_UP = "look-up"
    """The kit always looks up before it places: holds even when Redis is emptied."""
    CLAIM = "claim"
    """Holds as long as Redis keeps the claim; an order in doubt waits for a person."""


def placement_key(store: Store, order_ref: str) -> str:
    """The idempotency key towards the POS: the same for every attempt at one order of one store, a UUID in text."""
    return str(uuid5(_KEY_NAMESPACE, f"{store.id}\n{order_ref}"))


_KEY_NAMESPACE = UUID("5f0a3c0e-6c3b-5c55-9d1e-6a2b5e0d7c11")


class PosAdapter(ABC):
    """The contract between the kit and a POS. Subclass it, override what your POS can do, set ``capabilities``.

    How results and failures are told apart:

    * a business refusal is a **result**: return :class:`Refused`;
    * a transport failure is an **exception**: raise it or let it pass. Out of ``place_order`` it leaves the order *in doubt*,
      because the POS may have it; only :class:`~webhook_kit.errors.NotPlaced` says that nothing can have reached the POS.
      ``self.http`` raises that by itself when no connection came about.
    """

    name: ClassVar[str] = ""
    """What the adapter calls itself in logs; its class name when empty."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {}
    """Levels that differ from the default: an overridden method counts as supported, any other as unsupported."""

    @property
    def http(self) -> PosSession:
        """A ``requests`` session of this process and thread, with time-outs, bound to the deadline of the running call."""
        return current_session()

    # -- required ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def fetch_catalog(self, store: Store) -> CatalogSet:
        """The store's whole menu (``gett-protocol.md §4``). Ids must stay the same from fetch to fetch."""

    @abstractmethod
    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Put the ticket into the POS.

        :param order: checked and priced; ``order.amounts`` is what the customer accepted, ``order.order_ref`` the order's
            name, ``order.payment`` how it is paid (never log it).
        :param key: the same for every attempt at this order: hand it to a POS that takes an idempotency key, or keep it with
            the ticket so that :meth:`find_order` finds it (:func:`placement_key` computes it from store and ``order_ref``).
        :raises NotPlaced: when nothing can have reached the POS.
        """

    # -- optional: each makes the integration better -------------------------------------------------------------------

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """The ticket of an order, or None. Settles placements whose answer was lost."""
        raise Unsupported("find_order")

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        """Price the order as the POS would: taxes, fees, live availability. No side effects, ever.

        ``order.amounts`` holds the catalog's price and the tip. Called for every validation and before every placement.
        """
        raise Unsupported("quote")

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        """The store's orders changed since then, closed ones included."""
        raise Unsupported("orders_since")

    def store_status(self, store: Store) -> StoreState:
        """Whether the POS takes orders now."""
        raise Unsupported("store_status")

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        """Authenticate and parse one of the POS's own webhooks.

        :param headers: names in lower case.
        :param stores: the stores that this adapter serves, by the partner's own id: the webhook's secret is one of theirs.
        :raises InvalidSignature: when the POS did not send it.
        """
        raise Unsupported("parse_event")

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        """Take an order back out of the POS."""
        raise Unsupported("cancel_order")

    # -- what the kit reads off an adapter -----------------------------------------------------------------------------

    @classmethod
    def level(cls, capability: Capability) -> Level:
        """How far this adapter vouches for a capability."""
        declared = cls.capabilities.get(capability)
        if declared is not None:
            return declared
        if capability is Capability.NATIVE_IDEMPOTENCY:
            return Level.UNKNOWN
        return Level.SUPPORTED if cls._overrides(capability.value) else Level.UNSUPPORTED

    @classmethod
    def offers(cls, capability: Capability) -> bool:
        """Whether the kit may rely on a capability."""
        return cls.level(capability).usable

    @classmethod
    def guarantee(cls) -> Guarantee:
        """What one ticket per order rests on with this adapter."""
        if cls.offers(Capability.NATIVE_IDEMPOTENCY):
            return Guarantee.NATIVE
        return Guarantee.LOOK_UP if cls.offers(Capability.FIND_ORDER) else Guarantee.CLAIM

    @classmethod
    def validate_class(cls) -> list[str]:
        """What the class promises but does not keep, one line each; the registry refuses such an adapter."""
        breaches = [f"{cls.__name__} does not define {method}()" for method in sorted(cls.__abstractmethods__)]
        breaches += [
            f"{cls.__name__}.capabilities says {capability} is {level}, but {cls.__name__} does not define {capability.value}()"
            for capability, level in cls.capabilities.items()
            if capability is not Capability.NATIVE_IDEMPOTENCY and level.usable and not cls._overrides(capability.value)
        ]
        return breaches

    @classmethod
    def _overrides(cls, method: str) -> bool:
        return getattr(cls, method) is not getattr(PosAdapter, method)
