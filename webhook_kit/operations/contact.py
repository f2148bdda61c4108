"""Contact data in what is kept of an order. What stays is an allow-list, so that no unknown member can hold any.

Ids, quantities and amounts stay, because a replay answers with them and a dispute needs them. Every text that a person may have
written goes: names, addresses, wishes, reasons, the words of a POS or of Gett.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["REMOVED", "find_email", "history_entry", "mentions", "receipt", "refusal", "update_body"]

REMOVED = "removed"
"""Text that takes the place of one that the protocol requires."""

_RECEIPT = {"gettOrderId", "partnerOrderId", "fulfillmentType", "isValid", "placedAt"}
_CART = {"catalogSetId", "storeId"}
_LINE = {"lineItemId", "itemId", "quantity"}
_AMOUNTS = {"subTotal", "fees", "promotions", "taxes", "adjustments", "tip", "total"}
_PROBLEM = {
    *("type", "title", "status", "instance", "errorCode", "errorCategory", "retryable", "retryAfter", "requestId"),
    *("timestamp", "traceId"),
}
_VIOLATION = {"code", "itemId"}
_PATH = re.compile(r"\$[A-Za-z0-9_.\[\]]*")
_UPDATE = {"status", "state", "estimatedReadyAt"}
_HISTORY = {
    *(
        "at",
        "last",
        "count",
        "event",
        "update",
        "into",
        "status",
        "code",
        "seconds",
        "attempt",
        "look_ups",
        "looked_up",
    ),
    *("ms", "state", "pos_number", "gett_id", "action", "who", "via"),
}
_CODE = re.compile(r"[a-z0-9_]{1,60}")
"""A reason that the kit itself has given: a code, not a sentence."""

_OWN_ACTION = "forget_order"
"""Action whose reason stays: it says why the data are gone."""

_Json = dict[str, Any]


def receipt(answer: Mapping[str, Any]) -> _Json:
    """Return the answer to a placed order without contact data: the same ids, items and amounts."""
    kept: _Json = {}
    for name, value in answer.items():
        if name in _RECEIPT and _is_plain(value):
            kept[name] = value
        elif name == "cart" and isinstance(value, dict):
            kept[name] = _plain(value, _CART) | {"lineItems": [_line(line) for line in _dicts(value.get("lineItems"))]}
        elif name == "amounts" and isinstance(value, dict):
            kept[name] = _plain(value, _AMOUNTS)
        elif name == "errors" and value == []:
            kept[name] = value
    return kept


def refusal(answer: Mapping[str, Any]) -> _Json:
    """Return the answer to a refused order without texts: the same codes and items."""
    kept = _plain(answer, _PROBLEM)
    if "detail" in answer:
        kept["detail"] = REMOVED
    if "errors" in answer:
        kept["errors"] = [_violation(error) for error in _dicts(answer["errors"])]
    return kept


def update_body(body: Mapping[str, Any]) -> _Json:
    """Return an update of an order without the reason of a cancellation, which Gett requires to be some text."""
    kept = _plain(body, _UPDATE)
    if body.get("cancelReason"):
        kept["cancelReason"] = REMOVED
    return kept


def history_entry(entry: Mapping[str, Any]) -> _Json:
    """Return an entry of an order's history without texts."""
    kept = _plain(entry, _HISTORY)
    if isinstance(why := entry.get("why"), str) and (entry.get("action") == _OWN_ACTION or _CODE.fullmatch(why)):
        kept["why"] = why
    if isinstance(body := entry.get("body"), dict):
        kept["body"] = update_body(body)
    return kept


def find_email(email: str) -> re.Pattern[str]:
    """Return a pattern that finds an e-mail address as a whole in JSON, in any case."""
    written = json.dumps(email.strip(), ensure_ascii=False)[1:-1]
    return re.compile(rf"(?<![\w.+-]){re.escape(written)}(?![\w-]|\.\w)", re.IGNORECASE)


def mentions(pattern: re.Pattern[str], *texts: str) -> bool:
    """Return True if one of the texts has the address."""
    return any(pattern.search(one) for one in texts)


def _line(line: Mapping[str, Any]) -> _Json:
    kept = _plain(line, _LINE)
    if "modifierGroups" in line:
        kept["modifierGroups"] = [
            _plain(group, {"modifierGroupId"})
            | {"selectedModifiers": [_line(one) for one in _dicts(group.get("selectedModifiers"))]}
            for group in _dicts(line["modifierGroups"])
        ]
    return kept


def _violation(error: Mapping[str, Any]) -> _Json:
    kept = _plain(error, _VIOLATION) | {"message": REMOVED}
    if isinstance(path := error.get("jsonPath"), str) and _PATH.fullmatch(path):
        kept["jsonPath"] = path
    return kept


def _plain(value: Mapping[str, Any], names: set[str]) -> _Json:
    return {name: member for name, member in value.items() if name in names and _is_plain(member)}


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _dicts(value: object) -> list[_Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
