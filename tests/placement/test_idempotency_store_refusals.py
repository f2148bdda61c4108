"""A refusal is the answer of the keys that were told it, and of no other."""

from __future__ import annotations

import pytest

from tests.placement.placement_helpers import ORDER, StoreHarness, expect
from webhook_kit.kit import Kit
from webhook_kit.placement.claims import AttemptOutcome, KeyReused, Replay, SettleResult


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


def test_refusal_is_replayed_to_its_key_and_another_key_starts_afresh(harness: StoreHarness) -> None:
    assert harness.refuse(harness.claim()) is SettleResult.OK
    replay = expect(Replay, harness.try_claim())
    assert (replay.status, replay.body) == (400, b"no")
    second = harness.claim("k2")
    assert not second.doubt
    assert expect(Replay, harness.try_claim()).status == 400  # while the other key is being placed
    assert harness.store.record_call(second, ORDER)
    assert harness.place(second) is SettleResult.OK
    assert expect(Replay, harness.try_claim("k2")).status == 200
    replay = expect(Replay, harness.try_claim())
    assert (replay.status, replay.body) == (400, b"no")


def test_every_key_keeps_its_refusal(harness: StoreHarness) -> None:
    answers = {key: f"no to {key}".encode() for key in ("k1", "k2", "k3")}
    for key, answer in answers.items():
        claim = harness.claim(key)
        assert harness.store.settle(claim, AttemptOutcome.REFUSED, status=400, answer=answer) is SettleResult.OK
    for key, answer in answers.items():
        assert expect(Replay, harness.try_claim(key)).body == answer
    assert isinstance(harness.try_claim("k1", fp="f2"), KeyReused)


@pytest.mark.parametrize("placed_by", ["k1", "k2"])
def test_key_that_comes_again_after_its_time_to_live_gets_no_refusal_of_then(
    placed_by: str, harness: StoreHarness
) -> None:
    harness.refuse(harness.claim("k1"))
    harness.refuse(harness.claim("k2"))
    assert harness.redis.delete(harness.keys.by_key("k1"), harness.keys.by_key("k2")) == 2  # both have expired
    claim = harness.claim(placed_by)
    assert harness.store.record_call(claim, ORDER)
    assert harness.place(claim) is SettleResult.OK
    for _ in range(2):
        assert expect(Replay, harness.try_claim("k1")).body == b"receipt of T1"


def test_key_that_was_never_refused_gets_no_refusal_of_another_key(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim("k2", fp="f2"), AttemptOutcome.RELEASED)
    harness.refuse(harness.claim("k1"))
    claim = harness.claim("k2", fp="f2")
    assert harness.store.record_call(claim, ORDER)
    assert harness.place(claim) is SettleResult.OK
    assert expect(Replay, harness.try_claim("k2", fp="f2")).body == b"receipt of T1"
    assert expect(Replay, harness.try_claim("k1")).body == b"no"


def test_refusal_after_a_doubt_is_of_the_content_that_was_refused(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call("k1"), AttemptOutcome.IN_DOUBT)
    second = harness.claim("k2", fp="f2")
    assert second.doubt
    assert harness.refuse(second) is SettleResult.OK  # the POS did not have the order, and the other content is illegal
    assert expect(Replay, harness.try_claim("k2", fp="f2")).body == b"no"
    assert not harness.claim("k1").doubt
