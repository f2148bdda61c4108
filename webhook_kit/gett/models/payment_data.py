"""Payment data at places where the protocol has none: removed from an order when it enters.

Gett sends payment in ``payment`` alone (``gett-protocol.md §3``). A member elsewhere that is named like payment, or holds
what looks like a card number, would otherwise be kept as an unknown member, stored and sent back. In a text for people, such as
instructions, the number alone is removed.
"""

from __future__ import annotations

import re
from typing import Any

from webhook_kit.gett.models.base import Wire

__all__ = ["remove_payment_data"]

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PAYMENT_WORDS = frozenset(
    {"payment", "payments", "card", "cards", "cvc", "cvv", "csc", "iban", "cryptogram", "cc", "wallet"}
)
_PAYMENT_STARTS = (
    "payment",
    "applepay",
    "googlepay",
    "paypal",
    "paymethod",
    "billing",
    "stripe",
    "securitycode",
    "expmonth",
    "expyear",
    "expirymonth",
    "expiryyear",
    "expirydate",
    "expirationmonth",
    "expirationyear",
    "expirationdate",
    "cardnumber",
    "cardtoken",
    "cardholder",
    "creditcard",
    "debitcard",
    "savedcard",
    "cvv",
    "cvc",
    "lastfour",
    "last4",
    "accountnumber",
    "routingnumber",
)
_DIGITS = re.compile(r"(?<!\d)[2-6２-６](?:[\s.‐-―-]?\d){12,18}(?!\d)")
_MASK = "(number removed)"

_TEXTS = frozenset({"instructions", "special_instructions", "notes", "note"})
"""Declared members with a text of the customer."""


def remove_payment_data(model: Wire) -> None:
    """Remove everything that looks like payment from unknown members at any depth, and card numbers from texts."""
    if model.model_extra:
        _clean_extra(model, model.model_extra)
    for name, value in vars(model).items():
        if not value:  # as most members of a line
            continue
        if isinstance(value, str):
            if name in _TEXTS and _is_card(value):
                setattr(model, name, _DIGITS.sub(lambda match: _MASK if _passes_luhn(match[0]) else match[0], value))
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Wire):
                    remove_payment_data(entry)
        elif name != "payment" and isinstance(value, Wire):
            remove_payment_data(value)


def _clean_extra(model: Wire, extra: dict[str, Any]) -> None:
    for name in list(extra):
        if _is_payment(name, extra[name]):
            del extra[name]
            model.model_fields_set.discard(name)
        else:
            extra[name] = _cleaned(extra[name])


def _cleaned(value: Any) -> Any:
    """Return plain data without members that look like payment."""
    if isinstance(value, dict):
        return {name: _cleaned(member) for name, member in value.items() if not _is_payment(name, member)}
    if isinstance(value, list):
        return [_cleaned(entry) for entry in value if not _is_card(entry)]
    return value


def _is_payment(name: str, value: Any) -> bool:
    return _is_named_like_payment(name) or _is_card(name) or _is_card(value)


def _is_named_like_payment(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _PAYMENT_WORDS.isdisjoint(words) or "".join(words).startswith(_PAYMENT_STARTS)


def _is_card(value: Any) -> bool:
    """Return True for a text or number that contains a card number: 13 to 19 digits with a valid check digit."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    text = f"{value:.0f}" if isinstance(value, float) else str(value)
    return any(_passes_luhn(match) for match in _DIGITS.findall(text))


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in reversed(text) if character.isdecimal()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
