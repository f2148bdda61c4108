"""Orders as people see them: found by any of their ids, and listed by conditions. Never with data of the customer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.order_search import RefusalReason, milliseconds, refusal_of
from webhook_kit.storage.connection import text

__all__ = [
    "OrderFacts",
    "PendingUpdate",
    "find",
    "find_any",
    "find_by_pos_number",
    "find_by_trace",
    "items_of",
    "totals_of_unsettled",
]

_TRACE = re.compile(r"[0-9a-f]{32}")
_DAY = 86_400
_STORES = 500
"""Stores that one round trip to Redis asks for a number of the POS."""

_MAX_NAME = 1000
"""Characters that an id has at most; a longer text is none."""


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """An update of an order that Gett has not taken.

    :ivar update: ``confirmed``, ``preparing``, ``ready``, ``inTransit``, ``completed`` or ``cancelled``.
    """

    number: int
    update: str
    appended: datetime


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """Facts about an order. A text or moment that is not known is None.

    :ivar ref: the orderRef.
    :ivar pos_number: the POS's own order id.
    :ivar state: a value of :class:`~webhook_kit.placement.order_search.PlacementState`; ``damaged`` if it cannot be read,
        ``newer`` if a later version has archived it, ``unknown`` if only updates of the order are kept.
    :ivar attempts: number of times that a process worked on the placement.
    :ivar replays: number of times that the recorded answer was given again.
    :ivar items: the items with quantities and options, as texts; empty if they are not kept, as of a refused order.
    :ivar accepted: total that the customer accepted.
    :ivar may_have_reached_pos: the POS may have the order, and nobody knows yet.
    :ivar unconfirmed: the POS took the order as pending and has not confirmed it.
    :ivar progress: the last update for Gett that was appended.
    :ivar taken: the last update that Gett took.
    :ivar pending: updates that Gett has not taken, oldest first.
    """

    ref: str
    gett_id: str | None
    pos_number: str | None
    store_id: str | None
    state: str
    attempts: int
    replays: int
    idempotency_keys: tuple[str, ...]
    created: datetime | None
    updated: datetime | None
    items: tuple[str, ...]
    accepted: Decimal | None
    refusal: RefusalReason | None
    may_have_reached_pos: bool
    unconfirmed: bool
    progress: str | None
    taken: str | None
    pending: tuple[PendingUpdate, ...]

    @property
    def settled(self) -> bool:
        """True if the placement is final."""
        return self.state in ("placed", "refused")

    @property
    def lane(self) -> str:
        """The lane of its updates."""
        return lane_name(Kind.ORDER, self.ref)


def find(kit: Kit, name: str) -> OrderFacts | None:
    """Return an order by its orderRef, Gett's id or an Idempotency-Key."""
    if not _usable(name):
        return None
    if (record := kit.placement_store.find(name)) is None:
        if (known := kit.order_updates.find(name)) is None:
            return None
        record = {"ref": known.ref, "gett_id": known.gett_id, "store": known.store_id, "state": "unknown"}
    return _facts(kit, record.get("ref") or name, record)


