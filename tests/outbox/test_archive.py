"""Orders at rest are archived, and whoever needs one does not notice."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import redis

from tests.placement.placement_helpers import KEY_TTL, ORDER_TTL, StoreHarness, expect
from tests.storage.lost_replies import count_replies, lost
from webhook_kit.errors import Conflict, InvalidTransition, NotFound, WebhookKitError
from webhook_kit.kit import Kit
from webhook_kit.outbox.archive import REST, decode
from webhook_kit.outbox.compression import compress
from webhook_kit.outbox.dead_letters import ReplayResult
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AlreadyPlaced, AttemptOutcome, Claim, KeyReused, Replay, SettleResult

CONFIRMED = order_progress("confirmed").text
LANE = "order:g1"
AT_ONCE = -1.0


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


def deliver(kit: Kit) -> None:
    """Take all updates as Gett does."""
    while leases := kit.lanes.lease(9, 60_000).leases:
        for lease in leases:
            assert kit.lanes.acknowledge(lease, 200)


def place(harness: StoreHarness, ref: str = "g1", ticket: str = "T1") -> Claim:
    """Place and confirm an order."""
    claim = harness.claim_and_call(f"key of {ref}", ref)
    assert harness.place(claim, ticket, update=CONFIRMED) is SettleResult.OK
    deliver(harness.kit)
    return claim


def complete(harness: StoreHarness, ref: str = "g1", ticket: str = "T1") -> Claim:
    """Place an order, and complete it."""
    claim = place(harness, ref, ticket)
    harness.kit.order_updates.complete(ref)
    deliver(harness.kit)
    assert is_archived(harness, ref)
    return claim


def is_archived(harness: StoreHarness, ref: str = "g1") -> bool:
    live = [harness.keys.order(ref), harness.keys.lane(f"order:{ref}"), harness.keys.history(f"order:{ref}")]
    archived = harness.redis.exists(harness.keys.archive(ref)) == 1
    assert not archived or harness.redis.exists(*live) == 0
    return archived


def content(kit: Kit, ref: str = "g1") -> tuple[Any, ...]:
    """Return everything that can be read about an order."""
    lane = f"order:{ref}"
    known = kit.order_updates.find(ref)
    found = [kit.order_search.found(*record) for record in kit.order_search.records([ref])]
    return kit.placement_store.find(ref), kit.lanes.state(lane), kit.lanes.history(lane), known, found


# -- archiving ---------------------------------------------------------------------------------------------------------


def test_completed_order_is_archived_and_reads_as_before(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = harness.kit
    with monkeypatch.context() as without:
        without.setattr(kit.lanes, "_archive_order", lambda *_: None)
        place(harness)
        kit.order_updates.complete("g1")
        deliver(kit)
    before = content(kit)
    assert not is_archived(harness)
    assert kit.order_archive.archive_resting(AT_ONCE) == 1
    assert is_archived(harness)
    assert content(kit) == before
    assert all(before)
    assert [entry["event"] for entry in kit.lanes.history(LANE)] == ["appended", "sent", "appended", "sent"]


def test_open_order_is_archived_only_after_some_rest(harness: StoreHarness) -> None:
    place(harness)
    assert harness.kit.order_archive.archive_resting() == 0
    harness.redis.zincrby(harness.keys.resting, -REST * 1000, "g1")
    assert harness.kit.order_archive.archive_resting() == 1
    assert is_archived(harness)
    assert harness.redis.zcard(harness.keys.resting) == 0


def test_refused_order_is_archived_and_listed_with_its_reason(harness: StoreHarness) -> None:
    problem = {"errorCode": "ITEM_UNAVAILABLE", "detail": "Cola is sold out.", "errors": []}
    answer = json.dumps(problem).encode()
    harness.store.settle(harness.claim(), AttemptOutcome.REFUSED, status=400, answer=answer)
    before = content(harness.kit)
    assert harness.kit.order_archive.archive_resting(AT_ONCE) == 1
    assert is_archived(harness)
    assert content(harness.kit) == before
    assert expect(Replay, harness.try_claim()).body == answer


def test_order_is_not_archived_while_something_may_happen_to_it(harness: StoreHarness) -> None:
    kit = harness.kit
    harness.place(harness.claim_and_call("k1", "waiting"), "T1", update=CONFIRMED)
    harness.place(harness.claim_and_call("k2", "unconfirmed"), "T2")
    harness.claim_and_call("k3", "calling")
    harness.store.settle(harness.claim_and_call("k4", "in_doubt"), AttemptOutcome.IN_DOUBT)
    harness.store.settle(harness.claim("k5", "released"), AttemptOutcome.RELEASED)
    refs = ("waiting", "unconfirmed", "calling", "in_doubt", "released", "unknown")
    harness.redis.zadd(harness.keys.resting, dict.fromkeys(refs, 1))
    before = [content(kit, ref) for ref in refs]
    assert kit.order_archive.archive_resting(AT_ONCE) == 0
    assert [content(kit, ref) for ref in refs] == before
    assert harness.redis.zcard(harness.keys.resting) == 0


def test_order_that_has_changed_is_not_archived(harness: StoreHarness) -> None:
    place(harness)
    document = harness.kit.order_archive._resting(harness.keys.resting, ref="g1", lane=LANE)
    harness.kit.order_updates.progress("g1", "preparing")
    assert not harness.kit.order_archive.archive("g1", document), "an update waits"
    deliver(harness.kit)
    assert not harness.kit.order_archive.archive("g1", document), "the document lacks an update that was sent"
    harness.kit.order_updates.complete("g1")
    assert not is_archived(harness)
    deliver(harness.kit)
    assert is_archived(harness)


def test_archive_lives_as_long_as_record_and_lane_would_have(harness: StoreHarness) -> None:
    complete(harness)
    ttl = harness.redis.ttl(harness.keys.archive("g1"))
    assert ORDER_TTL < ttl <= harness.kit.settings.order_ttl  # that of the lane
    assert harness.ttls(key="key of g1") == [-2, pytest.approx(KEY_TTL, abs=60), -2]
    harness.kit.order_archive.restore("g1")
    assert harness.ttls(key="key of g1") == [
        pytest.approx(ttl, abs=60),
        pytest.approx(KEY_TTL, abs=60),
        pytest.approx(ttl, abs=60),
    ]
    assert harness.redis.ttl(harness.keys.lane(LANE)) == pytest.approx(ttl, abs=60)


def test_failure_to_archive_leaves_the_order_to_a_worker(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch, events: list[MutableMapping[str, Any]]
) -> None:
    def fail(*_: object) -> bool:
        raise redis.ConnectionError

    monkeypatch.setattr(harness.kit.lanes._archive, "archive", fail)
    place(harness)
    harness.kit.order_updates.complete("g1")
    deliver(harness.kit)
    assert [event["order"] for event in events if event["event"] == "order_not_archived"] == ["g1"]
    assert harness.kit.order_archive.archive_resting(AT_ONCE) == 1


# -- replays -----------------------------------------------------------------------------------------------------------


def test_replays_get_the_identical_answer(harness: StoreHarness) -> None:
    complete(harness)
    for key, gett_id in (("key of g1", "g1"), ("another key", "g1"), ("key of g1", "")):
        replay = expect(Replay, harness.try_claim(key, gett_id))
        assert (replay.status, replay.body, replay.ref) == (200, b"receipt of T1", "g1")
        assert harness.kit.order_archive.archive_resting(AT_ONCE) == 1
        assert is_archived(harness)


def test_another_order_under_the_same_names_is_refused(harness: StoreHarness) -> None:
    complete(harness)
    expect(KeyReused, harness.try_claim("key of g1", "g1", fp="f2"))
    harness.kit.order_archive.archive_resting(AT_ONCE)
    placed = expect(AlreadyPlaced, harness.try_claim("another key", "g1", fp="f2"))
    assert placed.partner_order_id == "T1"


def test_key_of_one_archived_order_does_not_lead_to_another(harness: StoreHarness) -> None:
    complete(harness, "g1", "T1")
    complete(harness, "g2", "T2")
    expect(KeyReused, harness.try_claim("key of g1", "g2"))


def test_order_without_gett_id_is_replayed_and_linked(harness: StoreHarness) -> None:
    claim = expect(Claim, harness.try_claim("k1", ""))
    harness.store.record_call(claim, b"{}")
    harness.store.settle(claim, AttemptOutcome.REFUSED, status=400, answer=b"no")
    harness.kit.order_archive.archive_resting(AT_ONCE)
    assert is_archived(harness, "k1")
    assert expect(Replay, harness.try_claim("k1", "")).body == b"no"
    harness.kit.order_archive.archive_resting(AT_ONCE)
    harness.store.link("k1", "g7")
    assert (harness.store.find("g7") or {})["ref"] == "k1"
    harness.kit.order_archive.archive_resting(AT_ONCE)
    assert is_archived(harness, "k1")
    assert (harness.store.find("g7") or {})["ref"] == "k1"


@pytest.mark.parametrize(("ticket", "expected"), [("T1", SettleResult.SAME), ("T2", SettleResult.DUPLICATE)])
def test_late_ticket_of_an_earlier_attempt_is_compared(
    ticket: str, expected: SettleResult, harness: StoreHarness
) -> None:
    claim = complete(harness)
    assert harness.place(claim, ticket) is expected
    assert len(harness.store.incidents()) == (expected is SettleResult.DUPLICATE)
    assert harness.field("partner_id") == "T1"


def test_late_outcome_without_a_ticket_changes_nothing(harness: StoreHarness) -> None:
    claim = complete(harness)
    before = harness.store.find("g1")
    for outcome in (AttemptOutcome.IN_DOUBT, AttemptOutcome.RELEASED, AttemptOutcome.REFUSED):
        assert harness.store.settle(claim, outcome) is SettleResult.STALE
    assert not harness.store.record_call(claim, b"{}")
    assert harness.store.find("g1") == before


def test_gett_id_of_an_archived_order_is_linked_to_no_other(harness: StoreHarness) -> None:
    complete(harness)
    other = expect(Claim, harness.try_claim("k2", ""))
    with pytest.raises(Conflict, match="g1 belongs to order g1"):
        harness.store.link(other.ref, "g1")
    harness.kit.order_archive.archive_resting(AT_ONCE)
    with pytest.raises(Conflict, match="it is linked to g1"):
        harness.store.link("g1", "g9")
    with pytest.raises(NotFound):
        harness.store.link("g9", "g9")


# -- updates -----------------------------------------------------------------------------------------------------------


def test_late_updates_of_a_completed_order_are_told_apart(harness: StoreHarness) -> None:
    updates = harness.kit.order_updates
    complete(harness)
    assert updates.complete("g1") is AppendResult.DUPLICATE
    harness.kit.order_archive.archive_resting(AT_ONCE)
    with pytest.raises(InvalidTransition, match="already `completed`"):
        updates.progress("g1", "ready")
    assert harness.kit.lanes.all_waiting() == {}


def test_next_update_of_an_open_order_goes_on_with_its_lane(harness: StoreHarness) -> None:
    kit = harness.kit
    place(harness)
    kit.order_archive.archive_resting(AT_ONCE)
    assert is_archived(harness)
    assert kit.order_updates.progress("g1", "ready") is AppendResult.OK
    assert [update["body"] for update in kit.lanes.waiting(LANE)] == [{"status": "ready"}]
    assert harness.redis.ttl(harness.keys.lane(LANE)) == -1
    deliver(kit)
    kit.order_archive.archive_resting(AT_ONCE)
    assert kit.order_updates.progress("g1", "ready") is AppendResult.DUPLICATE
    with pytest.raises(InvalidTransition):
        kit.order_updates.progress("g1", "preparing")
    assert [entry["event"] for entry in kit.lanes.history(LANE)] == ["appended", "sent", "appended", "sent"]


def test_operator_commands_reach_an_archived_lane(harness: StoreHarness) -> None:
    kit = harness.kit
    complete(harness)
    assert kit.lanes.retry_now(LANE)
    kit.order_archive.archive_resting(AT_ONCE)
    assert kit.lanes.discard(LANE) == 0
    assert kit.lanes.discard("order:unknown") == -1


def test_dead_letter_of_an_archived_order_is_replayed_or_is_stale(harness: StoreHarness) -> None:
    kit = harness.kit
    place(harness)
    kit.order_updates.progress("g1", "preparing")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    assert kit.order_archive.archive_resting(AT_ONCE) == 1
    assert kit.lanes.state(LANE)["undelivered"] == '{"status":"preparing"}'
    assert kit.dead_letters.replay(lease.number) is ReplayResult.OK
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    kit.order_updates.complete("g1")
    deliver(kit)
    assert is_archived(harness)
    assert kit.dead_letters.replay(lease.number) is ReplayResult.STALE
    kit.order_archive.archive_resting(AT_ONCE)
    assert kit.dead_letters.discard(lease.number) is ReplayResult.OK


def test_newest_order_keeps_a_pos_number_also_when_it_is_archived(harness: StoreHarness) -> None:
    kit = harness.kit
    complete(harness, "old", "7")
    complete(harness, "new", "7")
    old, new = kit.order_updates.find("old"), kit.order_updates.find("new")
    assert old is not None
    assert new is not None
    for ref, created in (("old", 1), ("new", 2)):
        kit.order_archive.restore(ref)
        harness.redis.hset(harness.keys.order(ref), "created", created)
    assert kit.order_archive.archive_resting(AT_ONCE) == 2
    kit.order_updates.remember_pos_id(old, "7", 60, ended=False)
    assert kit.order_updates.find_by_pos_id("s", "7") == new
    assert [incident["kind"] for incident in harness.store.incidents()] == ["pos_order_id_reused"] * 2


# -- failures ----------------------------------------------------------------------------------------------------------


def test_lost_replies_of_archiving_and_restoring_change_nothing(harness: StoreHarness) -> None:
    kit = harness.kit
    place(harness)
    before = content(kit)

    def archive() -> None:
        harness.redis.zadd(harness.keys.resting, {"g1": 1})
        kit.order_archive.archive_resting(AT_ONCE)

    actions: list[tuple[Callable[[], object], bool]] = [
        (archive, True),
        (lambda: kit.order_archive.restore("g1"), False),
    ]
    for action, archived in actions:
        for number in range(1, count_replies(kit, action) + 1):
            kit.order_archive.restore("g1")
            if not archived:
                archive()
            with lost(kit, number):
                action()
            assert is_archived(harness) is archived
            assert content(kit) == before


@pytest.mark.parametrize(
    "text", ["[", "{}", "[1, 2, 3]", "[[[]], [], []]", '["a", "b", "c"]', "[" * 100_000], ids=lambda text: text[:20]
)
def test_archive_of_another_shape_is_damaged(text: str) -> None:
    assert decode("g1", b"2 0 " + compress(text.encode(), "g1")).record == {"ref": "g1", "state": "damaged"}


def test_damaged_archive_is_shown_and_never_placed_again(
    harness: StoreHarness, events: list[MutableMapping[str, Any]]
) -> None:
    complete(harness)
    key = harness.keys.archive("g1")
    whole = harness.redis.get(key)
    assert isinstance(whole, bytes)
    for damaged in (whole[:-1], whole[:60], b"x" + whole[1:], b"", whole[:20] + b"\xff" * 40 + whole[60:]):
        harness.redis.set(key, damaged)
        assert harness.field("state") == "damaged"
        assert [record["state"] for _, record in harness.kit.order_search.records(["g1"])] == ["damaged"]
        with pytest.raises(WebhookKitError, match="order g1 cannot be restored"):
            harness.try_claim()
    assert {event["order"] for event in events if event["event"] == "archive_damaged"} == {"g1"}
    harness.redis.set(key, whole)  # without an end
    assert expect(Replay, harness.try_claim()).body == b"receipt of T1"
