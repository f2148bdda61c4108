"""The saved cards and addresses of a session's user (``gett-protocol.md §6``)."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, request

from webhook_kit.gett.models.payment import (
    AddPaymentCardRequest,
    AddressInput,
    UserAddressResponsePagedResult,
    UserPaymentResponse,
    UserPaymentResponsePagedResult,
)
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.geocoding import save_address
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.sessions import current_user

__all__ = ["blueprint"]

_LIMIT, _MOST = 20, 100  # [D] what a page holds unless asked otherwise, and at most
_FURTHEST = 2**31

T = TypeVar("T")


class _NewAddress(AddressInput):
    """[D] An address is saved as it is entered, with what the courier should know."""

    instructions: str | None = None


def blueprint(context: SandboxContext) -> Blueprint:
    """The calls of the checkout."""
    calls = _Checkout(context)
    return make_blueprint(
        "checkout",
        "/v1/marketplace/checkout",
        {
            "GET /payments": calls.payments,
            "POST /payments": calls.add_payment,
            "GET /addresses": calls.addresses,
            "POST /addresses": calls.add_address,
        },
    )


class _Checkout:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def payments(self) -> Response:
        with self._context.lock:
            saved = list(current_user(self._context).payments.values())
        items, limit, offset = _page(saved)
        return json_response(
            UserPaymentResponsePagedResult(
                items=items, limit=limit, offset=offset, total_count=len(saved), has_more=offset + limit < len(saved)
            )
        )

    def add_payment(self) -> Response:
        """Of the card itself nothing is kept but what is shown of it; its billing address is saved and deduplicated."""
        with self._context.lock:
            user = current_user(self._context)
            card = parse_body(AddPaymentCardRequest)
            save_address(user, card.billing_address)
            saved = UserPaymentResponse(
                payment_id=self._context.random.uuid("payment"),
                card_type=card.card_type,
                last_four=card.last_four,
                expiration_date=card.expiration,
            )
            user.payments[saved.payment_id] = saved
            user.last_payment_id = saved.payment_id
            return json_response(saved, 201)

    def addresses(self) -> Response:
        with self._context.lock:
            saved = list(current_user(self._context).addresses.values())
        items, limit, offset = _page(saved)
        return json_response(
            UserAddressResponsePagedResult(
                items=items, limit=limit, offset=offset, total_count=len(saved), has_more=offset + limit < len(saved)
            )
        )

    def add_address(self) -> Response:
        with self._context.lock:
            user = current_user(self._context)
            given = parse_body(_NewAddress)
            user.last_user_address_id = save_address(user, given, given.instructions)
            return json_response(user.addresses[user.last_user_address_id], 201)


def _page(saved: list[T]) -> tuple[list[T], int, int]:
    """One page, and limit and offset as they were clamped."""
    limit = min(max(_whole("limit", _LIMIT), 1), _MOST)
    offset = min(max(_whole("offset", 0), 0), _FURTHEST)
    return saved[offset : offset + limit], limit, offset


def _whole(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        return default
