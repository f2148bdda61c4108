"""Reading of the placement records, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import redis

from webhook_kit.outbox.archive import decode
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["FoundOrder", "OrderSearch", "PlacementState", "RefusalReason", "is_lapsed", "milliseconds", "refusal_of"]

_MOMENT_DIGITS = 14
_PAGE = 500
"""Records that are read at once at most, so that a search holds up nobody else's commands."""

_FIELDS = ("ref", "state", "store", "gett_id", "partner_id", "created", "updated", "accepted", "lease")


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
class FoundOrder:
    """An order by its record. Moments are Unix seconds.

    :ivar accepted: total that the customer accepted; empty until the placement is final.
    :ivar taken: last update that Gett took; empty if it took none.
    """

    ref: str
    state: str
    store_id: str
    gett_id: str
    partner_order_id: str
    created: float
    updated: float
    refusal: RefusalReason | None
    accepted: str = ""
    taken: str = ""


class OrderSearch:
    """Reader of the placement records. It reads pages of their list, never the whole key space."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def refs(self) -> Iterator[list[str]]:
        """Yield the orderRefs of all records, each once, in pages, newest first. A record may have expired meanwhile.

        That is the list, the list of an earlier version, then the orders in doubt, which outlive both.
        """
        seen: set[str] = set()
        for page in self._pages():
            yield [ref for ref in dict.fromkeys(page) if ref not in seen]
            seen.update(page)

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
            accepted=record.get("accepted", ""),
            taken=_step(record.get("acknowledged", "")),
        )

    def _refusal(self, record: dict[str, str]) -> RefusalReason | None:
        if record["state"] != PlacementState.REFUSED:
            return None
        if "answer" not in record:
            record["answer"] = text(self._redis.hget(self._keys.order(record["ref"]), "answer"))
        return refusal_of(record)

    def _pages(self) -> Iterator[list[str]]:
        newest = "+"
        while entries := self._redis.xrevrange(self._keys.order_list, newest, "-", _PAGE):
            yield [text(fields[b"ref"]) for _, fields in entries if fields]
            newest = f"({text(entries[-1][0])}"
        for key in (self._keys.orders, self._keys.unsettled):
            start = 0
            while page := self._redis.zrevrange(key, start, start + _PAGE - 1):
                yield [text(ref) for ref in page]
                start += len(page)

    def records(self, refs: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each of these records that exists, read in one round trip. Of one that is not archived only some fields are read.

        To each belongs ``acknowledged``, the last body of its lane that Gett took. An order whose POS call has outlived its lease is in doubt.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                pipeline.hmget(self._keys.order(ref), _FIELDS)
                pipeline.get(self._keys.archive(ref))
                pipeline.hget(self._keys.lane(lane_name(Kind.ORDER, ref)), "acknowledged")
            pipeline.time()
            *replies, (seconds, _) = pipeline.execute()
        for ref, values, archive, taken in zip(refs, replies[::3], replies[1::3], replies[2::3], strict=True):
            if archive is not None:
                archived = decode(ref, archive)
                last = {"acknowledged": archived.lane.get("acknowledged", "")}
                yield ref, dict.fromkeys(_FIELDS, "") | archived.record | last
            elif values[0] is not None:
                record = dict(zip(_FIELDS, map(text, values), strict=True)) | {"acknowledged": text(taken)}
                if is_lapsed(record["state"], record["lease"], seconds):
                    record["state"] = PlacementState.IN_DOUBT
                yield ref, record


def _step(body: str) -> str:
    """Return the state or status of an update's body; empty if it has none."""
    try:
        update = json.loads(body or "{}")
    except (ValueError, RecursionError):
        return ""
    step = (update.get("state") or update.get("status")) if isinstance(update, dict) else None
    return step if isinstance(step, str) else ""


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


def is_lapsed(state: str, lease: str, now: float) -> bool:
    """Return True if the POS call of a record has outlived its lease: its process died, and the POS may have the order.

    :param lease: the end of the lease, as in the record.
    :param now: Unix seconds.
    """
    return state == PlacementState.CALLING and (milliseconds(lease) or 0) / 1000 < now


def milliseconds(value: str | None) -> int | None:
    """Return a moment of a record in Unix milliseconds; None if there is none that can be read."""
    digits = value or ""
    return int(digits) if digits.isdecimal() and len(digits) <= _MOMENT_DIGITS else None
