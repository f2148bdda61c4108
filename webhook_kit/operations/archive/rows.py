"""Rows of the long-term archive: what is kept of an order, of its updates and of an action. Everything is on an allow-list.

Of an order that is what ``webhook-kit order forget`` would leave of it (:mod:`webhook_kit.operations.contact`): ids, items, quantities,
amounts, codes and moments. No name, address or wish, and no text of a customer, a POS or Gett.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from webhook_kit.operations import contact
from webhook_kit.texts import well_formed

__all__ = ["Row", "audit_row", "moment", "order_row", "storable", "update_rows"]

Row = dict[str, Any]
"""Values by column."""

_AMOUNTS = {
    "sub_total": "subTotal",
    "fees": "fees",
    "promotions": "promotions",
    "taxes": "taxes",
    "adjustments": "adjustments",
    "tip": "tip",
    "total": "total",
}
_MOST = 2**63 - 1
_DIGITS = 100
"""Digits of an amount at most; a longer number is none."""

_ENDS = {"sent", "merged", "dead_lettered", "discarded", "replayed"}


def storable(value: Any) -> Any:
    """Return plain data that PostgreSQL can store: no NUL, no half of a surrogate pair, no number that is not finite."""
    if isinstance(value, str):
        return well_formed(value).replace("\0", "\ufffd")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(str(name)): storable(member) for name, member in value.items()}
    return [storable(member) for member in value] if isinstance(value, list) else value


def order_row(
    ref: str, record: Mapping[str, str], lane: Mapping[str, str], history: Sequence[Mapping[str, Any]]
) -> Row:
    """Return the row of an order but for its installation and ``archived_at``.

    :param record: its placement record.
    :param lane: state of the lane of its updates.
    :param history: entries of its history, oldest first.
    """
    refused = record.get("state") == "refused"
    answer = _loaded(record.get("answer"), contact.refusal if refused else contact.receipt)
    amounts = {} if refused else answer.get("amounts") or {}
    row = {
        "order_ref": ref,
        "store_id": record.get("store", ""),
        "gett_id": record.get("gett_id") or None,
        "pos_number": record.get("partner_id") or None,
        "idempotency_keys": record.get("keys", "").split("\n")[:-1],
        "state": record.get("state", ""),
        "created": moment(record.get("created")),
        "settled": moment(record.get("updated")),
        "attempts": _number(record.get("attempt")),
        "replays": _number(record.get("replays")) or 0,
        "replayed": moment(record.get("replayed")),
        "pos_ms": _number(record.get("ms")),
        "http_status": _number(record.get("status")),
        "accepted": _amount(record.get("accepted")),
        **{column: _amount(amounts.get(name)) for column, name in _AMOUNTS.items()},
        "refusal_code": _text(answer.get("errorCode")) if refused else None,
        "progress": _step(_loaded(lane.get("last"), contact.update_body)),
        "taken": _step(_loaded(lane.get("acknowledged"), contact.update_body)),
        "taken_at": moment(lane.get("acknowledged_at")),
        "answer": answer or None,
        "history": [contact.history_entry(entry) for entry in history],
    }
    return {column: storable(value) for column, value in row.items()}


def update_rows(ref: str, history: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each update in the history of an order, but for its installation and ``archived_at``."""
    rows: dict[int, Row] = {}
    for entry in history:
        number, at = _number(entry.get("update")), moment(entry.get("at"))
        if number is None or at is None:
            continue
        row = rows.setdefault(
            number,
            {
                "order_ref": storable(ref),
                "number": number,
                "appended": at,
                "step": None,
                "estimated_ready_at": None,
                "outcome": "waiting",
                "ended": None,
                "failures": 0,
                "http_status": None,
                "error_code": None,
            },
        )
        row.update(_told(entry, at, row["failures"]))
    return list(rows.values())


def _told(entry: Mapping[str, Any], at: datetime, failures: int) -> Row:
    """Return what an entry of a history tells about its update."""
    event = entry.get("event")
    told: Row = {}
    if event == "appended":
        body = contact.update_body(body) if isinstance(body := entry.get("body"), dict) else {}
        told = {"step": _step(body), "estimated_ready_at": _written_moment(body.get("estimatedReadyAt"))}
    elif event == "postponed":
        told = {"failures": failures + (_number(entry.get("count")) or 1)}
    elif event in _ENDS:
        told = {"outcome": event, "ended": at}
    if event != "appended" and (status := _number(entry.get("status"))):
        told |= {"http_status": status, "error_code": _text(entry.get("code"))}
    return storable(told)  # type: ignore[no-any-return] # a dict stays one


def audit_row(entry_id: str, fields: Mapping[str, str]) -> Row:
    """Return the row of an entry of the audit log but for its installation."""
    row = {name: fields.get(name, "") for name in ("who", "via", "action", "subject", "why", "result")}
    if row["action"] == "log_in" and "failed" in fields:  # the address from which somebody tried it
        row["subject"] = contact.REMOVED
    return storable(row | {"id": entry_id, "at": moment(entry_id.partition("-")[0]), "failed": "failed" in fields})  # type: ignore[no-any-return]


def moment(value: object) -> datetime | None:
    """Return Unix milliseconds as a time; None if they cannot be read."""
    try:
        return datetime.fromtimestamp(int(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _written_moment(value: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def _loaded(document: str | None, clean: Callable[[Mapping[str, Any]], Row]) -> Row:
    try:
        value = json.loads(document or "{}")
        return clean(value) if isinstance(value, dict) else {}
    except (ValueError, AttributeError, TypeError, RecursionError):  # written by another version or program
        return {}


def _amount(value: object) -> Decimal | None:
    """Return an amount exactly as it was written: the shortest form of a float is that of its text."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return (
        amount if amount.is_finite() and -_DIGITS < amount.adjusted() < _DIGITS and len(str(amount)) < _DIGITS else None
    )


def _number(value: object) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if abs(number) <= _MOST else None


def _step(body: Mapping[str, Any]) -> str | None:
    return _text(body.get("state") or body.get("status"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
