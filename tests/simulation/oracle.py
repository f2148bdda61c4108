"""Judgement of a run, written from ``gett-protocol.md §3``, ``receiving.md`` and ``availability.md``, not from the code."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.simulation.placement import AFTER, PlacementRun
from tests.simulation.pos import Outcome

__all__ = ["judge"]


def judge(run: PlacementRun) -> list[str]:
    """Return what the run contradicts; empty if every promise was kept."""
    rules = (_tickets, _answers, _refusals, _doubt, _end, _updates)
    return [complaint for rule in rules for complaint in rule(run)]


def _lost(run: PlacementRun) -> bool:
    return run.schedule.back_to is not None


def _tickets(run: PlacementRun) -> Iterator[str]:
    """One ticket per order, as far as the guarantee of the adapter goes."""
    most = 2 if _second_ticket_possible(run) else 1
    if len(run.tickets) > most:
        yield f"{len(run.tickets)} tickets"
    if len(run.tickets) > 1 and _first_call_ends_after_all(run) and "duplicate_ticket" not in run.incidents:
        yield "two tickets, and no incident tells a person"
    if not _lost(run):
        if run.incidents:
            yield f"incidents: {run.incidents}"
        if _has_to_be_placed(run) and len(run.tickets) != 1:
            yield f"{len(run.tickets)} tickets of an order that the POS takes"


def _first_call_ends_after_all(run: PlacementRun) -> bool:
    """Return True if the first attempt learns of its ticket when another one has been placed."""
    schedule = run.schedule
    if (
        run.stopped
        or schedule.lost_at == AFTER
        or schedule.outcome is Outcome.REPLY_LOST
        or schedule.duplicate_at is None
    ):
        return False
    return schedule.duplicate_at < run.attempts[0].index("after settle")


def _second_ticket_possible(run: PlacementRun) -> bool:
    """``availability.md``, Lost writes: the record that the POS is being called was lost."""
    schedule = run.schedule
    if not run.call_lost or schedule.level == "native":
        return False
    if schedule.level == "claim":
        return True
    first, duplicate = run.attempts[0], schedule.duplicate_at
    if duplicate is None or "after record_call" not in first or "before POS place_order" not in first:
        return False
    return first.index("after record_call") <= duplicate <= first.index("before POS place_order")


def _has_to_be_placed(run: PlacementRun) -> bool:
    return run.schedule.outcome is not Outcome.REFUSED and not run.schedule.runs_out


def _answers(run: PlacementRun) -> Iterator[str]:
    """A key is answered the same for ever, and a receipt tells what the POS has."""
    tickets = {ticket.id: ticket.total for ticket in run.tickets}
    for key in {answer.key for answer in run.answers}:
        finals = {(answer.status, answer.body) for answer in run.answers if answer.final and answer.key == key}
        if len(finals) > 1 and not _lost(run):
            yield f"{len(finals)} final answers for {key}"
    receipts = [answer for answer in run.answers if answer.status == 200]
    for receipt in receipts:
        total = f"{json.loads(receipt.body)['amounts']['total']:.2f}"
        if tickets.get(receipt.partner_order_id) != total:
            yield f"a receipt of {receipt.partner_order_id} over {total}, but the POS has {tickets}"
    if len({receipt.partner_order_id for receipt in receipts}) > (2 if _second_ticket_possible(run) else 1):
        yield "receipts of several tickets"
    if not _lost(run) and not run.answers[-1].final:
        yield f"no final answer: {run.answers[-1]}"


def _refusals(run: PlacementRun) -> Iterator[str]:
    """An order that is refused for good has no ticket."""
    refusals = [answer for answer in run.answers if answer.final and answer.status != 200]
    # With native idempotency alone, a refusal by the catalog ignores a ticket that Redis has forgotten.
    forgotten = _lost(run) and run.schedule.runs_out and run.schedule.level != "look-up"
    if refusals and run.tickets and not forgotten:
        yield f"refused with {refusals[0].status}, and the POS has a ticket"
    if refusals and _has_to_be_placed(run):
        yield f"refused: {refusals[0]}"


def _doubt(run: PlacementRun) -> Iterator[str]:
    """A person has to decide only where the kit cannot know, and is told to."""
    if not run.by_person:
        return
    if run.schedule.level != "claim":
        yield "a person had to decide, although the POS can be asked"
    called = run.schedule.outcome is Outcome.REPLY_LOST or any(
        "after claim" in points for points in [*run.attempts, run.duplicate]
    )
    if not called or not (run.stopped or run.schedule.outcome is Outcome.REPLY_LOST or _lost(run)):
        yield "a person had to decide, although no call can have been made"
    if not run.resolvable:
        yield "the person cannot settle the order as placed"
    if not run.doubt_reported:
        yield "the doubt is not listed"
    if not any("order resolve" in answer.detail for answer in run.answers):
        yield "no answer says what to do about the doubt"


def _end(run: PlacementRun) -> Iterator[str]:
    """Every claim has ended, and the record tells what the POS has. What is settled expires."""
    state = run.record.get("state", "")
    if run.tickets and run.held and state not in ("calling", "in_doubt", "refused"):
        yield f"the record says {state}, and the progress of the order is held back"
    if _lost(run) and _left_to_others(run, state):
        return
    if state != ("placed" if run.tickets else "refused"):
        yield f"the record says {state or 'nothing'}, and there are {len(run.tickets)} tickets"
    if run.tickets and run.record.get("partner_id") not in {ticket.id for ticket in run.tickets}:
        yield f"the record names {run.record.get('partner_id')}"
    if run.record_ttl <= 0:
        yield "the settled record does not expire"
    if run.unsettled:
        yield f"unsettled: {run.unsettled}"


def _left_to_others(run: PlacementRun, state: str) -> bool:
    """``availability.md``, Lost writes: what is lost after Gett had its answer is found by reconciliation, or a person settles it.

    With a look-up the worker finds the ticket, if the record that the POS was called is left.
    """
    if not run.answers[-1].final and run.schedule.level == "look-up":
        return False
    return run.schedule.level != "look-up" or run.call_lost or not run.tickets or not state


def _updates(run: PlacementRun) -> Iterator[str]:
    """Gett gets the confirmation of a placed order, once."""
    placed = run.record.get("state") == "placed"
    if run.updates != [("orders/g1/status", "confirmed")] * (1 if placed else 0):
        yield f"updates of an order whose record says {run.record.get('state', 'nothing')}: {run.updates}"
    if run.waiting:
        yield f"{run.waiting} lanes still wait"
