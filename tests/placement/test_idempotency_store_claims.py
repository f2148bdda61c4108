"""Claims of the idempotency store: equal content, times to live after a repetition, and what the history keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.placement.placement_helpers import KEY_TTL, ORDER_TTL, StoreHarness, expect
from webhook_kit.gett.signing import MAX_AGE_SECONDS
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AttemptOutcome, Busy, Claim, KeyReused, Replay, SignatureReplayed
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


def history(harness: StoreHarness, event: str) -> list[dict[str, Any]]:
    return [entry for entry in harness.kit.lanes.history("order:g1") if entry["event"] == event]


def listed(harness: StoreHarness, name: str) -> list[dict[bytes, bytes]]:
    entries: Any = harness.redis.xrange(name)
    return [fields for _, fields in entries]


@pytest.mark.parametrize(
    ("recorded", "sent", "same"),
    [
        ("ab:1.00/0.50", "ab:1.00/0.50", True),
        ("ab:1.00/0.50", "ac:1.00/0.50", False),
        ("abcd:1.00/", "ab:1.00/", True),  # longer in an earlier version
        ("ab:1.00/", "abcd:1.00/", False),
        ("ab:1.00/", "ab:2.00/", False),
        ("ab:/", "ab:2.00/", True),
        ("ab:2.00/", "ab:/", True),
        ("ab:~1.00/", "ab:~2.00/", True),
        ("ab:~1.00/", "ab:2.00/", False),
        ("ab:1.00/", "ab:~2.00/", False),
        ("ab:~1.00/", "ab:1.00/", True),
        ("ab:1.00/0.50", "ab:1.00/0.60", False),
        ("ab:1.00/~0.50", "ab:1.00/0.60", False),
        ("ab:1.00/", "ab:1.00/0.60", True),
    ],
)
def test_amounts_differ_only_if_both_are_known_and_one_is_named(
    recorded: str, sent: str, same: bool, harness: StoreHarness
) -> None:
    harness.refuse(harness.claim(fp=recorded))
    assert isinstance(harness.try_claim(fp=sent), Replay if same else KeyReused)


def test_repetition_under_another_key_expires_with_that_key(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call())
    harness.redis.expire(harness.keys.by_key("k1"), 10)
    harness.redis.expire(harness.keys.by_gett_id("g1"), 10)
    for key in ("k1", "k2"):
        expect(Replay, harness.try_claim(key))
        _, by_key, by_gett_id = harness.ttls(key=key)
        assert KEY_TTL - 50 < by_key <= KEY_TTL
        assert ORDER_TTL - 50 < by_gett_id <= ORDER_TTL


@pytest.mark.parametrize("lost", ["record", "pointer"])
def test_order_that_is_claimed_with_its_call_never_expires_if_redis_has_lost_a_part_of_it(
    lost: str, harness: StoreHarness
) -> None:
    harness.store.settle(harness.claim_and_call("k1", ""), AttemptOutcome.RELEASED)
    harness.redis.delete(harness.keys.order("k1") if lost == "record" else harness.keys.by_key("k1"))
    claim = harness.store.claim(key="k1", gett_id="", store_id="s", fingerprint="f1", priced_order=b"{}")
    assert expect(Claim, claim).calling
    assert harness.ttls("k1")[:2] == [-1, -1]


@pytest.mark.parametrize("state", ["claimed", "calling"])
def test_attempt_that_was_taken_over_is_in_the_history(state: str, harness: StoreHarness) -> None:
    if state == "calling":
        harness.claim_and_call()
    else:
        harness.claim()
    harness.expire_lease()
    harness.claim()
    (entry,) = history(harness, "abandoned")
    assert (entry["attempt"], entry["state"]) == (1, state)


def test_refusal_before_another_attempt_is_in_the_history(harness: StoreHarness) -> None:
    answer = b'{"errorCode":"STORE_CLOSED"}'
    harness.store.settle(harness.claim(), AttemptOutcome.REFUSED, status=400, answer=answer)
    harness.claim("k2")
    (entry,) = history(harness, "refused")
    assert (entry["attempt"], entry["status"], entry["code"]) == (1, 400, "STORE_CLOSED")
    assert history(harness, "abandoned") == []


def test_released_order_is_not_in_the_history_as_abandoned_or_refused(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), AttemptOutcome.RELEASED)
    harness.claim()
    assert history(harness, "abandoned") == history(harness, "refused") == []


def test_repetitions_are_counted(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call())
    for _ in range(3):
        expect(Replay, harness.try_claim())
    assert harness.field("replays") == "3"
    assert int(harness.field("replayed")) >= int(harness.field("updated"))


def test_other_content_under_a_placed_order_is_in_its_history(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call())
    for key in ("k2", "k3"):
        harness.try_claim(key, fp="f2")
    (entry,) = history(harness, "other_content")
    assert entry["count"] == 2
    assert 0 < harness.redis.ttl(harness.keys.history("order:g1")) <= ORDER_TTL


def test_order_is_listed_once_by_its_first_claim(harness: StoreHarness) -> None:
    harness.refuse(harness.claim("k1"))
    harness.claim("k2")
    assert listed(harness, harness.keys.order_list) == [{b"ref": b"g1", b"store": b"s"}]
    assert harness.field("attempt") == "2"


def test_refused_order_is_listed_with_its_code(harness: StoreHarness) -> None:
    answer = b'{"errorCode":"CART_EMPTY"}'
    harness.store.settle(harness.claim(), AttemptOutcome.REFUSED, status=400, answer=answer)
    assert listed(harness, harness.keys.refusals) == [{b"ref": b"g1", b"store": b"s", b"code": b"CART_EMPTY"}]
    assert harness.redis.zscore(harness.keys.resting, "g1") is not None


@pytest.mark.parametrize("outcome", [AttemptOutcome.RELEASED, AttemptOutcome.IN_DOUBT])
def test_history_expires_unless_the_order_is_in_doubt(outcome: AttemptOutcome, harness: StoreHarness) -> None:
    name, doubt = harness.keys.history("order:g1"), outcome is AttemptOutcome.IN_DOUBT
    harness.store.settle(harness.claim_and_call(), outcome)
    if doubt:
        harness.redis.expire(name, 10)
    else:
        harness.redis.persist(name)
    harness.claim()
    assert (harness.redis.ttl(name) == -1) is doubt


def test_ticket_without_an_update_waits_to_be_confirmed(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call())
    assert harness.redis.zscore(harness.keys.unconfirmed, "g1") is not None
    assert not harness.redis.exists(harness.keys.notified)


def test_incidents_are_bounded(harness: StoreHarness) -> None:
    harness.redis.rpush(harness.keys.incidents, *(["{}"] * 1000))
    claim = harness.claim_and_call()
    harness.place(claim, "T1")
    harness.place(claim, "T2")
    assert harness.redis.llen(harness.keys.incidents) == 1000
    assert harness.store.incidents(1)[0]["reported"] == "T2"
    assert [entry["pos_number"] for entry in history(harness, "duplicate_ticket")] == ["T2"]


def test_ticket_after_a_refusal_is_in_the_history(harness: StoreHarness) -> None:
    late = harness.claim_and_call()
    harness.expire_lease()
    harness.refuse(harness.claim())
    harness.place(late)
    assert [entry["pos_number"] for entry in history(harness, "placed_after_refusal")] == ["T1"]


def test_trace_leads_to_the_order_for_as_long_as_a_key(harness: StoreHarness) -> None:
    trace = "4b" + "0a" * 15
    harness.store.claim(key="k1", gett_id="g1", store_id="s", fingerprint="f1", trace_id=trace)
    (name,) = map(text, harness.redis.keys(harness.keys.traces("*")))
    day = int(name.split(":")[-2])
    assert name == harness.keys.traces(f"{day}:4b")
    assert harness.redis.hgetall(name) == {b"\x0a" * 8: b"g1"}
    seconds = redis_time(harness.redis)
    assert day in (seconds // 86400, (seconds - 60) // 86400)
    rest = (day + 1) * 86400 + KEY_TTL - seconds
    assert rest - 60 < harness.redis.ttl(name) <= rest + 60


@pytest.mark.parametrize("update", ["", order_progress("confirmed").text])
def test_link_notifies_a_worker_only_of_an_update_that_waits(update: str, harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call("k1", ""), update=update)
    harness.redis.delete(harness.keys.notified)
    harness.store.link("k1", "g1")
    assert harness.redis.exists(harness.keys.notified) == bool(update)


def test_doubt_without_a_recorded_call_never_expires(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim(), AttemptOutcome.IN_DOUBT)
    assert harness.ttls() == [-1, -1, -1]


@pytest.mark.parametrize("listed_by", ["order_list", "refusals"])
def test_lists_keep_orders_for_as_long_as_their_records(listed_by: str, harness: StoreHarness) -> None:
    name, now = getattr(harness.keys, listed_by), int(redis_time(harness.redis) * 1000)
    for age in (2 * ORDER_TTL, ORDER_TTL - 60):
        harness.redis.xadd(name, {"ref": f"{age} s old"}, id=f"{now - age * 1000}-0")
    harness.refuse(harness.claim())
    assert [fields[b"ref"] for fields in listed(harness, name)] == [b"4940 s old", b"g1"]


def test_signed_body_is_remembered_under_its_key(harness: StoreHarness) -> None:
    def claim(key: str) -> object:
        return harness.store.claim(key=key, gett_id="", store_id="s", fingerprint="f1", signed_body="b1")

    expect(Claim, claim("k1"))
    expect(SignatureReplayed, claim("k2"))
    expect(Busy, claim("k1"))
    name = harness.keys.signed_body("b1")
    assert harness.redis.get(name) == b"k1"
    assert 2 * MAX_AGE_SECONDS - 50 < harness.redis.ttl(name) <= 2 * MAX_AGE_SECONDS


def test_key_whose_order_came_in_a_longer_form_keeps_the_refusal_of_the_same_order(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim("k1", fp="abcd:1.00/"), AttemptOutcome.RELEASED)
    harness.refuse(harness.claim("k2", fp="ab:1.00/"))
    harness.place(harness.claim_and_call("k3", "g1", "ab:1.00/"))
    assert expect(Replay, harness.try_claim("k1", fp="ab:1.00/")).body == b"no"
