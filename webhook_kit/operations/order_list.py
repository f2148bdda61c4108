"""List of orders by conditions, newest first, in pages of a bounded cost: the same with 100 as with 100,000 orders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.placement.order_search import FoundOrder, PlacementState
from webhook_kit.storage.connection import text

__all__ = ["OrderFilter", "OrderPage", "list_orders"]

_RECORDS = 1_000
"""Records that a page reads at most."""

_ENTRIES = 10_000
"""Entries of an index that a page reads at most; those of other stores cost no record."""

_BATCH = 500
_SAME_SCORE = 100
"""Members of a sorted set that may have the score of a place."""

_STREAM_ID = re.compile(r"\d{1,16}-\d{1,16}")
_PLACE = re.compile(r"[0-9.]{1,24} .{1,1000}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions of a list; a condition that is None is met by every order.

    :ivar store_id: the partner's id of a store.
    :ivar pos_number: the POS's own order id.
    :ivar refusal_code: code of a refusal, as Gett got it.
    :ivar since: earliest moment of the first attempt.
    :ivar until: latest moment of the first attempt.
    :ivar unconfirmed: True: only orders that the POS took as pending and has not confirmed.
    """

    store_id: str | None = None
    state: PlacementState | None = None
    pos_number: str | None = None
    refusal_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Part of a list.

    :ivar orders: at most as many as were asked for. There may be fewer, even none, although ``cursor`` leads to more: the cost of
        a page is bounded.
    :ivar cursor: continues the list; None at its end.
    """

    orders: tuple[FoundOrder, ...]
    cursor: str | None


class _IndexEntry(NamedTuple):
    """Entry of an index.

    :ivar place: place of the entry, from which the list continues.
    :ivar store_id: empty if the index does not tell.
    """

    place: str
    ref: str
    store_id: str = ""
    code: str = ""


def list_orders(kit: Kit, condition: OrderFilter, *, cursor: str | None = None, size: int = 50) -> OrderPage:
    """Return a page of the orders that meet the conditions, newest first.

    Orders in doubt, being called and unconfirmed come from their own small indexes (in doubt: the last look-up first), refused ones from the list of refusals (by the
    moment of the refusal), all others from the list of all orders (by the moment of the first attempt). Those that are in doubt for
    longer than this list is kept are found by their state alone.

    :raises InvalidArgument: the cursor is not one that an earlier page has returned.
    """
    found: list[FoundOrder] = []
    records, entries, wanted = 0, 0, size
    while records < _RECORDS and entries < _ENTRIES:
        batch = _read(kit, condition, cursor, min(wanted, _BATCH))
        if not batch:
            return OrderPage(tuple(found), None)
        likely = [entry for entry in batch if _likely(condition, entry)]
        orders = {ref: kit.order_search.found(ref, record) for ref, record in _records(kit, likely)}
        for entry in likely:
            order = orders.pop(entry.ref, None)
            if order is not None and _meets(condition, order):
                found.append(order)
                if len(found) == size:
                    return OrderPage(tuple(found), entry.place)
        # The rarer the orders, the more entries are read at once.
        records, entries, cursor, wanted = records + len(likely), entries + len(batch), batch[-1].place, 2 * wanted
    return OrderPage(tuple(found), cursor)


def _records(kit: Kit, candidates: Sequence[_IndexEntry]) -> list[tuple[str, dict[str, str]]]:
    refs = list(dict.fromkeys(candidate.ref for candidate in candidates))
    return list(kit.order_search.records(refs)) if refs else []


def _likely(condition: OrderFilter, candidate: _IndexEntry) -> bool:
    return condition.store_id in (None, candidate.store_id or condition.store_id) and (
        condition.refusal_code in (None, candidate.code or condition.refusal_code)
    )


def _meets(condition: OrderFilter, order: FoundOrder) -> bool:
    code = order.refusal.code if order.refusal else None
    wanted = (
        (condition.store_id, order.store_id),
        (condition.state, order.state),
        (condition.pos_number, order.partner_order_id),
        (condition.refusal_code, code),
    )
    return (
        all(value in (None, actual) for value, actual in wanted)
        and (condition.since is None or order.created >= condition.since.timestamp())
        and (condition.until is None or order.created <= condition.until.timestamp())
    )


# -- indexes -----------------------------------------------------------------------------------------------------------


def _read(kit: Kit, condition: OrderFilter, cursor: str | None, limit: int) -> list[_IndexEntry]:
    """Return the next entries of the index that fits the conditions best."""
    if condition.unconfirmed:
        return _of_set(kit, kit.keys.unconfirmed, cursor, limit)
    if condition.state in (PlacementState.CALLING, PlacementState.IN_DOUBT):
        return _of_set(kit, kit.keys.unsettled, cursor, limit)
    if condition.state is PlacementState.REFUSED or condition.refusal_code is not None:
        return _of_stream(kit, kit.keys.refusals, None, condition.since, cursor, limit)
    return _of_stream(kit, kit.keys.order_list, condition.until, condition.since, cursor, limit)


def _of_stream(
    kit: Kit, key: str, until: datetime | None, since: datetime | None, cursor: str | None, limit: int
) -> list[_IndexEntry]:
    if cursor is not None and not _STREAM_ID.fullmatch(cursor):
        raise _wrong_cursor()
    newest = f"({cursor}" if cursor else "+" if until is None else str(int(until.timestamp() * 1000) + 1_000)
    oldest = "-" if since is None else str(max(0, int(since.timestamp() * 1000)))
    entries: Any = kit.redis.xrevrange(key, newest, oldest, limit)
    return [
        _IndexEntry(text(place), text(fields.get(b"ref")), text(fields.get(b"store")), text(fields.get(b"code")))
        for place, fields in entries
        if fields
    ]


def _of_set(kit: Kit, key: str, cursor: str | None, limit: int) -> list[_IndexEntry]:
    """Return members of a sorted set, highest score first, after a place: score and member."""
    if cursor is not None and not _PLACE.fullmatch(cursor):
        raise _wrong_cursor()
    score, _, last = (cursor or "").partition(" ")
    # Of the members with the same score, those before the place are read again.
    read = limit + _SAME_SCORE if cursor else limit
    members: Any = kit.redis.zrevrangebyscore(key, score or "+inf", "-inf", 0, read, withscores=True)
    places = [_IndexEntry(f"{number:.3f} {text(member)}", text(member)) for member, number in members]
    return [one for one in places if not cursor or _after(one, score, last)][:limit]


def _after(candidate: _IndexEntry, score: str, last: str) -> bool:
    own, _, member = candidate.place.partition(" ")
    return own != score or member < last


def _wrong_cursor() -> InvalidArgument:
    return InvalidArgument("this cursor is not one of an earlier page")
