"""A lane as a plain Python object: the simplest implementation of :mod:`webhook_kit.outbox.lanes`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from webhook_kit.outbox.lanes import AppendResult, Lease
from webhook_kit.outbox.updates import Kind, Update


@dataclass
class QueuedUpdate:
    """An update in a lane, or a dead letter."""

    number: int
    update: Update
    body: dict[str, Any]
    urgency: int

    @classmethod
    def of(cls, number: int, update: Update) -> QueuedUpdate:
        return cls(number, update, dict(update.body), int(update.urgency))


@dataclass
class LaneModel:
    """One lane.

    :ivar place: the set it is in: ready, delayed, unlinked, or none.
    :ivar holder: lease of the sender of its head.
    :ivar due: it is delayed, its moment has come, and no script has moved it to ready yet.
    """

    name: str
    linked: bool
    counts: Counter[str]
    waiting: list[QueuedUpdate] = field(default_factory=list)
    place: str = ""
    holder: Lease | None = None
    due: bool = False
    rank: int = 0
    last: str = ""
    closed: bool = False
    acknowledged_rank: int = 0
    acknowledged_number: int = 0
    exists: bool = False
    sent: list[QueuedUpdate] = field(default_factory=list)

    @property
    def is_order(self) -> bool:
        return self.name.startswith(Kind.ORDER)

    def append(self, number: int, update: Update, *, force: bool) -> AppendResult:
        if self.is_order:
            if self.closed and not force:
                return AppendResult.DUPLICATE if self.last == update.text else AppendResult.CLOSED
            lowest = self.rank
            if force:
                lowest = self.waiting[-1].update.rank if self.waiting else self.acknowledged_rank
            if update.rank < lowest:
                return AppendResult.STALE
        if self.last == update.text and not force:
            return AppendResult.DUPLICATE
        self.exists = True
        self.counts["appended"] += 1
        self.rank, self.last, self.closed = update.rank, update.text, update.rank >= 8
        self._enqueue(QueuedUpdate.of(number, update), merging=True)
        return AppendResult.OK

    def _enqueue(self, new: QueuedUpdate, *, merging: bool) -> None:
        while merging and len(self.waiting) > (self.holder is not None):
            self._merge(self.waiting.pop(), new)
        self.waiting.append(new)
        if not self.linked:
            self.place = "unlinked"
        elif self.holder is None and (new.urgency == 0 or self.place != "delayed"):
            self.place, self.due = "ready", False

    def _merge(self, older: QueuedUpdate, newer: QueuedUpdate) -> None:
        newer.urgency = min(newer.urgency, older.urgency)
        estimate = older.body.get("estimatedReadyAt")
        if estimate and "estimatedReadyAt" not in newer.body and newer.update.rank in (1, 2):
            newer.body["estimatedReadyAt"] = estimate
        self.counts["merged"] += 1

    def _merge_all(self) -> None:
        while len(self.waiting) > 1:
            older = self.waiting.pop(0)
            self._merge(older, self.waiting[0])

    def move_due(self) -> Lease | None:
        """Move the lane to ready if it is due, as every lease does first. Return the lease that a sender loses by it."""
        lost = None
        if self.due:
            lost, self.holder, self.due, self.place = self.holder, None, False, "ready"
        return lost

    def lease(self, lease: Lease) -> None:
        self._merge_all()
        self.holder, self.place = lease, "delayed"

    def settle(self, outcome: str) -> QueuedUpdate:
        """Settle the head, as the holder of the lease. Return it."""
        head, self.holder, self.due = self.waiting[0], None, False
        if outcome == "postponed":
            urgent = any(later.urgency < head.urgency for later in self.waiting[1:])
            self._merge_all()
            self.place, self.due = "delayed", urgent
            return head
        self.waiting.pop(0)
        self.place = "ready" if self.waiting else ""
        if outcome == "sent":
            self.counts["sent"] += 1
            self.acknowledged_rank, self.acknowledged_number = head.update.rank, head.number
            self.sent.append(replace(head))
        else:
            self.counts["dead_letters"] += 1
            self.last = ""
        return head

    def run_command(self, discard: int | None) -> int:
        """Run a command of an operator: retry now (None), or discard one update (-1: all)."""
        if not self.exists:
            return -1
        sending = self.holder is not None and not self.due
        within_reach = self.waiting[1:] if sending else self.waiting
        discarded = [] if discard is None else [entry for entry in within_reach if discard in (-1, entry.number)]
        for entry in discarded:
            self.waiting.remove(entry)
            self.counts["discarded"] += 1
            self.last = ""
        if not sending:
            self.holder, self.due = None, False
            self.place = ("ready" if self.linked else "unlinked") if self.waiting else ""
        return len(discarded)

    def replay(self, letter: QueuedUpdate) -> str:
        if letter.number < self.acknowledged_number or letter.update.rank < self.acknowledged_rank:
            return "stale"
        if self.waiting and self.waiting[-1].number > letter.number:
            return "superseded"
        self._enqueue(letter, merging=False)
        self.counts["dead_letters"] -= 1
        return "ok"

    def link(self) -> None:
        self.linked = True
        if self.waiting and self.place == "unlinked":
            self.place = "ready"
