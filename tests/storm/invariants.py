"""Judgement of one order, written from ``gett-protocol.md``, ``receiving.md`` (guarantees), ``availability.md`` (lost writes) and ``outbox.md``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.storm.evidence import Evidence, Story
from tests.storm.ledger import Ticket

__all__ = ["ENDS", "judge"]

_STEPS = ("pending", "confirmed", "preparing", "ready", "inTransit", "completed", "cancelled")
ENDS = ("completed", "cancelled")
_AMOUNTS = ("subTotal", "fees", "promotions", "taxes", "adjustments", "tip", "total")
_SETTLES = 60.0
"""Seconds after a span of disorder in which a request that was overtaken can still arrive."""


def judge(story: Story, evidence: Evidence, *, final: bool = False) -> list[str]:
    """Return what an order contradicts; empty if every promise was kept.

    :param final: everything has come to rest.
    """
    rules = [_tickets, _told, _refused, _order_of_updates, *([_decided, _last_state] if final else [])]
    return [complaint for rule in rules for complaint in rule(story, evidence)]


def _tickets(story: Story, evidence: Evidence) -> Iterator[str]:
    """One ticket per order."""
    if len(story.tickets) > most_tickets(story, evidence):
        yield f"{len(story.tickets)} tickets: {', '.join(ticket.id for ticket in story.tickets)}"


def most_tickets(story: Story, evidence: Evidence) -> int:
    """Return how many tickets the guarantee of the store allows (``receiving.md``, "One ticket per order")."""
    losses = [loss for loss in evidence.losses_during(story) if not loss.waited]
    if story.level == "native" or not losses:
        return 1
    if story.level == "claim":
        return 1 + len(losses)
    # A second one only if the second attempt looked up while the first call was still under way in the POS.
    first = min((ticket.created for ticket in story.tickets), default=0.0)
    finds = [call for call in evidence.calls(story.order_id) if call.kind == "find" and call.began < first]
    return 2 if len(finds) > 1 else 1


def _told(story: Story, evidence: Evidence) -> Iterator[str]:
    """The answers to a customer and to Gett are what the POS holds, to the cent."""
    receipts = [attempt.answer for attempt in story.attempts if attempt.status == 200]
    for receipt in [*receipts, *([story.told] if story.accepted else [])]:
        ticket = next((each for each in story.tickets if each.id == receipt.get("partnerOrderId")), None)
        if ticket is None:
            yield f"accepted as {receipt.get('partnerOrderId')}, and the POS has no such ticket"
        else:
            yield from _contradictions(receipt.get("amounts") or {}, ticket)
    if len({receipt.get("partnerOrderId") for receipt in receipts}) > most_tickets(story, evidence):
        yield "receipts of several tickets"


def _contradictions(told: dict[str, Any], ticket: Ticket) -> Iterator[str]:
    for name in _AMOUNTS:
        said, held = _cents(told.get(name)), _cents(ticket.amounts.get(name))
        if said != held:
            yield f"told {name} {said}, and {ticket.id} has {held}"


def _cents(amount: Any) -> Decimal:
    return Decimal(str(amount or 0)).quantize(Decimal("0.01"))


def _refused(story: Story, evidence: Evidence) -> Iterator[str]:
    """A refused order has no ticket."""
    if story.accepted is not False or not story.tickets:
        return
    # After a loss the catalog's refusal ignores the earlier ticket of a POS that cannot be asked (receiving.md).
    if story.level != "look-up" and evidence.losses_during(story):
        return
    yield f"refused ({_reason(story.told)}), and the POS has {story.tickets[0].id}"


def _reason(told: Any) -> str:
    return str(told.get("errorCode") or told.get("detail")) if isinstance(told, dict) else "?"


def _order_of_updates(story: Story, evidence: Evidence) -> Iterator[str]:
    """No status goes back at Gett, and none is sent that would."""
    # Gett's own record first: its log has requests that it handled at the same moment in any order.
    yield from (f"{after} after {before} at Gett" for before, after in pairwise(_taken(story)) if _back(before, after))
    reached = _STEPS[0]
    for update in sorted(story.updates, key=lambda each: each.at):
        back = _back(reached, update.step)
        if back and update.status == 409 and not _could_be_overtaken(update.at, evidence):
            yield f"{update.step} was sent after {reached}"
        if not back and update.status is not None and update.status < 300:
            reached = update.step


def _back(before: str, after: str) -> bool:
    if before in ENDS:
        return after != before
    return _STEPS.index(after) < _STEPS.index(before)


def _taken(story: Story) -> list[str]:
    """Return the steps that Gett has taken, in its order."""
    if story.record is not None and "history" in story.record:
        return [each.get("state") or each["status"] for each in story.record["history"]]
    return [each.step for each in story.updates if each.status is not None and each.status < 300]


def _could_be_overtaken(at: float, evidence: Evidence) -> bool:
    return any(window.overlaps(at - _SETTLES, at) for window in evidence.disorder)


def _decided(story: Story, evidence: Evidence) -> Iterator[str]:
    """Every customer is told in the end."""
    if story.accepted is None:
        yield f"not decided after {len(story.attempts)} deliveries; the last: {_last(story)}"


def _last(story: Story) -> str:
    if not story.attempts:
        return "none"
    last = story.attempts[-1]
    return f"{last.status} {last.answer.get('detail') if isinstance(last.answer, dict) else last.answer}"


def _last_state(story: Story, evidence: Evidence) -> Iterator[str]:
    """The last state at Gett is the POS's."""
    if not story.accepted or not story.tickets:
        return
    if story.record is None:
        yield "Gett has no record of it"
        return
    state, status = story.record["state"], story.record["status"]
    held = [_state(ticket) for ticket in story.tickets]
    if (state if state != "open" else status) not in held:
        yield f"{state if state != 'open' else status} at Gett, and {' and '.join(held)} at the POS"


def _state(ticket: Ticket) -> str:
    return ticket.state or ticket.status or "pending"
