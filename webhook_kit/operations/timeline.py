"""Timeline of an order: what happened to it, from its first webhook to its last update. Ids, codes, amounts and durations only.

The first claim, the final outcome and the replays are in the order's record; everything else is in the history of its lane, which
is archived with the order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis

from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.order_search import milliseconds, refusal_of
from webhook_kit.storage.connection import text

__all__ = ["TimelineEntry", "timeline", "timeline_of"]

_TEXTS = {
    "received": "webhook received",
    "claimed": "an attempt is under way",
    "calling": "the POS is being called",
    "abandoned": "an attempt ended without an outcome: its process died, or lost Redis",
    "looked_up": "the POS was asked for the ticket",
    "placed": "placed at the POS",
    "refused": "refused",
    "in_doubt": "in doubt: the POS may have the order",
    "released": "not placed: the next attempt starts afresh",
    "restored": "recorded again after Redis had lost it",
    "linked": "linked to Gett's order id",
    "duplicate_ticket": "the POS reported another ticket of it",
    "placed_after_refusal": "the POS reported a ticket, after the order was refused",
    "answer_replayed": "the same answer given again",
    "other_content": "Gett sent the order again with other content, which was refused",
    "appended": "update appended",
    "merged": "update merged into a newer one",
    "sent": "update taken by Gett",
    "postponed": "update not taken by Gett: sent again later",
    "dead_lettered": "update given up",
    "replayed": "dead letter sent again",
    "discarded": "update discarded",
    "lapsed": "update not sent: the worker died",
    "acted": "action of a person",
    "left_out": "entries left out here",
}

_PLACEMENT = ("attempt", "look_ups", "looked_up", "ms", "why", "status", "code", "state", "pos_number", "gett_id")
_PERSON = ("action", "who", "via", "why")
_UPDATE = ("into", "status", "code", "seconds", "who")
"""Members of the entries that are shown. Among those of updates is no text of Gett or of the POS."""

_FIRST, _BEFORE, _FINAL, _AFTER = range(4)
"""Order of entries of the same millisecond."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to an order.

    :ivar at: moment of the first time.
    :ivar event: its kind; ``_TEXTS`` lists them, new ones may come.
    :ivar update: number of the update that it is about, or None.
    :ivar details: ids, codes, amounts and durations (``ms``, ``seconds``) as plain data.
    :ivar count: number of times that it happened.
    :ivar until: moment of the last time.
    """

    at: datetime
    event: str
    update: int | None
    details: Mapping[str, str | int | float] = field(default_factory=dict)
    count: int = 1
    until: datetime | None = None

    @property
    def text(self) -> str:
        """The entry in words, without moment and count."""
        said = _TEXTS.get(self.event, self.event.replace("_", " "))
        details = [f"update {self.update}"] if self.update is not None else []
        details += [f"{name.replace('_', ' ')} {value}" for name, value in self.details.items()]
        return f"{said} ({', '.join(details)})" if details else said


def timeline(kit: Kit, ref: str) -> list[TimelineEntry]:
    """Return what happened to an order, oldest first; empty if nothing of it is kept.

    :param ref: the orderRef; :func:`webhook_kit.operations.orders.find` returns it.
    """
    lane = lane_name(Kind.ORDER, ref)

    def queue(live: redis.client.Pipeline) -> None:
        live.hgetall(kit.keys.order(ref))
        live.lrange(kit.keys.history(lane), 0, -1)

    (fields, events), archived = kit.order_archive.read(ref, queue)
    record = archived.record if archived else {text(name): text(value) for name, value in fields.items()}
    return timeline_of(record, [json.loads(event) for event in (archived.history if archived else events)])


def timeline_of(record: Mapping[str, str], history: Sequence[Mapping[str, Any]]) -> list[TimelineEntry]:
    """Return what the placement record and the history of an order tell, oldest first."""
    entries = [*_of_record(record, restored=any(event["event"] == "restored" for event in history))]
    entries += [_of_history(event) for event in history]
    return [entry for _, entry in sorted(entries, key=lambda placed: (placed[1].at, placed[0]))]


def _of_record(record: Mapping[str, str], *, restored: bool) -> Iterator[tuple[int, TimelineEntry]]:
    """Yield the entries that the record tells of, with their place among those of the same moment."""
    created, updated = _moment(record.get("created")), _moment(record.get("updated"))
    state, replays = record.get("state"), milliseconds(record.get("replays")) or 0
    if created and not restored:
        yield _FIRST, TimelineEntry(created, "received", None, {}, until=created)
    details: dict[str, str | int | float] = {}
    if (attempt := milliseconds(record.get("attempt")) or 0) > 1:
        details["attempt"] = attempt
    if updated and state in ("claimed", "calling"):
        yield _FINAL, TimelineEntry(updated, state, None, details, until=updated)
    elif updated and state in ("placed", "refused"):
        refusal = refusal_of(dict(record))
        final = {
            "pos_number": record.get("partner_id"),
            "accepted": record.get("accepted"),
            "code": refusal.code if refusal else None,
            "ms": milliseconds(record.get("ms")),
        }
        details |= {name: value for name, value in final.items() if value not in (None, "")}
        yield _FINAL, TimelineEntry(updated, state, None, details, until=updated)
    last = _moment(record.get("replayed"))
    if replays and last:
        yield _AFTER, TimelineEntry(last, "answer_replayed", None, {}, replays, last)


def _of_history(entry: Mapping[str, Any]) -> tuple[int, TimelineEntry]:
    event, number = str(entry.get("event")), entry.get("update")
    of_update = number is not None
    shown = _PERSON if event == "acted" else _UPDATE if of_update else _PLACEMENT
    details = {name: entry[name] for name in shown if entry.get(name) not in (None, "", 0)}
    body = entry.get("body")
    if isinstance(body, dict):
        details["step"] = str(body.get("state") or body.get("status") or "")
    at = _moment(entry.get("at")) or datetime.fromtimestamp(0, UTC)
    until = _moment(entry.get("last")) or at
    count = int(entry.get("count") or 1)
    return _AFTER if of_update else _BEFORE, TimelineEntry(at, event, number and int(number), details, count, until)


def _moment(value: Any) -> datetime | None:
    read = milliseconds(None if value is None else str(value))
    return None if read is None else datetime.fromtimestamp(read / 1000, UTC)
