"""Orders: carts, amounts, customers, delivery, payment (``gett-protocol.md §3``)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from webhook_kit.gett.models.base import Id, Listed, Quantity, UtcTime, Wire
from webhook_kit.gett.models.money import LIMIT, ZERO, Money, Price, cents

__all__ = [
    "AmountDescription",
    "Amounts",
    "Cart",
    "CartModifierGroup",
    "ExternalAddress",
    "ExternalCustomer",
    "ExternalDeliveryInfo",
    "ExternalOrder",
    "Fulfillment",
    "LineItem",
    "Location",
    "PaymentInfo",
    "PlaceOrderRequest",
    "ValidationError",
]


class Fulfillment(StrEnum):
    """Fulfillment types of the protocol; others are accepted as text (``§3``)."""

    DELIVERY = "DeliveryByMerchant"
    PICKUP = "Pickup"


class CartModifierGroup(Wire):
    """Selected modifiers of one group; each is a line again, so modifiers nest."""

    # [D] The names of the two nested lists are from the public examples.
    modifier_group_id: Id
    selected_modifiers: Listed[LineItem] = Field(default_factory=list)


class LineItem(Wire):
    """One line of a cart, or one selected modifier."""

    line_item_id: str | None = None
    item_id: Id
    quantity: Quantity = 1
    modifier_groups: Listed[CartModifierGroup] = Field(default_factory=list)


class Cart(Wire):
    """The lines of an order and its store. The client keeps the cart."""

    catalog_set_id: str | None = None
    store_id: Id
    line_items: list[LineItem]


class AmountDescription(Wire):
    """One named part of an amount; the amount is the sum of its parts."""

    name: str
    value: Money


class Amounts(Wire):
    """Amounts of an order: ``subTotal + fees − promotions + taxes + adjustments + tip = total``, to the cent.

    ``promotions`` is positive. Every member may be absent: a validateOrder request has at most ``tip``.
    """

    sub_total: Money | None = None
    fees: Money | None = None
    fees_description: list[AmountDescription] | None = None
    promotions: Money | None = None
    promotions_description: list[AmountDescription] | None = None
    taxes: Money | None = None
    taxes_description: list[AmountDescription] | None = None
    adjustments: Money | None = None
    adjustments_description: list[AmountDescription] | None = None
    tip: Price | None = None
    tip_description: list[AmountDescription] | None = None
    total: Money | None = None

    @classmethod
    def of(
        cls,
        sub_total: Decimal,
        *,
        fees: Decimal = ZERO,
        promotions: Decimal = ZERO,
        taxes: Decimal = ZERO,
        adjustments: Decimal = ZERO,
        tip: Decimal | None = None,
    ) -> Self:
        """Return amounts whose total is the sum of the parts."""
        tip = ZERO if tip is None else tip
        return cls(
            sub_total=sub_total,
            fees=fees,
            promotions=promotions,
            taxes=taxes,
            adjustments=adjustments,
            tip=tip,
            total=sub_total + fees - promotions + taxes + adjustments + tip,
        )

    @classmethod
    def of_cart(cls, sub_total: Decimal, tip: Decimal) -> Amounts:
        """Return the amounts of a cart that has neither fees nor taxes. Both values are exact to the cent already.

        :raises pydantic.ValidationError: the total has too many digits.
        """
        total = sub_total + tip
        if total >= LIMIT:
            return cls.of(sub_total, tip=tip)
        # A copy is not validated again, which would take longer than pricing the cart.
        return _EMPTY_CART.model_copy(update={"sub_total": sub_total, "tip": tip, "total": total})

    def computed_total(self) -> Decimal:
        """Return the sum of the parts; an absent part is zero."""
        return (
            (self.sub_total or ZERO)
            + (self.fees or ZERO)
            - (self.promotions or ZERO)
            + (self.taxes or ZERO)
            + (self.adjustments or ZERO)
            + (self.tip or ZERO)
        )

    def contradictions(self) -> list[str]:
        """Return one line for each violation of the rules of amounts; empty if there is none (``gett-protocol.md §3``)."""
        # An adapter can assign anything to a member, so the values themselves are checked first.
        lines = [line for part in _AMOUNTS for line in self._inexact(part)]
        if lines:
            return lines
        if self.total is None:
            lines.append("total is missing")
        elif self.total != self.computed_total():
            lines.append(f"total is {self.total}, its parts sum to {self.computed_total()}")
        if self.promotions is not None and self.promotions < 0:
            lines.append(f"promotions is {self.promotions}; it is subtracted and must not be negative")
        for part in _DESCRIBED:
            lines += self.description_contradictions(part)
        return lines

    def mistakes(self) -> list[str]:
        """Return one line for each mistake in amounts that a POS reports: contradictions, and sums that nobody can pay."""
        if lines := self.contradictions():
            return lines
        sums = {"sub_total": self.sub_total or ZERO, "tip": self.tip or ZERO, "total": self.total or ZERO}
        return [f"{part} is {value}; it must not be negative" for part, value in sums.items() if value < 0]

    def _inexact(self, part: str) -> Iterator[str]:
        """Yield a line for each value of a part that is not a Decimal exact to the cent."""
        yield from _inexact(part, getattr(self, part))
        for entry in getattr(self, f"{part}_description", None) or ():
            yield from _inexact(f"{part}_description", entry.value)

    def description_contradictions(self, part: str) -> list[str]:
        """Return a line if the description of a part (``tip``) does not sum to it."""
        description: list[AmountDescription] | None = getattr(self, f"{part}_description")
        if description is None:
            return []
        described = sum((entry.value for entry in description), ZERO)
        if described == (getattr(self, part) or ZERO):
            return []
        return [f"{part} is {getattr(self, part)}, its description sums to {described}"]

    def with_request(self, requested: Amounts | None) -> Amounts:
        """Return the amounts with the members that only the request has: the description of the tip, and unknown members."""
        if requested is None:
            return self
        known = self.model_extra or {}
        missing = {name: value for name, value in (requested.model_extra or {}).items() if name not in known}
        if self.tip_description is None and requested.tip_description is not None and self.tip == requested.tip:
            missing["tip_description"] = requested.tip_description
        return self.model_copy(update=missing) if missing else self


_EMPTY_CART = Amounts.of(ZERO)
_DESCRIBED = ("fees", "promotions", "taxes", "adjustments", "tip")
_AMOUNTS = ("sub_total", *_DESCRIBED, "total")


def _inexact(name: str, value: object) -> Iterator[str]:
    exact = isinstance(value, Decimal) and value.is_finite() and value == cents(value)
    if value is not None and not exact:
        yield f"{name} is {value!r}; an amount is a Decimal, exact to the cent"


class Location(Wire):
    """Geographic coordinates, in degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class ExternalAddress(Wire):
    """A postal address. Gett sets ``location`` and ignores it in requests."""

    address1: str | None = Field(default=None, repr=False)
    address2: str | None = Field(default=None, repr=False)
    city: str | None = Field(default=None, repr=False)
    state: str | None = Field(default=None, repr=False)
    postal_code: str | None = Field(default=None, repr=False)
    location: Location | None = Field(default=None, repr=False)


