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
from webhook_kit.sandbox.geocoding import geocoded, save_address
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.paging import clamp
from webhook_kit.sandbox.sessions import current_user

__all__ = ["blueprint"]

_DEFAULT_LIMIT = 20  # [D] entries of a page

T = TypeVar("T")


class _NewAddress(AddressInput):
    """An address to save [D]: as entered, with instructions for the courier."""

    instructions: str | None = None


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the calls of the checkout."""
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
        """Save the displayed part of a card only, and its billing address, which is not an address for deliveries."""
        with self._context.lock:
            user = current_user(self._context)
            card = parse_body(AddPaymentCardRequest)
            saved = UserPaymentResponse(
                payment_id=self._context.random.uuid("payment"),
                card_type=card.card_type,
                last_four=card.last_four,
                expiration_date=card.expiration,
            )
            user.payments[saved.payment_id] = saved
            user.billing_addresses[saved.payment_id] = geocoded(card.billing_address)
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
            body = parse_body(_NewAddress)
            return json_response(save_address(user, body, body.instructions), 201)


def _page(saved: list[T]) -> tuple[list[T], int, int]:
    """Return one page, and limit and offset after clamping."""
    limit, offset = clamp(_integer_argument("limit", _DEFAULT_LIMIT), _integer_argument("offset", 0))
    return saved[offset : offset + limit], limit, offset


def _integer_argument(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        return default
