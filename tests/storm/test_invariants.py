"""Planted violations, each of which the judgement of the storm has to see, and what the documents allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.storm.evidence import Attempt, Evidence, Story, Update, Window
from tests.storm.invariants import judge
from tests.storm.ledger import PosCall, Ticket

AMOUNTS = {"subTotal": 12.5, "taxes": 1.03, "total": 13.53}
TICKET = Ticket("T1", "native", "native-0", "g1", "key", AMOUNTS, "accepted", "ready", "completed", None, 101.0)
RECEIPT = {"partnerOrderId": "T1", "amounts": {**AMOUNTS, "tip": 0}}
LOSS = [Window(105.0, 106.0)]


def story(**changes: Any) -> Story:
    """Return an order that went well, with changes."""
    members: dict[str, Any] = {
        "level": "native",
        "store": "native-0",
        "order_id": "g1",
        "told": RECEIPT,
        "accepted": True,
        "attempts": [Attempt(100.0, 102.0, 200, RECEIPT)],
        "updates": [Update(103.0, step, 202) for step in ("confirmed", "ready", "completed")],
        "tickets": [TICKET],
        "record": {"state": "completed", "status": "ready"},
    }
    return Story("k1", **{**members, **changes})


def complaints(
    story: Story, *, losses: Iterable[Window] = (), disorder: Iterable[Window] = (), calls: Iterable[PosCall] = ()
) -> list[str]:
    evidence = Evidence(lambda _ref: calls, losses=list(losses), disorder=list(disorder))
    return judge(story, evidence, final=True)


TWO = [TICKET, replace(TICKET, id="T2", created=110.0)]
AGAIN = [Attempt(100.0, 102.0, None, None), Attempt(108.0, 111.0, 200, RECEIPT)]
REFUSED: dict[str, Any] = {"accepted": False, "told": {"errorCode": "ITEM_UNAVAILABLE"}}


def test_an_order_that_went_well_breaks_no_promise() -> None:
    assert complaints(story()) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tickets": TWO}, "2 tickets: T1, T2"),
        ({"tickets": [], "updates": []}, "accepted as T1, and the POS has no such ticket"),
        ({"tickets": [replace(TICKET, amounts={**AMOUNTS, "total": 13.54})]}, "told total 13.53, and T1 has 13.54"),
        ({"told": {**RECEIPT, "amounts": {**AMOUNTS, "tip": 0.01}}}, "told tip 0.01, and T1 has 0.00"),
        (REFUSED, "refused (ITEM_UNAVAILABLE), and the POS has T1"),
        ({"accepted": None, "told": None, "tickets": []}, "not decided after 1 deliveries"),
        ({"record": {"state": "open", "status": "ready"}}, "ready at Gett, and completed at the POS"),
        ({"updates": [Update(1, "ready", 202), Update(2, "confirmed", 202)]}, "confirmed after ready at Gett"),
        ({"updates": [Update(1, "cancelled", 202), Update(2, "completed", 202)]}, "completed after cancelled at Gett"),
        ({"updates": [Update(1, "ready", 202), Update(2, "confirmed", 409)]}, "confirmed was sent after ready"),
    ],
)
def test_a_planted_violation_is_seen(changes: dict[str, Any], complaint: str) -> None:
    assert any(line.startswith(complaint) for line in complaints(story(**changes)))


def test_receipts_of_two_tickets_are_seen() -> None:
    other = {**RECEIPT, "partnerOrderId": "T2"}
    attempts = [Attempt(100.0, 102.0, 200, RECEIPT), Attempt(108.0, 111.0, 200, other)]
    assert "receipts of several tickets" in complaints(story(attempts=attempts, tickets=TWO))


@pytest.mark.parametrize("level", ["native", "look-up"])
def test_a_second_ticket_after_a_loss_of_redis_is_allowed_with_claim_only(level: str) -> None:
    assert complaints(story(level="claim", attempts=AGAIN, tickets=TWO), losses=LOSS) == []
    assert complaints(story(level=level, attempts=AGAIN, tickets=TWO), losses=LOSS) == ["2 tickets: T1, T2"]


def test_a_second_ticket_with_claim_needs_a_loss_during_the_order() -> None:
    assert complaints(story(level="claim", attempts=AGAIN, tickets=TWO), losses=[Window(200.0, 201.0)])


def test_a_second_ticket_is_not_allowed_if_the_kit_has_waited_for_replicas() -> None:
    waited = [replace(LOSS[0], waited=True)]
    assert complaints(story(level="claim", attempts=AGAIN, tickets=TWO), losses=waited) == ["2 tickets: T1, T2"]


def test_a_second_ticket_with_look_up_needs_a_look_up_during_the_first_call() -> None:
    tickets = [replace(TICKET, created=109.0), replace(TICKET, id="T2", created=110.0)]
    own, second = PosCall("g1", "find", 100.0, 100.1, ""), PosCall("g1", "find", 108.0, 108.1, "")
    order = story(level="look-up", attempts=AGAIN, tickets=tickets)
    assert complaints(order, losses=LOSS, calls=[own, second]) == []
    assert complaints(order, losses=LOSS, calls=[own])
    assert complaints(order, calls=[own, second])


def test_a_refusal_after_a_loss_ignores_the_ticket_of_a_pos_that_cannot_be_asked() -> None:
    for level, allowed in {"native": True, "claim": True, "look-up": False}.items():
        assert (complaints(story(level=level, attempts=AGAIN, **REFUSED), losses=LOSS) == []) is allowed, level


def test_an_update_that_was_overtaken_while_a_sender_stood_still_is_refused_by_gett_and_no_fault() -> None:
    overtaken = [Update(100.0, "ready", 202), Update(104.0, "confirmed", 409), Update(105.0, "completed", 202)]
    assert complaints(story(updates=overtaken), disorder=[Window(90.0, 96.0)]) == []


def test_the_order_of_updates_that_gett_took_is_that_of_its_record() -> None:
    logged = [Update(103.0, "ready", 202), Update(103.0, "completed", 202), Update(102.9, "ready", 202)]
    history = [{"status": "ready"}, {"status": "ready"}, {"state": "completed"}]
    record = {"state": "completed", "status": "ready", "history": history}
    assert complaints(story(updates=logged, record=record)) == []
    back = {**record, "history": [*history, {"status": "confirmed"}]}
    assert complaints(story(updates=logged, record=back)) == ["confirmed after completed at Gett"]
