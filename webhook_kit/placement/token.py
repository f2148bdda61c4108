"""The validatedOrderToken: signed, not stored. It binds store, cart, amounts and time (``gett-protocol.md §3``)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from webhook_kit.catalog.cart import PricedLine
from webhook_kit.errors import WebhookKitError
from webhook_kit.gett.models.money import CENT
from webhook_kit.gett.models.order import Amounts, Cart, ExternalOrder, LineItem
from webhook_kit.storage import formats
from webhook_kit.storage.formats import is_newer, newer_format

__all__ = ["AcceptedPrice", "TokenRefused", "Tokens"]

_SALT = "validatedOrderToken"

_LIFETIME = 900
"""Seconds for which a token is valid."""

_CLOCK_SKEW = 300
"""Seconds by which the clocks of two servers may differ."""

_encode_payload = json.JSONEncoder(separators=(",", ":")).encode
_encode_content = json.JSONEncoder(ensure_ascii=False).encode

_PARTS = ("sub_total", "fees", "promotions", "taxes", "adjustments", "tip", "total")


class TokenRefused(WebhookKitError):
    """The token is not authentic, or belongs to another store or cart; the message has the reason."""


@dataclass(frozen=True, slots=True)
class AcceptedPrice:
    """Price that the customer accepted.

    :ivar lines: price of each line; None when only the amounts are known.
    :ivar expired: the token is authentic but expired: it counts only when the price is unchanged.
    """

    amounts: Amounts
    lines: tuple[Decimal, ...] | None = None
    expired: bool = False


class Tokens:
    """Issues and reads tokens. There may be several keys, so that they can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Create the tokens of an installation.

        :param keys: newest first; all are accepted, the newest signs.
        """
        # itsdangerous signs with the last of its keys.
        signing = {"digest_method": hashlib.sha1}  # the default, but without a detour for each signature
        self._serializer = URLSafeSerializer(list(reversed(keys)), salt=_SALT, signer_kwargs=signing)
        self._signer = self._serializer.make_signer(_SALT)

    def issue(self, order: ExternalOrder, amounts: Amounts, lines: Sequence[PricedLine]) -> str:
        """Return a token for a validated order."""
        payload = {
            "v": formats.TOKEN,
            "s": order.cart.store_id,
            "c": _digest(order.cart),
            "a": [_to_cents(getattr(amounts, part)) for part in _PARTS],
            "l": [_to_cents(line.total) for line in lines],
            "t": int(time.time()),
        }
        # As the serializer does, but never compressed: that saves 60 bytes and takes longer than everything else here.
        return self._signer.sign(base64_encode(_encode_payload(payload))).decode()

    def read(self, token: str, order: ExternalOrder) -> AcceptedPrice:
        """Return the price that this token proves.

        :raises TokenRefused: when the token is not authentic, or not for this order.
        :raises NewerFormat: it was issued by a later version.
        """
        try:
            payload: dict[str, Any] = self._serializer.loads(token)
            if is_newer(payload.get("v"), formats.TOKEN):
                raise newer_format("a validatedOrderToken", payload["v"])
            store, cart, age = payload["s"], payload["c"], time.time() - payload["t"]
            amounts = Amounts(**{part: _from_cents(value) for part, value in zip(_PARTS, payload["a"], strict=True)})
            lines = tuple(_from_cents(value) for value in payload["l"])
        except (BadData, KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
            raise TokenRefused("the validatedOrderToken was not issued here, or was altered") from None
        if store != order.cart.store_id:
            raise TokenRefused("the validatedOrderToken belongs to another store")
        if cart != _digest(order.cart):
            raise TokenRefused("the validatedOrderToken belongs to another cart")
        if age < -_CLOCK_SKEW:
            raise TokenRefused("the validatedOrderToken is from the future: the clocks of the servers differ")
        return AcceptedPrice(amounts, lines, expired=age > _LIFETIME + _CLOCK_SKEW)


def _digest(cart: Cart) -> str:
    content = _encode_content([_content(line) for line in cart.line_items])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _content(line: LineItem) -> list[Any]:
    if not line.modifier_groups:  # as of most modifiers
        return [line.item_id, line.quantity, []]
    groups = [
        [group.modifier_group_id, [_content(selected) for selected in group.selected_modifiers]]
        for group in line.modifier_groups
    ]
    return [line.item_id, line.quantity, groups]


def _to_cents(amount: Decimal | None) -> int:
    return int((amount or 0) * 100)


def _from_cents(value: int) -> Decimal:
    return value * CENT
