"""The saved cards and addresses of a session's user (``gett-protocol.md §6``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from webhook_kit.gett.models.base import Filled, Id, Wire
from webhook_kit.gett.models.order import ExternalAddress

__all__ = [
    "AddPaymentCardRequest",
    "AddressInput",
    "UserAddressResponse",
    "UserAddressResponsePagedResult",
    "UserPaymentResponse",
    "UserPaymentResponsePagedResult",
]

_Count = Annotated[int, Field(ge=0)]


class AddressInput(Wire):
    """An address as a person enters it. All but ``address2`` are required."""

    address1: Filled = Field(repr=False)
    address2: str | None = Field(default=None, repr=False)
    city: Filled = Field(repr=False)
    state: Filled = Field(repr=False)
    postal_code: Filled = Field(repr=False)


class AddPaymentCardRequest(Wire):
    """A card to save, with its billing address. Members are opaque text, usually encrypted. Never logged or stored."""

    # [D] The protocol's list omits the names of nested members; this name fits the list's alphabetical order.
    billing_address: AddressInput = Field(repr=False)
    bin: Id = Field(repr=False)
    card_number: str = Field(repr=False, min_length=1, max_length=8192)
    card_type: Id
    cvc: str = Field(repr=False, min_length=1, max_length=8192)
    expiration: Id = Field(repr=False)
    last_four: Id = Field(repr=False)


class UserPaymentResponse(Wire):
    """A saved card, with the members that may be displayed."""

    payment_id: Id = Field(repr=False)
    card_type: str
    last_four: str = Field(repr=False)
    expiration_date: str | None = Field(default=None, repr=False)


class UserAddressResponse(Wire):
    """A saved address."""

    user_address_id: Id
    address: ExternalAddress = Field(repr=False)  # [D] the name, as above
    instructions: str | None = Field(default=None, repr=False)


class _Page(Wire):
    """One page: ``offset`` and ``limit`` after clamping; ``has_more`` is true if offset + limit < total_count."""

    has_more: bool
    limit: _Count
    offset: _Count
    total_count: _Count


class UserPaymentResponsePagedResult(_Page):
    """One page of saved cards; ``offset`` and ``limit`` are those of the request after clamping."""

    items: list[UserPaymentResponse]  # [D] the name, as above


class UserAddressResponsePagedResult(_Page):
    """One page of saved addresses; ``offset`` and ``limit`` are those of the request after clamping."""

    items: list[UserAddressResponse]  # [D] the name, as above
