"""Orders from the long-term archive, as people see those in Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhook_kit.kit import Kit
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.orders import OrderFacts, items_of
from webhook_kit.operations.timeline import TimelineEntry, timeline_of
from webhook_kit.placement.order_search import RefusalReason
from webhook_kit.printing import printable

__all__ = ["OldOrder", "find_old"]

_SECONDS = 5.0
"""Seconds for the question at most: a person waits for the answer."""

_MAX_NAME = 1000
"""Characters that an id has at most; a longer text is none."""


@dataclass(frozen=True, slots=True)
class OldOrder:
    """An order from the archive.

    :ivar archived_at: moment at which it was read in Redis for the last time.
    """

    facts: OrderFacts
    timeline: tuple[TimelineEntry, ...]
    archived_at: datetime


def find_old(kit: Kit, name: str) -> list[OldOrder]:
    """Return the orders of the archive with this orderRef, Gett's id or number of the POS, the newest first; empty without an archive.

    :raises ArchiveUnavailable: the archive cannot be used now.
    :raises ConfigurationError: the extra for it is not installed.
    """
    name = name.strip()
    if kit.settings.archive_url is None or not name.isprintable() or not 0 < len(name) <= _MAX_NAME:
        return []
    with open_archive(kit.settings, statement_seconds=_SECONDS) as archive:
        return [_order(row) for row in archive.find_orders(name)]


def _order(row: Mapping[str, Any]) -> OldOrder:
    facts = OrderFacts(
        ref=row["order_ref"],
        gett_id=row["gett_id"],
        pos_number=row["pos_number"],
        store_id=row["store_id"],
        state=row["state"],
        attempts=row["attempts"] or 0,
        replays=row["replays"] or 0,
        idempotency_keys=tuple(row["idempotency_keys"]),
        created=row["created"],
        updated=row["settled"],
        items=items_of(row["answer"]),
        accepted=row["accepted"],
        refusal=_refusal(row),
        may_have_reached_pos=False,
        unconfirmed=False,
        progress=row["progress"],
        taken=row["taken"],
        pending=(),
    )
    return OldOrder(facts, tuple(timeline_of(_record(row), row["history"])), row["archived_at"])


def _refusal(row: Mapping[str, Any]) -> RefusalReason | None:
    if row["state"] != "refused":
        return None
    answer = row["answer"] or {}
    violations = tuple(
        {"code": "", "message": ""} | {name: printable(str(value)) for name, value in error.items()}
        for error in answer.get("errors") or ()
    )
    return RefusalReason(row["refusal_code"] or "", str(answer.get("detail", "")), violations)


def _record(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the placement record of which the timeline tells."""
    fields = {
        "state": row["state"],
        "created": _milliseconds(row["created"]),
        "updated": _milliseconds(row["settled"]),
        "attempt": row["attempts"],
        "partner_id": row["pos_number"],
        "accepted": row["accepted"],
        "ms": row["pos_ms"],
        "replays": row["replays"],
        "replayed": _milliseconds(row["replayed"]),
    }
    record = {name: str(value) for name, value in fields.items() if value is not None}
    return record | {"answer": json.dumps({"errorCode": row["refusal_code"]})}


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
