"""Search of the placement records by store, state, time and the POS's order id, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from math import inf

import redis

from webhook_kit.outbox.archive import decode
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["FoundOrder", "OrderQuery", "OrderSearch", "PlacementState", "RefusalReason", "milliseconds", "refusal_of"]

_MOMENT_DIGITS = 14
_PAGE = 500
"""Records that are read at once at most, so that a search holds up nobody else's commands."""

_LATER = 1000
"""Milliseconds by which an order may be in the list later than its record says."""

_FIELDS = ("ref", "state", "store", "gett_id", "partner_id", "created", "updated")


class PlacementState(StrEnum):
    """State of a placement record."""

    CLAIMED = "claimed"
    CALLING = "calling"
    PLACED = "placed"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """Reason of a refusal, as Gett got it.

    :ivar violations: each with ``code`` and ``message``, and ``itemId`` and ``jsonPath`` where they apply.
    """

    code: str
    detail: str
    violations: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Conditions of a search; a condition that is None is met by every order.

    :ivar partner_order_id: the POS's own order id.
    :ivar since: earliest moment of the first attempt.
    :ivar until: latest moment of the first attempt.
    """

    store_id: str | None = None
    state: PlacementState | None = None
    partner_order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order that meets the conditions. Moments are Unix seconds."""

    ref: str
    state: str
    store_id: str
    gett_id: str
    partner_order_id: str
    created: float
    updated: float
    refusal: RefusalReason | None


class OrderSearch:
    """Search in the list of placement records. It reads pages of the list, never the whole key space."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def find(self, query: OrderQuery, limit: int) -> list[FoundOrder]:
        """Return at most this many orders that meet the conditions, newest first; those in doubt for long come last."""
        return list(islice(self._matching(query, limit), limit))

    def refs(self) -> Iterator[list[str]]:
        """Yield the orderRefs of all records, each once, in pages, newest first. A record may have expired meanwhile."""
        seen: set[str] = set()
        for page in self._refs(-inf, inf, _PAGE):
            yield [ref for ref in dict.fromkeys(page) if ref not in seen]
            seen.update(page)

    def _matching(self, query: OrderQuery, limit: int) -> Iterator[FoundOrder]:
        earliest = -inf if query.since is None else query.since.timestamp() * 1000
        latest = inf if query.until is None else query.until.timestamp() * 1000
        seen: set[str] = set()
        for ref, record in self._records(self._refs(earliest, latest, limit), seen):
            order = self.found(ref, record)
            created = order.created * 1000
            wanted = (
                (query.store_id, record["store"]),
                (query.state, record["state"]),
                (query.partner_order_id, record["partner_id"]),
            )
            if all(value in (None, actual) for value, actual in wanted) and earliest <= created <= latest:
                yield order

    def found(self, ref: str, record: dict[str, str]) -> FoundOrder:
        """Return an order by its record, as :meth:`records` reads it."""
        created = milliseconds(record["created"]) or 0
        return FoundOrder(
            ref=ref,
            state=record["state"],
            store_id=record["store"],
            gett_id=record["gett_id"],
            partner_order_id=record["partner_id"],
            created=created / 1000,
            updated=(milliseconds(record["updated"]) or created) / 1000,
            refusal=self._refusal(record),
        )

    def _refusal(self, record: dict[str, str]) -> RefusalReason | None:
        if record["state"] != PlacementState.REFUSED:
            return None
        if "answer" not in record:
            record["answer"] = text(self._redis.hget(self._keys.order(record["ref"]), "answer"))
        return refusal_of(record)

    def _refs(self, earliest: float, latest: float, limit: int) -> Iterator[list[str]]:
        """Yield pages of orderRefs: the list, newest first, that of an earlier version, then the orders in doubt, which outlive both.

        The first page is as long as the list that is wanted: without conditions nothing else is read.
        """
        size, newest = limit, "+" if latest == inf else str(int(latest) + _LATER)
        oldest = "-" if earliest == -inf else str(max(0, int(earliest)))
        while entries := self._redis.xrevrange(self._keys.order_list, newest, oldest, min(size, _PAGE)):
            yield [text(fields[b"ref"]) for _, fields in entries if fields]
            size, newest = _PAGE, f"({text(entries[-1][0])}"
        start = 0
        while page := self._redis.zrevrangebyscore(self._keys.orders, latest, earliest, start=start, num=_PAGE):
            yield [text(ref) for ref in page]
            start += len(page)
        start = 0
        while page := self._redis.zrevrange(self._keys.unsettled, start, start + _PAGE - 1):
            yield [text(ref) for ref in page]
            start += len(page)

    def _records(self, pages: Iterable[Sequence[str]], seen: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each record once that still exists."""
        for page in pages:
            refs = [ref for ref in page if ref not in seen]
            seen.update(refs)
            yield from self.records(refs)

    def records(self, refs: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each of these records that exists, read in one round trip. Of one that is not archived only some fields are read."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                pipeline.hmget(self._keys.order(ref), _FIELDS)
                pipeline.get(self._keys.archive(ref))
            replies = pipeline.execute()
        for ref, values, archive in zip(refs, replies[::2], replies[1::2], strict=True):
            if archive is not None:
                yield ref, dict.fromkeys(_FIELDS, "") | decode(ref, archive).record
            elif values[0] is not None:
                yield ref, dict(zip(_FIELDS, map(text, values), strict=True))


def refusal_of(record: dict[str, str]) -> RefusalReason | None:
    """Return the reason for which an order was refused; None when its record has no refusal."""
    if record.get("state") != PlacementState.REFUSED or not record.get("answer"):
        return None
    try:
        problem = json.loads(record["answer"])
        violations = tuple(
            {"code": "", "message": ""}
            | {name: str(error[name]) for name in ("code", "message", "itemId", "jsonPath") if error.get(name)}
            for error in problem.get("errors") or ()
        )
        return RefusalReason(str(problem.get("errorCode", "")), str(problem.get("detail", "")), violations)
    except (ValueError, AttributeError, TypeError, RecursionError):  # written by another version or program
        return RefusalReason("", "the answer in its record cannot be read")


def milliseconds(value: str | None) -> int | None:
    """Return a moment of a record in Unix milliseconds; None if there is none that can be read."""
    digits = value or ""
    return int(digits) if digits.isdecimal() and len(digits) <= _MOMENT_DIGITS else None
