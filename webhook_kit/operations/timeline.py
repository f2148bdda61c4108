"""Timeline of an order: what happened to it, from its first webhook to the last update. Ids, codes, amounts and durations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from webhook_kit.kit import Kit

__all__ = ["TimelineEntry", "timeline"]

_SHOWN = ("into", "seconds", "status", "why")
"""Members of an entry that are shown as they are."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Something that happened to an order.

    :ivar at: moment of the first time.
    :ivar event: its kind, in the past tense: ``received``, ``looked_up``, ``placed``, ``refused``, ``in_doubt``, ``released``,
        ``abandoned``, ``replayed_answer``, ``appended``, ``merged``, ``sent``, ``postponed``, ``dead_lettered``, ``replayed``,
        ``discarded``, ``lapsed``, ``acted`` (a person), …; new kinds may come.
    :ivar update: number of the update that it is about, or None.
    :ivar details: ids, codes, amounts and durations (``ms``, ``seconds``) as plain data.
    :ivar count: number of times that it happened in a row.
    :ivar until: moment of the last time; that of the first one if it happened once.
    """

    at: datetime
    event: str
    update: int | None = None
    details: Mapping[str, str | int | float] = field(default_factory=dict)
    count: int = 1
    until: datetime | None = None

    @property
    def text(self) -> str:
        """The entry in words, without its moment."""
        parts = [self.event.replace("_", " ")]
        if self.update is not None:
            parts.append(f"update {self.update}")
        parts += [f"{name} {value}" for name, value in self.details.items()]
        if self.count > 1:
            parts.append(f"({self.count} times)")
        return ", ".join(parts)


def timeline(kit: Kit, ref: str) -> list[TimelineEntry]:
    """Return what happened to an order, oldest first; empty if nothing of it is kept.

    :param ref: the orderRef; :func:`webhook_kit.operations.orders.find` returns it.
    """
    return [_entry(event) for event in kit.lanes.history(f"order:{ref}")]


def _entry(event: Mapping[str, Any]) -> TimelineEntry:
    at = datetime.fromtimestamp(float(event["at"]) / 1000, UTC)
    details = {name: event[name] for name in _SHOWN if name in event}
    body = event.get("body")
    if isinstance(body, dict):
        details["step"] = str(body.get("state") or body.get("status") or "")
    number = event.get("update")
    return TimelineEntry(at, str(event["event"]), None if number is None else int(number), details, until=at)
