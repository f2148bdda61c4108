"""The idempotency store, transition by transition, on a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest

from tests.placement.placement_helpers import KEY_TTL, LEASE, ORDER, ORDER_TTL, StoreHarness, expect
from webhook_kit.errors import Conflict, NotFound
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AlreadyPlaced, AttemptOutcome, Busy, Claim, KeyReused, Replay, SettleResult

CONFIRMED = order_progress("confirmed").text


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


# -- claiming ----------------------------------------------------------------------------------------------------------


def test_first_claim_is_granted_and_second_is_busy(harness: StoreHarness) -> None:
    first = harness.claim()
    assert (first.ref, first.doubt, first.same_order) == ("g1", False, True)
    busy = expect(Busy, harness.try_claim())
    assert LEASE - 5 < busy.seconds <= LEASE
    expect(Busy, harness.try_claim(key="k2"))
    assert harness.field("attempt") == "1"


def test_without_gett_id_each_key_is_an_order_of_its_own(harness: StoreHarness) -> None:
    assert [harness.claim(key, "").ref for key in ("k1", "k2")] == ["k1", "k2"]


def test_key_of_another_order_is_rejected(harness: StoreHarness) -> None:
    harness.claim()
    expect(KeyReused, harness.try_claim(fp="f2"))
    expect(KeyReused, harness.try_claim(fp="f2", gett_id="g2"))
    harness.claim("k2", "g2")
    expect(KeyReused, harness.try_claim(key="k1", gett_id="g2"))


def test_former_fingerprint_is_computed_only_for_a_record_that_has_one(harness: StoreHarness) -> None:
    computed: list[str] = []

    def former(key: str) -> str:
        computed.append(key)
        return "f0"

    def claim(fingerprint: str, key: str) -> object:
        return harness.store.claim(
            key=key,
            gett_id="g1",
            store_id="s",
            fingerprint=fingerprint,
            former_fingerprint=partial(former, key),
        )

    granted = expect(Claim, claim("f1:1.00/", "k1"))
    harness.place(granted)
    expect(Replay, claim("f1:1.00/", "k2"))
    expect(KeyReused, claim("f2:1.00/", "k2"))
    assert computed == []
    harness.redis.hset(harness.keys.order("g1"), "fp", "f0")
    expect(Replay, claim("f1:1.00/", "k3"))
    harness.redis.set(harness.keys.by_key("k3"), "f0 g1")
    expect(Replay, claim("f1:1.00/", "k3"))
    assert computed == ["k3", "k3"]
    harness.redis.set(harness.keys.by_key("k3"), "f9 g1")
    expect(KeyReused, claim("f1:1.00/", "k3"))


def test_lease_that_lapsed_before_the_call_is_taken_over_without_doubt(harness: StoreHarness) -> None:
    stale = harness.claim()
    harness.expire_lease()
    second = harness.claim()
    assert (second.doubt, second.owner != stale.owner, harness.field("attempt")) == (False, True, "2")
    assert not harness.store.record_call(stale, ORDER)
    assert harness.refuse(stale) is SettleResult.STALE
    assert harness.store.record_call(second, ORDER)


def test_lease_that_lapsed_during_the_call_is_taken_over_in_doubt(harness: StoreHarness) -> None:
    harness.claim_and_call()
    harness.expire_lease()
    second = harness.claim()
    assert (second.doubt, second.same_order, second.earlier_order) == (True, True, ORDER)
    harness.expire_lease()
    third = harness.claim("k2", "g1", "f2")
    assert (third.doubt, third.same_order, third.earlier_order) == (True, False, ORDER)


def test_only_the_owner_of_an_unsettled_claim_records_the_call(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    # The reply may have been lost, and the client sent the script again. It writes again, because replicas are waited for by a write.
    harness.redis.hset(harness.keys.order("g1"), "lease", 0)
    assert harness.store.record_call(claim, ORDER)
    assert harness.store.lease_remaining(harness.store.find("g1") or {}) > LEASE - 25
    assert not harness.store.record_call(replace(claim, owner="another"), ORDER)
    assert harness.field("state") == "calling"
    harness.store.settle(claim, AttemptOutcome.IN_DOUBT)
    assert not harness.store.record_call(claim, ORDER)


def test_priced_order_is_claimed_and_its_call_recorded_at_once(harness: StoreHarness) -> None:
    claim = expect(Claim, harness.claim_priced())
    assert (claim.calling, claim.doubt, harness.field("state")) == (True, False, "calling")
    assert harness.ttls() == [-1, -1, -1]
    assert harness.redis.zscore(harness.keys.unsettled, "g1") is not None
    expect(Busy, harness.claim_priced("k2"))
    harness.expire_lease()
    second = expect(Claim, harness.claim_priced())
    assert (second.calling, second.doubt, second.earlier_order) == (False, True, ORDER)


# -- settling ----------------------------------------------------------------------------------------------------------


def test_placed_order_is_replayed_for_the_same_content_only(harness: StoreHarness) -> None:
    assert harness.place(harness.claim_and_call()) is SettleResult.OK
    for key in ("k1", "k2", "k1"):
        replay = expect(Replay, harness.try_claim(key=key))
        assert (replay.status, replay.body, replay.ref, replay.newly_linked) == (200, b"receipt of T1", "g1", "")
    other = expect(AlreadyPlaced, harness.try_claim(key="k3", fp="f2"))
    assert other.partner_order_id == "T1"


def test_released_order_is_claimed_without_doubt(harness: StoreHarness) -> None:
    assert harness.store.settle(harness.claim_and_call(), AttemptOutcome.RELEASED) is SettleResult.OK
    assert not harness.claim().doubt


def test_order_in_doubt_is_claimed_in_doubt_until_it_is_released(harness: StoreHarness) -> None:
    assert harness.store.settle(harness.claim_and_call(), AttemptOutcome.IN_DOUBT) is SettleResult.OK
    second = harness.claim()
    assert second.doubt
    assert harness.store.settle(second, AttemptOutcome.IN_DOUBT) is SettleResult.OK
    assert harness.store.settle(harness.claim(), AttemptOutcome.RELEASED) is SettleResult.OK
    assert not harness.claim().doubt


@pytest.mark.parametrize("outcome", [AttemptOutcome.REFUSED, AttemptOutcome.RELEASED, AttemptOutcome.IN_DOUBT])
def test_former_owner_settles_only_a_ticket(outcome: AttemptOutcome, harness: StoreHarness) -> None:
    former = harness.claim_and_call()
    harness.expire_lease()
    harness.claim()
    assert harness.store.settle(former, outcome) is SettleResult.STALE
    assert harness.field("state") == "claimed"
    assert harness.place(former) is SettleResult.OK
    assert expect(Replay, harness.try_claim()).body == b"receipt of T1"


def test_late_ticket_stops_the_next_owner_before_its_call(harness: StoreHarness) -> None:
    late = harness.claim_and_call()
    harness.expire_lease()
    second = harness.claim()
    harness.place(late)
    assert not harness.store.record_call(second, ORDER)


def test_same_ticket_twice_is_no_incident(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    assert [harness.place(claim), harness.place(claim)] == [SettleResult.OK, SettleResult.SAME]
    assert harness.store.incidents() == []


def test_second_ticket_raises_an_incident_and_changes_nothing(harness: StoreHarness) -> None:
    late = harness.claim_and_call()
    harness.expire_lease()
    second = harness.claim_and_call()
    assert harness.place(second, "T2") is SettleResult.OK
    assert harness.place(late, "T1") is SettleResult.DUPLICATE
    assert harness.field("partner_id") == "T2"
    (incident,) = harness.store.incidents()
    expected = {"kind": "duplicate_ticket", "order": "g1", "state": "placed", "known": "T2", "reported": "T1"}
    assert incident | expected == incident


def test_ticket_after_a_refusal_raises_an_incident_and_changes_nothing(harness: StoreHarness) -> None:
    late = harness.claim_and_call()
    harness.expire_lease()
    harness.refuse(harness.claim())
    assert harness.place(late) is SettleResult.DUPLICATE
    assert expect(Replay, harness.try_claim()).status == 400
    assert harness.store.incidents()[0]["kind"] == "placed_after_refusal"


def test_incidents_are_listed_newest_first(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    for ticket in ("T1", "T2", "T3"):
        harness.place(claim, ticket)
    assert [incident["reported"] for incident in harness.store.incidents()] == ["T3", "T2"]
    assert [incident["reported"] for incident in harness.store.incidents(limit=1)] == ["T3"]


def test_forced_settlement_needs_no_claim(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), AttemptOutcome.IN_DOUBT)
    unclaimed = Claim("g1", "", "g1", "s", "f1", "")
    assert harness.store.settle(unclaimed, AttemptOutcome.RELEASED) is SettleResult.STALE
    assert harness.store.settle(unclaimed, AttemptOutcome.RELEASED, force=True) is SettleResult.OK
    assert not harness.claim().doubt


@pytest.mark.parametrize("outcome", [AttemptOutcome.PLACED, AttemptOutcome.REFUSED])
def test_of_a_final_outcome_the_answer_is_kept_and_not_the_order(
    outcome: AttemptOutcome, harness: StoreHarness
) -> None:
    settled = harness.store.settle(
        harness.claim_and_call(), outcome, status=200, answer=b"{}", partner_order_id="T1", accepted="2.75"
    )
    assert settled is SettleResult.OK
    record = harness.store.find("g1") or {}
    assert not {"order", "owner", "lease", "doubt"} & set(record)
    assert (record["answer"], record["accepted"], record["keys"]) == ("{}", "2.75", "k1\n")


@pytest.mark.parametrize("outcome", [AttemptOutcome.RELEASED, AttemptOutcome.IN_DOUBT])
def test_order_is_kept_while_it_may_still_be_placed(outcome: AttemptOutcome, harness: StoreHarness) -> None:
    assert harness.store.settle(harness.claim_and_call(), outcome) is SettleResult.OK
    assert harness.field("order") == ORDER.decode()


# -- side effects of settling ------------------------------------------------------------------------------------------


def test_ticket_appends_its_first_update_and_notifies_a_worker(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call(), update=CONFIRMED)
    (leased,) = harness.kit.lanes.lease(9, 1000).leases
    assert (leased.lane, leased.gett_id, leased.store_id) == ("order:g1", "g1", "s")
    assert leased.body == {"status": "confirmed"}
    assert harness.redis.exists(harness.keys.notified)


def test_update_of_an_order_without_gett_id_waits_until_it_is_linked(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call("k1", ""), update=CONFIRMED)
    assert not harness.kit.lanes.lease(9, 1000).leases
    replay = expect(Replay, harness.try_claim("k1", "g1"))
    assert (replay.ref, replay.newly_linked) == ("k1", "g1")
    harness.store.link(replay.ref, replay.newly_linked)
    (leased,) = harness.kit.lanes.lease(9, 1000).leases
    assert (leased.lane, leased.gett_id) == ("order:k1", "g1")
    assert expect(Replay, harness.try_claim("k2", "g1")).ref == "k1"


def test_link_rejects_unknown_orders_and_ids_in_use(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call("k1", ""))
    harness.place(harness.claim_and_call("k2", "g2"))
    with pytest.raises(NotFound, match="order k3 was not found"):
        harness.store.link("k3", "g3")
    with pytest.raises(Conflict, match="cannot be linked to g2: g2 belongs to order g2"):
        harness.store.link("k1", "g2")
    harness.store.link("k1", "g1")
    harness.store.link("k1", "g1")
    with pytest.raises(Conflict, match="cannot be linked to g3: it is linked to g1"):
        harness.store.link("k1", "g3")


def test_order_is_found_by_ref_gett_id_and_key(harness: StoreHarness) -> None:
    harness.claim("k1", "")
    harness.store.link("k1", "g1")
    assert {(harness.store.find(name) or {}).get("ref") for name in ("k1", "g1")} == {"k1"}
    assert harness.store.find("nothing") is None


# -- Redis emptied during the call -------------------------------------------------------------------------------------


def empty_redis(harness: StoreHarness) -> None:
    for name in harness.redis.scan_iter(f"{harness.keys.prefix}*"):
        harness.redis.delete(name)


def test_ticket_is_recorded_when_redis_was_emptied_during_the_call(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    empty_redis(harness)
    assert harness.place(claim, update=CONFIRMED) is SettleResult.OK
    for key, gett_id in (("k1", "g1"), ("k2", "g1"), ("k1", "")):
        assert expect(Replay, harness.try_claim(key, gett_id)).body == b"receipt of T1"
    expect(AlreadyPlaced, harness.try_claim("k3", "g1", "f2"))
    assert harness.kit.lanes.lease(9, 1000).leases
    assert all(ttl > 0 for ttl in harness.ttls())


def test_refusal_is_stale_when_redis_was_emptied_during_the_call(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    empty_redis(harness)
    assert harness.refuse(claim) is SettleResult.STALE
    assert not harness.claim().doubt


def test_doubt_is_recorded_when_redis_was_emptied_during_the_call(harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    empty_redis(harness)
    harness.store.settle(claim, AttemptOutcome.IN_DOUBT)
    assert harness.claim().doubt


# -- time to live ------------------------------------------------------------------------------------------------------


def test_claim_without_a_call_expires(harness: StoreHarness) -> None:
    harness.claim()
    assert all(0 < ttl <= KEY_TTL for ttl in harness.ttls())


def called(harness: StoreHarness) -> None:
    harness.claim_and_call()


def in_doubt(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), AttemptOutcome.IN_DOUBT)


def claimed_again_in_doubt(harness: StoreHarness) -> None:
    in_doubt(harness)
    harness.claim()


def in_doubt_after_a_release(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), AttemptOutcome.RELEASED)
    in_doubt(harness)


@pytest.mark.parametrize("make", [called, in_doubt, claimed_again_in_doubt, in_doubt_after_a_release])
def test_record_of_an_order_that_may_be_at_the_pos_never_expires(
    make: Callable[[StoreHarness], None], harness: StoreHarness
) -> None:
    make(harness)
    assert harness.ttls() == [-1, -1, -1]
    assert harness.redis.zscore(harness.keys.unsettled, "g1") is not None


def test_second_key_of_an_order_in_doubt_never_expires(harness: StoreHarness) -> None:
    in_doubt(harness)
    harness.claim("k2")
    assert harness.ttls(key="k2") == [-1, -1, -1]


def test_earlier_keys_of_an_order_in_doubt_never_expire(harness: StoreHarness) -> None:
    harness.refuse(harness.claim("k1"))
    harness.store.settle(harness.claim_and_call("k2"), AttemptOutcome.IN_DOUBT)
    assert harness.ttls(key="k1") == harness.ttls(key="k2") == [-1, -1, -1]


@pytest.mark.parametrize("outcome", ["placed", "refused", "released"])
def test_settled_order_expires_and_is_not_looked_up(outcome: str, harness: StoreHarness) -> None:
    in_doubt(harness)
    claim = harness.claim()
    if outcome == "placed":
        harness.place(claim)
    else:
        harness.store.settle(claim, AttemptOutcome(outcome), status=400)
    record, key, gett_id = harness.ttls()
    longest = KEY_TTL if outcome == "released" else ORDER_TTL
    assert longest - 50 < record <= longest
    assert longest - 50 < gett_id <= longest
    assert KEY_TTL - 50 < key <= KEY_TTL
    assert harness.redis.zscore(harness.keys.unsettled, "g1") is None


def test_postponed_order_is_not_expired_for_a_while(harness: StoreHarness) -> None:
    in_doubt(harness)
    assert harness.store.expired() == ["g1"]
    harness.store.postpone_lookup("g1", 60, "not found")
    assert harness.store.expired() == []
    harness.store.postpone_lookup(f"never seen {uuid4()}", -60, "not found")
    assert harness.store.expired() == []
