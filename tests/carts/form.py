"""Judges the form of an order by ``gett-protocol.md §3``, on plain wire data. The rest is for the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

Wire = dict[str, Any]

MOST_PIECES = 9_999  # [D]
LONGEST_ID = 255  # [D]
DEEPEST_JSON = 32  # [D] objects and lists within each other


class Complaint(NamedTuple):
    """A reason to refuse a cart, and the rule that it breaks. The rule is for statistics, and is never compared."""

    code: str
    path: str | None
    item_id: str | None
    rule: str


def nesting(data: Any) -> int:
    """Return how deeply objects and lists of JSON are nested."""
    if isinstance(data, dict | list):
        inner = data.values() if isinstance(data, dict) else data
        return 1 + max(map(nesting, inner), default=0)
    return 0


def form_complaints(order: Wire) -> Iterator[Complaint]:
    """Yield what is malformed. Required are cart.storeId, lineItems and fulfillmentType; a line names its item (§3)."""
    if nesting(order) > DEEPEST_JSON:
        yield Complaint("INVALID_REQUEST", None, None, "nested too deeply")
        return
    if not _is_id(order.get("fulfillmentType")):
        yield _malformed("$.fulfillmentType")
    if not _is_id(order["cart"].get("storeId")):
        yield _malformed("$.cart.storeId")
    if not isinstance(order["cart"].get("lineItems"), list):
        yield _malformed("$.cart.lineItems")
    else:
        yield from _lines_form(order["cart"]["lineItems"], "$.cart.lineItems")
    tip = (order.get("amounts") or {}).get("tip")
    if tip is not None and not _is_amount(tip):
        yield _malformed("$.amounts.tip")


def _lines_form(lines: list[Wire], path: str) -> Iterator[Complaint]:
    for i, line in enumerate(lines):
        if not _is_id(line.get("itemId")):
            yield _malformed(f"{path}[{i}].itemId")
        quantity = line.get("quantity")
        if quantity is not None and (type(quantity) is not int or not 1 <= quantity <= MOST_PIECES):
            yield _malformed(f"{path}[{i}].quantity")
        for j, entry in enumerate(line.get("modifierGroups") or []):
            if not _is_id(entry.get("modifierGroupId")):
                yield _malformed(f"{path}[{i}].modifierGroups[{j}].modifierGroupId")
            yield from _lines_form(
                entry.get("selectedModifiers") or [], f"{path}[{i}].modifierGroups[{j}].selectedModifiers"
            )


def _malformed(path: str) -> Complaint:
    return Complaint("VALIDATION_FAILED", path, None, "malformed " + path.rpartition(".")[2])


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def _is_amount(value: object) -> bool:
    """Return True for an amount in major units, exact to the cent and not negative."""
    if type(value) not in (int, float):
        return False
    exact = Decimal(str(value))
    return 0 <= exact < 10**10 and exact == round(exact, 2)
