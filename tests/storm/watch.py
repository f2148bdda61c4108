"""Continuous judgement: the sandbox's records and the POS's tickets are read again and again, and each order that they touch is judged."""

from __future__ import annotations

from contextlib import suppress

import requests

from tests.storm.customers import Customers
from tests.storm.evidence import Attempt, Evidence, Story, Update
from tests.storm.gett import Entry, Gett
from tests.storm.installation import Installation
from tests.storm.invariants import ENDS, judge
from tests.storm.ledger import Ledger, Ticket

__all__ = ["Watch"]


class Watch:
    """Collects evidence.

    :ivar accepted: begin and end (Unix seconds) of each delivery that was accepted; ``delivered``: of each update that Gett took.
    :ivar complaints: what each order contradicts, by its Idempotency-Key.
    """

    def __init__(self, installation: Installation, customers: Customers) -> None:
        self._installation, self._customers = installation, customers
        self._ledger = Ledger(installation.ledger_file, reading=True)
        self._last_ticket = 0
        self._waiting_tickets: list[Ticket] = []
        self.evidence = Evidence(self._ledger.calls, losses=installation.losses, disorder=installation.disorder)
        self.accepted: list[tuple[float, float]] = []
        self.delivered: list[tuple[float, float]] = []
        self.complaints: dict[str, list[str]] = {}

    @property
    def gett(self) -> Gett:
        return self._installation.gett

    def look(self) -> None:
        """Read what is new, and judge the orders that it is about."""
        touched = {story.key: story for story in self._read()}
        for story in touched.values():
            self._judge(story)

    def judge_all(self) -> None:
        """Judge every order at rest."""
        self.look()
        self.complaints.clear()
        for story in self.evidence.by_key.values():
            if story.order_id and story.accepted:
                story.record = self.gett.order(story.order_id)
            self._judge(story, final=True)
        for ticket in self._waiting_tickets:
            self.complaints[ticket.ref] = [f"{ticket.id} is of an order that Gett has never sent"]

    def unsettled(self) -> list[Story]:
        """Return the accepted orders whose last state is not at Gett yet."""
        found = []
        for story in self.evidence.by_key.values():
            if story.accepted and not any(each.step in ENDS and (each.status or 500) < 300 for each in story.updates):
                story.record = self.gett.order(story.order_id)
                if judge(story, self.evidence, final=True):
                    found.append(story)
        return found

    def _judge(self, story: Story, *, final: bool = False) -> None:
        if complaints := judge(story, self.evidence, final=final):
            self.complaints[story.key] = complaints
        else:
            self.complaints.pop(story.key, None)

    def _read(self) -> list[Story]:
        stories: list[Story] = []
        # Tickets last: whatever an answer speaks of has to be there.
        for placing in list(self._customers.placings.values()):
            story = self.evidence.story(placing.key)
            if story.accepted is not placing.accepted or not story.store:
                story.store, story.level = placing.store.id, placing.store.id.rpartition("-")[0]
                story.told, story.accepted = placing.told, placing.accepted
                stories.append(story)
        with suppress(requests.RequestException):  # the sandbox stands still
            stories += [known for entry in self.gett.entries() if (known := self._add(entry))]
        self._waiting_tickets += self._ledger.tickets(self._last_ticket)
        unknown = []
        for ticket in self._waiting_tickets:
            self._last_ticket = max(self._last_ticket, int(ticket.id.removeprefix("T")))
            if (owner := self.evidence.by_order.get(ticket.ref)) is None:
                unknown.append(ticket)
            else:
                owner.tickets.append(ticket)
                stories.append(owner)
        self._waiting_tickets = unknown
        return stories

    def _add(self, entry: Entry) -> Story | None:
        if entry.call == "placeOrder":
            story = self.evidence.linked(entry.key, entry.order)
            story.attempts.append(Attempt(entry.began, entry.at, entry.status, entry.answer))
            if entry.status == 200:
                self.accepted.append((entry.began, entry.at))
            return story
        known = self.evidence.by_order.get(entry.order)
        step = entry.request.get("state") or entry.request.get("status")
        if known is not None and step is not None:  # otherwise half of it has arrived
            known.updates.append(Update(entry.at, step, entry.status))
        if entry.status is not None and entry.status < 300:
            self.delivered.append((entry.at, entry.at))
        return known

    def refresh_tickets(self) -> None:
        """Read the last state of each ticket."""
        latest = {ticket.id: ticket for ticket in self._ledger.tickets()}
        for story in self.evidence.by_key.values():
            story.tickets = [latest[ticket.id] for ticket in story.tickets]

    def progress(self) -> tuple[int, ...]:
        """Return numbers that change while orders are decided, cooked or reported."""
        decided = sum(story.accepted is not None for story in self.evidence.by_key.values())
        return decided, len(self.delivered), self._ledger.open_tickets(), self._ledger.waiting_events()

    def kitchen_rests(self) -> bool:
        """Return True if every ticket has ended and every event was taken by the kit."""
        return not (self._ledger.open_tickets() or self._ledger.waiting_events())
