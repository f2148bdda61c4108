"""Cart calls: pure functions of a cart and an operation; the client keeps the cart (``gett-protocol.md §6``)."""

from __future__ import annotations

from flask import Blueprint, Response

from webhook_kit.gett.models.marketfront import AddCartItemRequest, RemoveCartItemRequest, UpdateCartItemRequest
from webhook_kit.gett.models.order import Cart, LineItem
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body

__all__ = ["blueprint"]


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the calls about carts."""
    calls = _Carts(context)
    return make_blueprint(
        "carts",
        "/v1/marketplace/carts",
        {"POST /add": calls.add_to_cart, "POST /update": calls.update_cart, "POST /remove": calls.remove_from_cart},
    )


class _Carts:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def add_to_cart(self) -> Response:
        """Add a line; one without an id gets one [D]."""
        body = parse_body(AddCartItemRequest)
        line = body.line_item
        if not line.line_item_id:
            line = line.model_copy(update={"line_item_id": self._context.random.uuid("line")})
        if any(one.line_item_id == line.line_item_id for one in body.cart.line_items):
            raise Problem(ErrorCode.CONFLICT, "the cart already has a line with this lineItemId; update that line")
        return json_response(_with_lines(body.cart, [*body.cart.line_items, line]))

    def update_cart(self) -> Response:
        body = parse_body(UpdateCartItemRequest)
        return json_response(_set_quantity(body.cart, body.line_item_id, body.quantity))

    def remove_from_cart(self) -> Response:
        body = parse_body(RemoveCartItemRequest)
        return json_response(_set_quantity(body.cart, body.line_item_id, 0))


def _set_quantity(cart: Cart, line_item_id: str, quantity: int) -> Cart:
    if all(line.line_item_id != line_item_id for line in cart.line_items):
        raise Problem(ErrorCode.NOT_FOUND, "the cart has no line with this lineItemId")
    lines = [
        line.model_copy(update={"quantity": quantity}) if line.line_item_id == line_item_id else line
        for line in cart.line_items
        if quantity or line.line_item_id != line_item_id
    ]
    return _with_lines(cart, lines)


def _with_lines(cart: Cart, lines: list[LineItem]) -> Cart:
    return cart.model_copy(update={"line_items": lines})
