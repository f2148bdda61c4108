"""The placement ledger, transition by transition, on a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.placement.placement_helpers import KEY_TTL, LEASE, ORDER, ORDER_TTL, Book, the
from webhook_kit.errors import Conflict, NotFound
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.idempotency_store import (
    AlreadyPlaced,
    AttemptOutcome,
    Busy,
    Claim,
    KeyReused,
    Replay,
    SettleResult,
)
from webhook_kit.testing.processes import wait_until

CONFIRMED = order_progress("confirmed").text


@pytest.fixture
def book(kit: Kit) -> Book:
    return Book(kit)


# -- claiming ----------------------------------------------------------------------------------------------------------


def test_the_first_claim_is_granted_and_a_second_waits(book: Book) -> None:
    first = book.claim()
    assert (first.ref, first.doubt, first.same_order) == ("g1", False, True)
    busy = the(Busy, book.decide())
    assert LEASE - 5 < busy.seconds <= LEASE
    the(Busy, book.decide(key="k2"))
    assert book.field("attempt") == "1"


def test_without_a_gett_id_the_key_names_the_order_and_such_orders_are_not_one(book: Book) -> None:
    assert [book.claim(key, "").ref for key in ("k1", "k2")] == ["k1", "k2"]


def test_a_key_stands_for_one_order_for_ever(book: Book) -> None:
    book.claim()
    the(KeyReused, book.decide(fp="f2"))
    the(KeyReused, book.decide(fp="f2", gett_id="g2"))
    book.claim("k2", "g2")
    the(KeyReused, book.decide(key="k1", gett_id="g2"))


def test_a_claim_that_lapsed_before_the_call_is_taken_over_without_doubt(book: Book) -> None:
    stale = book.claim()
    book.lapse()
    second = book.claim()
    assert (second.doubt, second.owner != stale.owner, book.field("attempt")) == (False, True, "2")
    assert not book.ledger.record_call(stale, ORDER)
    assert book.refuse(stale) is SettleResult.STALE
    assert book.ledger.record_call(second, ORDER)


def test_a_claim_that_lapsed_during_the_call_is_taken_over_in_doubt(book: Book) -> None:
    book.calling()
    book.lapse()
    second = book.claim()
    assert (second.doubt, second.same_order, second.earlier_order) == (True, True, ORDER)
    book.lapse()
    third = book.claim("k2", "g1", "f2")
    assert (third.doubt, third.same_order, third.earlier_order) == (True, False, ORDER)


def test_a_call_is_begun_by_the_owner_alone_and_only_while_nothing_is_settled(book: Book) -> None:
    claim = book.calling()
    # The reply may have been lost on the way, and the client asked again.
    assert book.ledger.record_call(claim, ORDER)
    assert not book.ledger.record_call(replace(claim, owner="somebody else"), ORDER)
    assert book.field("state") == "calling"
    book.ledger.settle(claim, AttemptOutcome.IN_DOUBT)
    assert not book.ledger.record_call(claim, ORDER)


def test_an_order_that_is_ready_is_claimed_and_called_in_one(book: Book) -> None:
    claim = the(Claim, book.ready())
    assert (claim.calling, claim.doubt, book.field("state")) == (True, False, "calling")
    assert book.ttls() == [-1, -1, -1]
    assert book.redis.zscore(book.keys.unsettled, "g1") is not None
    the(Busy, book.ready("k2"))
    book.lapse()
    second = the(Claim, book.ready())
    assert (second.calling, second.doubt, second.earlier_order) == (False, True, ORDER)


# -- settling ----------------------------------------------------------------------------------------------------------


def test_a_placed_order_is_replayed_to_every_key_with_its_content_and_to_no_other(book: Book) -> None:
    assert book.place(book.calling()) is SettleResult.OK
    for key in ("k1", "k2", "k1"):
        replay = the(Replay, book.decide(key=key))
        assert (replay.status, replay.body, replay.ref, replay.newly_linked) == (200, b"receipt of T1", "g1", "")
    other = the(AlreadyPlaced, book.decide(key="k3", fp="f2"))
    assert other.partner_order_id == "T1"


def test_a_refusal_is_replayed_to_its_key_and_a_second_key_is_assessed_anew(book: Book) -> None:
    assert book.refuse(book.claim()) is SettleResult.OK
    replay = the(Replay, book.decide())
    assert (replay.status, replay.body) == (400, b"no")
    second = book.claim("k2")
    assert not second.doubt
    assert book.ledger.record_call(second, ORDER)
    assert book.place(second) is SettleResult.OK
    assert the(Replay, book.decide()).status == 200


def test_a_released_order_is_claimed_afresh(book: Book) -> None:
    assert book.ledger.settle(book.calling(), AttemptOutcome.RELEASED) is SettleResult.OK
    assert not book.claim().doubt


def test_an_order_in_doubt_is_claimed_in_doubt_until_somebody_knows(book: Book) -> None:
    assert book.ledger.settle(book.calling(), AttemptOutcome.IN_DOUBT) is SettleResult.OK
    again = book.claim()
    assert again.doubt
    assert book.ledger.settle(again, AttemptOutcome.IN_DOUBT) is SettleResult.OK
    assert book.ledger.settle(book.claim(), AttemptOutcome.RELEASED) is SettleResult.OK
    assert not book.claim().doubt


@pytest.mark.parametrize("outcome", [AttemptOutcome.REFUSED, AttemptOutcome.RELEASED, AttemptOutcome.IN_DOUBT])
def test_who_lost_the_claim_settles_nothing_but_a_ticket(outcome: AttemptOutcome, book: Book) -> None:
    lost = book.calling()
    book.lapse()
    book.claim()
    assert book.ledger.settle(lost, outcome) is SettleResult.STALE
    assert book.field("state") == "claimed"
    assert book.place(lost) is SettleResult.OK
    assert the(Replay, book.decide()).body == b"receipt of T1"


def test_a_late_ticket_stops_who_took_over_before_the_call(book: Book) -> None:
    slow = book.calling()
    book.lapse()
    second = book.claim()
    book.place(slow)
    assert not book.ledger.record_call(second, ORDER)


def test_the_same_ticket_twice_is_the_same(book: Book) -> None:
    claim = book.calling()
    assert [book.place(claim), book.place(claim)] == [SettleResult.OK, SettleResult.SAME]
    assert book.ledger.incidents() == []


def test_another_ticket_never_overwrites_and_raises_an_incident(book: Book) -> None:
    slow = book.calling()
    book.lapse()
    quick = book.calling()
    assert book.place(quick, "T2") is SettleResult.OK
    assert book.place(slow, "T1") is SettleResult.DUPLICATE
    assert book.field("partner_id") == "T2"
    (incident,) = book.ledger.incidents()
    expected = {"kind": "duplicate ticket", "order": "g1", "state": "placed", "known": "T2", "reported": "T1"}
    assert incident | expected == incident


def test_a_ticket_after_a_refusal_raises_an_incident_and_the_refusal_stays(book: Book) -> None:
    slow = book.calling()
    book.lapse()
    book.refuse(book.claim())
    assert book.place(slow) is SettleResult.DUPLICATE
    assert the(Replay, book.decide()).status == 400
    assert book.ledger.incidents()[0]["kind"] == "placed after a refusal"


def test_incidents_come_newest_first(book: Book) -> None:
    claim = book.calling()
    for ticket in ("T1", "T2", "T3"):
        book.place(claim, ticket)
    assert [incident["reported"] for incident in book.ledger.incidents()] == ["T3", "T2"]
    assert [incident["reported"] for incident in book.ledger.incidents(limit=1)] == ["T3"]


def test_a_person_decides_whatever_the_state(book: Book) -> None:
    book.ledger.settle(book.calling(), AttemptOutcome.IN_DOUBT)
    nobody = Claim("g1", "", "g1", "s", "f1", "")
    assert book.ledger.settle(nobody, AttemptOutcome.RELEASED) is SettleResult.STALE
    assert book.ledger.settle(nobody, AttemptOutcome.RELEASED, force=True) is SettleResult.OK
    assert not book.claim().doubt


# -- what settling brings with it --------------------------------------------------------------------------------------


def test_a_ticket_is_recorded_with_its_first_update_and_a_wake_up_in_one(book: Book) -> None:
    book.place(book.calling(), update=CONFIRMED)
    (leased,) = book.kit.lanes.lease(9, 1000).leases
    assert (leased.lane, leased.gett_id, leased.store_id) == ("order:g1", "g1", "s")
    assert leased.body == {"status": "confirmed"}
    assert book.redis.exists(book.keys.notified)


def test_an_update_of_an_order_without_a_gett_id_waits_until_it_is_linked(book: Book) -> None:
    book.place(book.calling("k1", ""), update=CONFIRMED)
    assert not book.kit.lanes.lease(9, 1000).leases
    replay = the(Replay, book.decide("k1", "g1"))
    assert (replay.ref, replay.newly_linked) == ("k1", "g1")
    book.ledger.link(replay.ref, replay.newly_linked)
    (leased,) = book.kit.lanes.lease(9, 1000).leases
    assert (leased.lane, leased.gett_id) == ("order:k1", "g1")
    assert the(Replay, book.decide("k2", "g1")).ref == "k1"


def test_linking_ties_one_to_one_and_says_why_not(book: Book) -> None:
    book.place(book.calling("k1", ""))
    book.place(book.calling("k2", "g2"))
    with pytest.raises(NotFound, match="order k3 was not found"):
        book.ledger.link("k3", "g3")
    with pytest.raises(Conflict, match="cannot be linked to g2: g2 belongs to order g2"):
        book.ledger.link("k1", "g2")
    book.ledger.link("k1", "g1")
    book.ledger.link("k1", "g1")
    with pytest.raises(Conflict, match="cannot be linked to g3: it is linked to g1"):
        book.ledger.link("k1", "g3")


def test_an_order_is_found_by_its_ref_its_gett_id_and_its_keys(book: Book) -> None:
    book.claim("k1", "")
    book.ledger.link("k1", "g1")
    assert {(book.ledger.find(name) or {}).get("ref") for name in ("k1", "g1")} == {"k1"}
    assert book.ledger.find("nothing") is None


# -- Redis emptied in mid-call -----------------------------------------------------------------------------------------


def flush(book: Book) -> None:
    for name in book.redis.scan_iter(f"{book.keys.prefix}*"):
        book.redis.delete(name)


def test_a_ticket_is_recorded_even_when_redis_was_emptied_in_mid_call(book: Book) -> None:
    claim = book.calling()
    flush(book)
    assert book.place(claim, update=CONFIRMED) is SettleResult.OK
    for key, gett_id in (("k1", "g1"), ("k2", "g1"), ("k1", "")):
        assert the(Replay, book.decide(key, gett_id)).body == b"receipt of T1"
    the(AlreadyPlaced, book.decide("k3", "g1", "f2"))
    assert book.kit.lanes.lease(9, 1000).leases
    assert all(ttl > 0 for ttl in book.ttls())


def test_a_refusal_of_an_emptied_redis_is_stale_so_that_the_order_is_claimed_again(book: Book) -> None:
    claim = book.calling()
    flush(book)
    assert book.refuse(claim) is SettleResult.STALE
    assert not book.claim().doubt


def test_a_doubt_is_recorded_even_when_redis_was_emptied_in_mid_call(book: Book) -> None:
    claim = book.calling()
    flush(book)
    book.ledger.settle(claim, AttemptOutcome.IN_DOUBT)
    assert book.claim().doubt


# -- how long things are kept ------------------------------------------------------------------------------------------


def test_a_claim_that_never_got_to_the_pos_expires_by_itself(book: Book) -> None:
    book.claim()
    assert all(0 < ttl <= KEY_TTL for ttl in book.ttls())


def unsettled(book: Book) -> None:
    book.calling()


def in_doubt(book: Book) -> None:
    book.ledger.settle(book.calling(), AttemptOutcome.IN_DOUBT)


def doubted_again(book: Book) -> None:
    in_doubt(book)
    book.claim()


def doubted_after_a_release(book: Book) -> None:
    book.ledger.settle(book.calling(), AttemptOutcome.RELEASED)
    in_doubt(book)


@pytest.mark.parametrize("make", [unsettled, in_doubt, doubted_again, doubted_after_a_release])
def test_nothing_about_an_order_that_may_be_at_the_pos_expires(make: Callable[[Book], None], book: Book) -> None:
    make(book)
    assert book.ttls() == [-1, -1, -1]
    assert book.redis.zscore(book.keys.unsettled, "g1") is not None


def test_a_second_key_of_an_order_in_doubt_does_not_expire_either(book: Book) -> None:
    in_doubt(book)
    book.claim("k2")
    assert book.ttls(key="k2") == [-1, -1, -1]


def test_no_key_of_an_order_in_doubt_expires(book: Book) -> None:
    book.refuse(book.claim("k1"))
    book.ledger.settle(book.calling("k2"), AttemptOutcome.IN_DOUBT)
    assert book.ttls(key="k1") == book.ttls(key="k2") == [-1, -1, -1]


@pytest.mark.parametrize("outcome", ["placed", "refused", "released"])
def test_what_is_settled_expires_and_is_looked_up_no_more(outcome: str, book: Book) -> None:
    in_doubt(book)
    claim = book.claim()
    if outcome == "placed":
        book.place(claim)
    else:
        book.ledger.settle(claim, AttemptOutcome(outcome), status=400)
    record, key, gett_id = book.ttls()
    longest = KEY_TTL if outcome == "released" else ORDER_TTL
    assert longest - 50 < record <= longest
    assert longest - 50 < gett_id <= longest
    assert KEY_TTL - 50 < key <= KEY_TTL
    assert book.redis.zscore(book.keys.unsettled, "g1") is None


# -- leases ------------------------------------------------------------------------------------------------------------


def test_a_call_that_runs_keeps_its_claim_and_one_let_go_lapses(kit: Kit) -> None:
    book = Book(kit, lease=3.0)
    claim = book.claim()
    book.ledger.start_renewal(claim)
    assert book.ledger.record_call(claim, ORDER)
    first = int(book.field("lease"))
    wait_until(lambda: int(book.field("lease")) > first + 400)
    the(Busy, book.decide())
    assert book.ledger.expired() == []
    book.ledger.stop_renewal(claim)
    wait_until(lambda: book.ledger.expired() == ["g1"])
    assert book.claim().doubt


def test_what_was_looked_up_in_vain_is_left_alone_for_a_while(book: Book) -> None:
    in_doubt(book)
    assert book.ledger.expired() == ["g1"]
    book.ledger.postpone_lookup("g1", 60)
    assert book.ledger.expired() == []
    book.ledger.postpone_lookup(f"never seen {uuid4()}", -60)
    assert book.ledger.expired() == []
