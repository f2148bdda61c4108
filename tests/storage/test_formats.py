"""A record of a later version is left alone: never absent, never changed, and named in the log."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any

import pytest

from tests.placement.placement_helpers import StoreHarness
from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.forget import remove_from_answer
from webhook_kit.outbox import compression
from webhook_kit.outbox.compression import decompress, without_uuids
from webhook_kit.outbox.lanes import LeaseStatus
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AttemptOutcome, Claim, Replay
from webhook_kit.storage import formats
from webhook_kit.storage.formats import NewerFormat, is_newer

LANE = "order:g1"
REF = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
CONFIRMED = order_progress("confirmed").text
Made = Callable[[StoreHarness], Any]


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch, events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """The log; each record is named in it, as if the last line about one were old."""
    monkeypatch.setattr(formats, "_LOGGED_EVERY", 0.0)
    return events


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


def content(kit: Kit) -> dict[str, Any]:
    """Return what is kept of the order, as it is stored."""
    keys = [
        kit.keys.order("g1"),
        kit.keys.lane(LANE),
        kit.keys.queue(LANE),
        kit.keys.history(LANE),
        kit.keys.archive("g1"),
    ]
    return {key: kit.redis.dump(key) for key in keys}


def compress_in_first_form(document: bytes) -> bytes:
    """Compress an order as an earlier version did."""
    text, uuids = without_uuids(document, "")
    deflate = zlib.compressobj(9, zdict=compression._FIRST_DICTIONARY)
    return deflate.compress(text) + deflate.flush() + bytes.fromhex(b"".join(uuids).replace(b"-", b"").decode())


def mark(harness: StoreHarness, key: str) -> None:
    """Let a later version have written a record."""
    assert harness.redis.hset(key, "format", formats.ORDER + 1) == 0, "the record had no format"


@pytest.mark.parametrize(
    ("format", "newer"),
    [
        (None, False),
        (b"1", False),
        ("0", False),
        (b"2", True),
        (10, True),
        ("x", True),
        (b"\xff", True),
        ("9" * 5_000, True),
    ],
    ids=lambda value: str(value)[:10],
)
def test_a_record_without_a_mark_has_the_first_form(format: object, newer: bool) -> None:
    assert is_newer(format, 1) is newer


COMMANDS: dict[str, Callable[[StoreHarness, Claim], object]] = {
    "claim": lambda harness, _: harness.try_claim(),
    "claim with another key": lambda harness, _: harness.try_claim(key="k2"),
    "settle": lambda harness, claim: harness.place(claim, "T2", CONFIRMED),
    "refuse": lambda harness, claim: harness.refuse(claim),
    "force": lambda harness, claim: harness.store.settle(claim, AttemptOutcome.RELEASED, force=True),
    "link": lambda harness, _: harness.store.link("g1", "another"),
    "note": lambda harness, _: harness.store.postpone_lookup("g1", 1, "failed"),
    "append": lambda harness, _: harness.kit.order_updates.progress("g1", "preparing"),
    "retry": lambda harness, _: harness.kit.lanes.retry_now(LANE),
    "discard": lambda harness, _: harness.kit.lanes.discard(LANE),
    "find": lambda harness, _: harness.store.find("g1"),
}


CASES = [(command, marked) for command in COMMANDS for marked in ("order", "lane")]
BY_RECORD = ("claim", "claim with another key", "find")
"""Commands that need the record only."""


@pytest.mark.parametrize(
    ("command", "marked"), [case for case in CASES if case[1] == "order" or case[0] not in BY_RECORD]
)
def test_no_command_changes_a_newer_order(
    command: str, marked: str, harness: StoreHarness, logged: list[MutableMapping[str, Any]]
) -> None:
    claim = harness.claim_and_call()
    harness.place(claim, update=CONFIRMED)
    mark(harness, harness.keys.order("g1") if marked == "order" else harness.keys.lane(LANE))
    before = content(harness.kit)
    with pytest.raises(NewerFormat, match=r"format 2.*upgrade it"):
        COMMANDS[command](harness, claim)
    assert content(harness.kit) == before
    assert "newer_record_left_alone" in [event["event"] for event in logged]


def test_a_newer_lane_is_not_sent_and_does_not_stop_the_others(harness: StoreHarness) -> None:
    kit = harness.kit
    for name in ("g1", "g2"):
        harness.place(harness.claim_and_call(f"k-{name}", name), f"T-{name}", CONFIRMED)
    mark(harness, harness.keys.lane(LANE))
    before = content(kit)
    (lease,) = kit.lanes.lease(10, 60_000).leases
    assert lease.lane == "order:g2"
    assert kit.lanes.acknowledge(lease, 202)
    assert kit.lanes.lease(10, 60_000).status is LeaseStatus.IDLE
    assert kit.lanes.all_waiting() == {LANE: "delayed"}
    kit.redis.zadd(kit.keys.delayed, {LANE: 1})  # its pause is over
    assert kit.lanes.lease(10, 60_000).leases == []
    assert kit.lanes.all_waiting() == {LANE: "delayed"}
    assert content(kit) == before
    kit.redis.hset(kit.keys.lane(LANE), "format", formats.ORDER)  # as if this process were upgraded
    kit.redis.zadd(kit.keys.delayed, {LANE: 1})
    assert [lease.lane for lease in kit.lanes.lease(10, 60_000).leases] == [LANE]


def test_what_was_sent_of_a_lane_that_became_newer_is_sent_again_by_that_version(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call(), update=CONFIRMED)
    (lease,) = harness.kit.lanes.lease(10, 60_000).leases
    mark(harness, harness.keys.lane(LANE))
    with pytest.raises(NewerFormat):
        harness.kit.lanes.acknowledge(lease, 202)
    assert harness.kit.lanes.all_waiting() == {LANE: "delayed"}


def test_a_newer_order_at_rest_is_archived_by_that_version(harness: StoreHarness) -> None:
    harness.refuse(harness.claim())
    mark(harness, harness.keys.order("g1"))
    assert harness.kit.order_archive.archive_resting(0) == 0
    assert harness.redis.zscore(harness.keys.resting, "g1") is not None, "it is still listed"
    assert remove_from_answer(harness.kit, "g1") is None, "its contact data are visited again"


def test_a_newer_archive_is_not_restored_and_not_taken_for_damaged(harness: StoreHarness) -> None:
    harness.refuse(harness.claim())
    assert harness.kit.order_archive.archive_resting(0) == 1
    archive = harness.redis.get(harness.keys.archive("g1"))
    assert isinstance(archive, bytes)
    harness.redis.set(harness.keys.archive("g1"), str(formats.ARCHIVE + 1).encode() + archive[1:])
    before = content(harness.kit)
    with pytest.raises(NewerFormat):
        harness.try_claim()
    assert [record["state"] for _, record in harness.kit.order_search.records(["g1"])] == ["newer"]
    assert content(harness.kit) == before


@pytest.mark.parametrize("mark", [None, b"1"])
def test_records_of_an_earlier_version_are_read(mark: bytes | None, harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call(), update=CONFIRMED)
    for key in (harness.keys.order("g1"), harness.keys.lane(LANE)):
        if mark is None:
            harness.redis.hdel(key, "format")
    assert isinstance(harness.try_claim(), Replay)
    assert harness.kit.order_updates.progress("g1", "preparing")


def test_an_archive_of_the_first_form_is_read_and_written_again_in_the_present_one(harness: StoreHarness) -> None:
    kit, key = harness.kit, harness.keys.archive(REF)
    claim = harness.claim_and_call("k1", REF)
    harness.place(claim, update=CONFIRMED)
    kit.order_updates.complete(REF)
    while leases := kit.lanes.lease(9, 60_000).leases:
        for lease in leases:
            assert kit.lanes.acknowledge(lease, 200)
    archive: Any = kit.redis.get(key)
    version, created, compressed = archive.split(b" ", 2)
    assert version == b"2"
    record, history = kit.order_archive.record(REF), kit.order_archive.history(REF)
    document = decompress(compressed, REF)
    kit.redis.set(key, b" ".join((b"1", created, compress_in_first_form(document))), keepttl=True)
    assert (kit.order_archive.record(REF), kit.order_archive.history(REF)) == (record, history)
    replay = harness.try_claim("k1", REF)
    assert isinstance(replay, Replay)
    assert replay.body.decode() == record["answer"]
    assert not kit.redis.exists(key), "it is restored"
    assert kit.order_archive.archive_now(REF)
    archive = kit.redis.get(key)
    assert archive.startswith(b"2 ")
    assert kit.order_archive.record(REF)["answer"] == record["answer"]


def test_newer_look_up_is_left_and_the_others_are_settled(harness: StoreHarness) -> None:
    harness.claim_and_call()
    harness.expire_lease()
    mark(harness, harness.keys.order("g1"))
    harness.redis.zadd(harness.keys.unsettled, {"g1": 1})
    before = content(harness.kit)
    assert harness.kit.placement_recovery.run() == 0
    assert content(harness.kit) == before
    assert harness.redis.zscore(harness.keys.unsettled, "g1") == 1


def test_event_of_a_newer_order_is_held_and_a_newer_held_event_stays(harness: StoreHarness) -> None:
    kit = harness.kit
    harness.place(harness.claim_and_call(), update=CONFIRMED)
    mark(harness, harness.keys.lane(LANE))
    (store,) = kit.stores
    event = {"type": "order", "store_id": store.id, "order_ref": "g1", "status": "preparing"}
    kit.redis.hset(kit.keys.order("g1"), "store", store.id)
    body = json.dumps({"events": [event]}).encode()
    assert kit.pos_events.receive("bogus", {"x-bogus-secret": "bogus-secret"}, body) == ["held"]
    assert kit.pos_events.retry_held() == 0
    kit.redis.hset(kit.keys.lane(LANE), "format", formats.ORDER)
    entry = json.loads(kit.redis.lrange(kit.keys.held_events, 0, -1)[0])
    kit.redis.lset(
        kit.keys.held_events, 0, json.dumps({**entry, "format": formats.HELD_EVENT + 1, "event": "a new form"})
    )
    assert kit.pos_events.retry_held() == 0
    assert kit.redis.llen(kit.keys.held_events) == 1
    kit.redis.lset(kit.keys.held_events, 0, json.dumps(entry))
    assert kit.pos_events.retry_held() == 1


def test_a_newer_dead_letter_is_neither_replayed_nor_discarded(harness: StoreHarness) -> None:
    kit = harness.kit
    harness.place(harness.claim_and_call(), update=CONFIRMED)
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "422: no", 422)
    letter = json.loads(kit.redis.hget(kit.keys.dead_letters, str(lease.number)) or b"")
    assert letter["format"] == formats.ORDER
    kit.redis.hset(kit.keys.dead_letters, str(lease.number), json.dumps({**letter, "format": formats.ORDER + 1}))
    for resolve in (kit.dead_letters.replay, kit.dead_letters.discard):
        with pytest.raises(NewerFormat):
            resolve(lease.number)
    assert kit.redis.hlen(kit.keys.dead_letters) == 1


def test_a_newer_record_of_a_store_is_not_changed(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter=None, gett_store_id=None)
    repository = kit.store_repository
    repository.add(Store("one", "", "bogus"))
    raw = json.loads(repository.read()[1]["one"])
    assert raw["format"] == formats.STORE
    newer = json.dumps({**raw, "format": formats.STORE + 1})
    kit.redis.hset(kit.keys.stores, "one", newer)
    with pytest.raises(ConfigurationError, match=r"newer version of webhook-kit \(format 2\); upgrade"):
        repository.add(Store("one", "", "bogus"))
    with pytest.raises(ConfigurationError, match="newer version"):
        repository.save_gett_id("one", "g")
    with pytest.raises(ConfigurationError, match="newer version"):
        repository.rotate()
    assert repository.read()[1] == {"one": newer}
    assert kit.stores.is_unusable(store_id="one"), "its orders are answered 503"


def test_the_log_has_one_line_in_a_while(
    harness: StoreHarness, logged: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_LOGGED_EVERY", 3600.0)
    monkeypatch.setattr(formats, "_last_logged", float("-inf"))
    harness.claim()
    mark(harness, harness.keys.order("g1"))
    for _ in range(5):
        with suppress(NewerFormat):
            harness.try_claim()
    (line,) = (event for event in logged if event["event"] == "newer_record_left_alone")
    assert line["format"] == "2"
