"""A lane as a plain Python object: the simplest thing that does what :mod:`webhook_kit.outbox.lanes` promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from webhook_kit.outbox.lanes import AppendResult, Lease
from webhook_kit.outbox.updates import Kind, Update


@dataclass
class Waiting:
    """An update in a lane, or one that was buried."""

    number: int
    update: Update
    body: dict[str, Any]
    urgency: int

    @classmethod
    def of(cls, number: int, update: Update) -> Waiting:
        return cls(number, update, dict(update.body), int(update.urgency))


@dataclass
class Lane:
    """One lane.

    :ivar place: the set it is in: ready, delayed, unlinked, or none.
    :ivar holder: who sends its head.
    :ivar lapsed: it is delayed, and its moment has come, but nobody has looked yet.
    """

    name: str
    linked: bool
    counts: Counter[str]
    waiting: list[Waiting] = field(default_factory=list)
    place: str = ""
    holder: Lease | None = None
    lapsed: bool = False
    rank: int = 0
    last: str = ""
    closed: bool = False
    acked_rank: int = 0
    acked_number: int = 0
    known: bool = False
    sent: list[Waiting] = field(default_factory=list)

    @property
    def is_order(self) -> bool:
        return self.name.startswith(Kind.ORDER)

    def append(self, number: int, update: Update, *, force: bool) -> AppendResult:
        if self.is_order:
            if self.closed and not force:
                return AppendResult.DUPLICATE if self.last == update.text else AppendResult.CLOSED
            floor = self.rank
            if force:
                floor = self.waiting[-1].update.rank if self.waiting else self.acked_rank
            if update.rank < floor:
                return AppendResult.STALE
        if self.last == update.text and not force:
            return AppendResult.DUPLICATE
        self.known = True
        self.counts["appended"] += 1
        self.rank, self.last, self.closed = update.rank, update.text, update.rank >= 8
        self._put(Waiting.of(number, update), merging=True)
        return AppendResult.OK

    def _put(self, new: Waiting, *, merging: bool) -> None:
        while merging and len(self.waiting) > (self.holder is not None):
            self._merge(self.waiting.pop(), new)
        self.waiting.append(new)
        if not self.linked:
            self.place = "unlinked"
        elif self.holder is None and (new.urgency == 0 or self.place != "delayed"):
            self.place, self.lapsed = "ready", False

    def _merge(self, older: Waiting, newer: Waiting) -> None:
        newer.urgency = min(newer.urgency, older.urgency)
        estimate = older.body.get("estimatedReadyAt")
        if estimate and "estimatedReadyAt" not in newer.body and newer.update.rank in (1, 2):
            newer.body["estimatedReadyAt"] = estimate
        self.counts["merged"] += 1

    def _merge_all(self) -> None:
        while len(self.waiting) > 1:
            older = self.waiting.pop(0)
            self._merge(older, self.waiting[0])

    def look(self) -> Lease | None:
        """Somebody asks what to send: what has lapsed is ready. Returns the lease that this has cost a sender."""
        lost = None
        if self.lapsed:
            lost, self.holder, self.lapsed, self.place = self.holder, None, False, "ready"
        return lost

    def lease(self, lease: Lease) -> None:
        self._merge_all()
        self.holder, self.place = lease, "delayed"

    def settle(self, word: str) -> Waiting:
        """The holder says what became of the head."""
        head, self.holder, self.lapsed = self.waiting[0], None, False
        if word == "postponed":
            urgent = any(later.urgency < head.urgency for later in self.waiting[1:])
            self._merge_all()
            self.place, self.lapsed = "delayed", urgent
            return head
        self.waiting.pop(0)
        self.place = "ready" if self.waiting else ""
        if word == "sent":
            self.counts["sent"] += 1
            self.acked_rank, self.acked_number = head.update.rank, head.number
            self.sent.append(replace(head))
        else:
            self.counts["dead"] += 1
            self.last = ""
        return head

    def touch(self, drop: int | None) -> int:
        """A person's hand: retry_now, or drop one update (all for -1)."""
        if not self.known:
            return -1
        busy = self.holder is not None and not self.lapsed
        within_reach = self.waiting[1:] if busy else self.waiting
        gone = [] if drop is None else [entry for entry in within_reach if drop in (-1, entry.number)]
        for entry in gone:
            self.waiting.remove(entry)
            self.counts["dropped"] += 1
            self.last = ""
        if not busy:
            self.holder, self.lapsed = None, False
            self.place = ("ready" if self.linked else "unlinked") if self.waiting else ""
        return len(gone)

    def replay(self, letter: Waiting) -> str:
        if letter.number < self.acked_number or letter.update.rank < self.acked_rank:
            return "stale"
        if self.waiting and self.waiting[-1].number > letter.number:
            return "superseded"
        self._put(letter, merging=False)
        self.counts["dead"] -= 1
        return "ok"

    def link(self) -> None:
        self.linked = True
        if self.waiting and self.place == "unlinked":
            self.place = "ready"