class ExternalDeliveryInfo(Wire):
    """Address and instructions of a delivery; required for ``DeliveryByMerchant``."""

    type: str | None = None
    address: ExternalAddress | None = None
    instructions: str | None = Field(default=None, repr=False)


class ExternalCustomer(Wire):
    """The customer and their contact data. Never logged."""

    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    partner_user_id: str | None = None


class PaymentInfo(Wire):
    """Payment of an order. Never logged, stored, returned or replayed."""

    type: Literal["gettPayment", "cardOnFile", "savedCard"]
    card_token: str | None = Field(default=None, repr=False)
    processor_type: str | None = None
    payment_id: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "cardOnFile" and not (self.card_token and self.processor_type):
            raise ValueError("cardOnFile needs cardToken and processorType")
        if self.type == "savedCard" and not self.payment_id:
            raise ValueError("savedCard needs paymentId")
        return self


class ValidationError(Wire):
    """One error of an order or a request; the element of every ``errors`` list."""

    code: str
    message: str
    item_id: str | None = None
    json_path: str | None = None


class ExternalOrder(Wire):
    """An order in requests and responses. ``gettOrderId`` is often empty in requests, which is normal."""

    gett_order_id: str | None = Field(default=None, max_length=255)
    partner_order_id: str | None = None
    cart: Cart
    fulfillment_type: Id
    delivery_info: ExternalDeliveryInfo | None = Field(default=None, repr=False)
    customer: ExternalCustomer | None = Field(default=None, repr=False)
    amounts: Amounts | None = None
    errors: list[ValidationError] | None = None
    is_valid: bool | None = None
    placed_at: UtcTime | None = None
    trace_id: str | None = None
    # [D] The token of a validated order is a member of the order.
    validated_order_token: str | None = Field(default=None, repr=False)

    _order_ref: str = PrivateAttr("")

    @property
    def order_ref(self) -> str:
        """The order's reference for the POS: Gett's id if there is one, else the Idempotency-Key (``§3``)."""
        return self._order_ref or self.gett_order_id or ""

    @order_ref.setter
    def order_ref(self, order_ref: str) -> None:
        self._order_ref = order_ref

    def with_ref(self, order_ref: str) -> Self:
        """Return a copy of the order with this reference for the POS."""
        copy = self.model_copy()
        copy.order_ref = order_ref
        return copy

    def without_coordinates(self) -> Self:
        """Return the order without the coordinates of its addresses: in requests they are not trusted (``§6``)."""
        parts = (self.delivery_info, self.delivery_info and self.delivery_info.address, self.customer)
        if not any(part and (part.model_extra or "location" in part.model_fields_set) for part in parts):
            return self  # nothing that could hold coordinates, as in most orders
        copy = self.model_copy()
        if self.delivery_info is not None:
            copy.delivery_info = self.delivery_info.model_copy(deep=True)
            if (address := copy.delivery_info.address) is not None:
                address.location = None
                address.model_fields_set.discard("location")
                _drop_coordinates(address.model_extra or {})
            _drop_coordinates(copy.delivery_info.model_extra or {})
        if self.customer is not None:
            copy.customer = self.customer.model_copy(deep=True)
            _drop_coordinates(copy.customer.model_extra or {})
        return copy

    @property
    def tip(self) -> Decimal:
        """The customer's tip, in major units."""
        return (self.amounts.tip if self.amounts else None) or ZERO


_COORDINATES = frozenset({"latitude", "longitude", "lat", "lng", "lon", "coordinates"})


def _drop_coordinates(members: dict[str, Any]) -> None:
    """Remove coordinates from unknown members at any depth, and the members that held nothing else."""
    for name, value in list(members.items()):
        if isinstance(value, dict) and value:
            _drop_coordinates(value)
            if not value:
                del members[name]
        elif name.lower() in _COORDINATES:
            del members[name]
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    _drop_coordinates(inner)


class PlaceOrderRequest(ExternalOrder):
    """The request of placeOrder: the order and its payment."""

    payment: PaymentInfo | None = Field(default=None, repr=False)