def find_by_trace(kit: Kit, trace_id: str) -> OrderFacts | None:
    """Return the order of a webhook that came with this trace id (32 hex digits) within ``IDEMPOTENCY_TTL``, and a day."""
    if not _TRACE.fullmatch(trace_id):
        return None
    trace, (now, _) = bytes.fromhex(trace_id), kit.redis.time()
    days = range(now // _DAY, (now - kit.settings.idempotency_ttl) // _DAY - 1, -1)
    with kit.redis.pipeline(transaction=False) as pipeline:
        for day in days:
            pipeline.hget(kit.keys.traces(f"{day}:{trace[0]:02x}"), trace[1:9])
        refs = [text(ref) for ref in pipeline.execute() if ref]
    return next(iter(_existing(kit, refs)), None)


def find_by_pos_number(kit: Kit, number: str, store_id: str | None = None) -> list[OrderFacts]:
    """Return the newest order with this number of the POS, of each store that has one.

    :param store_id: the partner's id of the only store to ask.
    """
    if not _usable(number):
        return []
    store_ids = [store.id for store in kit.stores] if store_id is None else [store_id]
    refs: list[str] = []
    for start in range(0, len(store_ids), _STORES):
        keys = [kit.keys.pos_order(one, number) for one in store_ids[start : start + _STORES]]
        refs += [text(ref) for ref in kit.redis.mget(keys) if ref]
    return _existing(kit, refs)


def find_any(kit: Kit, text: str) -> list[OrderFacts]:
    """Return the orders that a text may mean: an orderRef, Gett's id, an Idempotency-Key, a trace id, a number of the POS."""
    name = text.strip()
    found = [find(kit, name)]
    if _TRACE.fullmatch(name.lower()):
        found.append(find_by_trace(kit, name.lower()))
    found += find_by_pos_number(kit, name)
    return list({order.ref: order for order in found if order is not None}.values())


def totals_of_unsettled(kit: Kit, refs: Sequence[str]) -> dict[str, Decimal]:
    """Return the totals that the customers accepted, of orders whose placement is not final, by orderRef."""
    with kit.redis.pipeline(transaction=False) as pipeline:
        for ref in refs:
            pipeline.hget(kit.keys.order(ref), "order")
        orders = pipeline.execute()
    found = {ref: _accepted({"order": text(order)}) for ref, order in zip(refs, orders, strict=True) if order}
    return {ref: total for ref, total in found.items() if total is not None}


def _usable(name: str) -> bool:
    """Return True if a text that a person typed can be an id."""
    return 0 < len(name) <= _MAX_NAME and name.encode(errors="replace").decode() == name


def _existing(kit: Kit, refs: Iterable[str]) -> list[OrderFacts]:
    return [order for ref in dict.fromkeys(refs) if (order := find(kit, ref)) is not None]


def _facts(kit: Kit, ref: str, record: dict[str, str]) -> OrderFacts:
    lane = lane_name(Kind.ORDER, ref)
    state, waiting = kit.lanes.state(lane), kit.lanes.waiting(lane)
    return OrderFacts(
        ref=ref,
        gett_id=record.get("gett_id") or None,
        pos_number=record.get("partner_id") or None,
        store_id=record.get("store") or None,
        state=record.get("state", ""),
        attempts=milliseconds(record.get("attempt")) or 0,
        replays=milliseconds(record.get("replays")) or 0,
        idempotency_keys=tuple(record.get("keys", "").split("\n")[:-1]),
        created=_moment(record.get("created")),
        updated=_moment(record.get("updated")),
        items=_items_of_record(record),
        accepted=_accepted(record),
        refusal=refusal_of(record),
        may_have_reached_pos=record.get("doubt") == "1",
        unconfirmed=kit.redis.zscore(kit.keys.unconfirmed, ref) is not None,
        progress=_step(state.get("last")),
        taken=_step(state.get("acknowledged")),
        pending=tuple(
            PendingUpdate(int(update["id"]), _step_of(update["body"]) or "", _aware(float(update["at"])))
            for update in waiting
        ),
    )


def _accepted(record: Mapping[str, str]) -> Decimal | None:
    """Return the total that the customer accepted; None if the record has none that can be read."""
    try:
        if total := record.get("accepted"):  # the order itself is not kept once it is settled
            return Decimal(total)
        amounts = json.loads(record.get("order") or "{}", parse_float=Decimal).get("amounts") or {}
        return None if amounts.get("total") is None else Decimal(amounts["total"])
    except (ValueError, AttributeError, TypeError, InvalidOperation, RecursionError):
        return None


def _items_of_record(record: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return items_of(json.loads(record.get("order") or record.get("answer") or "{}"))
    except (ValueError, RecursionError):
        return ()


def items_of(order: object) -> tuple[str, ...]:
    """Return the items of an order, or of the receipt of one, with quantities and options: ``2 × pizza (1 × small)``.

    Empty if it has none that can be read.
    """
    try:
        return tuple(_lines(order["cart"]["lineItems"]))  # type: ignore[index]
    except (KeyError, AttributeError, TypeError, RecursionError):
        return ()


def _lines(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for line in lines:
        groups = line.get("modifierGroups") or ()
        options = [option for group in groups for option in _lines(group.get("selectedModifiers") or ())]
        chosen = f" ({', '.join(options)})" if options else ""
        yield f"{line.get('quantity', 1)} × {line['itemId']}{chosen}"


def _step(body: str | None) -> str | None:
    try:
        return _step_of(json.loads(body or "{}"))
    except (ValueError, AttributeError, RecursionError):
        return None


def _step_of(body: Mapping[str, Any]) -> str | None:
    step = body.get("state") or body.get("status")
    return step if isinstance(step, str) else None


def _moment(value: str | None) -> datetime | None:
    read = milliseconds(value)
    return None if read is None else _aware(read)


def _aware(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
