"""Rounds of the writer, on a real PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import redis

from tests.operations.archive.archive_env import CONTACT, ArchiveEnv
from tests.operations.operations_helpers import ADA, in_doubt
from webhook_kit.operations import actions, audit
from webhook_kit.operations.archive import queue, writer
from webhook_kit.operations.archive.database import ArchiveDatabase, RowRefused
from webhook_kit.operations.archive.rows import audit_row
from webhook_kit.operations.archive.writer import ArchiveWriter
from webhook_kit.operations.forget import forget_order, remove_from_answer
from webhook_kit.placement.claims import AttemptOutcome
from webhook_kit.storage.clock import redis_time
from webhook_kit.testing.processes import wait_until


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


def test_a_completed_order_arrives_with_its_updates(env: ArchiveEnv) -> None:
    ref = env.ended()
    env.writer.run()
    [row] = env.orders().values()
    assert (row["installation"], row["order_ref"], row["gett_id"]) == (env.kit.settings.key_prefix, ref, ref)
    assert (row["state"], row["store_id"], row["http_status"], row["attempts"]) == ("placed", "main", 200, 1)
    assert (row["accepted"], row["total"], row["sub_total"]) == (Decimal("5.50"), Decimal("5.5"), Decimal("5.5"))
    assert row["progress"] == row["taken"] == "completed"
    assert row["pos_number"].startswith("bogus-")
    assert len(row["idempotency_keys"]) == 1
    assert row["created"] <= row["settled"] <= row["taken_at"] <= row["archived_at"] <= datetime.now(UTC)
    assert row["created"].tzinfo is not None
    assert row["answer"]["cart"]["lineItems"] == [{"lineItemId": "1", "itemId": "cola", "quantity": 2}]
    updates = env.rows("SELECT * FROM webhook_kit.updates ORDER BY number")
    # `confirmed` merged into `ready`, because nothing was sent in between.
    assert [(update["step"], update["outcome"]) for update in updates] == [
        ("confirmed", "merged"),
        ("ready", "sent"),
        ("completed", "sent"),
    ]
    assert all(update["order_ref"] == ref and update["ended"] >= update["appended"] for update in updates)
    assert updates[1]["http_status"] == 200


def test_refused_orders_arrive_with_their_code(env: ArchiveEnv) -> None:
    ref = env.refuse()
    env.writer.run()
    assert env.orders() == {}  # it may be tried again
    env.rest()
    env.writer.run()
    row = env.orders()[ref]
    assert (row["state"], row["refusal_code"], row["http_status"]) == ("refused", "ITEM_UNAVAILABLE", 400)
    assert row["answer"]["errors"][0]["code"]
    assert row["answer"]["detail"] == "removed"


def test_no_row_has_contact_data(env: ArchiveEnv) -> None:
    env.cancel(env.place(), f"{CONTACT[0]} of {CONTACT[3]} called")
    env.complete(env.place())
    env.refuse()
    env.rest()
    env.writer.run()
    tables = {name: env.rows(f"SELECT * FROM webhook_kit.{name}") for name in ("orders", "updates", "audit")}
    written = json.dumps(tables, default=str)
    assert len(tables["orders"]) == 3
    assert [planted for planted in CONTACT if planted in written] == []


def test_an_order_that_changes_is_written_again(env: ArchiveEnv) -> None:
    ref = env.place()
    env.deliver(ref)
    env.rest()
    env.writer.run()
    assert env.orders()[ref]["taken"] == "confirmed"
    env.complete(ref)
    env.writer.run()
    assert env.orders()[ref]["taken"] == "completed"
    assert env.rows("SELECT count(*) AS n FROM webhook_kit.updates")[0]["n"] == 3


def test_an_order_queued_again_while_it_is_written_stays_queued(
    env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = env.place()
    env.deliver(ref)
    env.rest()
    write = ArchiveDatabase.write_orders

    def change_meanwhile(*arguments: Any) -> None:
        env.complete(ref)
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveDatabase, "write_orders", change_meanwhile)
        env.writer._write_orders()
    assert env.orders()[ref]["taken"] == "confirmed"
    assert env.queue.state().waiting == 1
    env.writer.run()
    assert env.orders()[ref]["taken"] == "completed"
    assert env.queue.state().waiting == 0


def test_a_row_that_was_read_earlier_does_not_replace_a_later_one(env: ArchiveEnv) -> None:
    ref = env.place()
    env.deliver(ref)
    env.rest()
    due = env.queue.due(10)
    early = env.writer._read(due)
    env.complete(ref)
    env.writer.run()
    env.writer._write_rows(list(early.rows.values()))
    assert env.orders()[ref]["taken"] == "completed"


def test_the_end_of_contact_data_in_redis_writes_nothing_again(env: ArchiveEnv) -> None:
    ref = env.ended()
    env.writer.run()
    assert remove_from_answer(env.kit, ref) is True
    assert env.queue.due(10) == []


# -- orders that never come to rest, and those from before -------------------------------------------------------------


def test_orders_that_do_not_come_to_rest_are_written_before_they_expire(make_env: Callable[..., ArchiveEnv]) -> None:
    env = make_env(order_ttl=60)
    kit = env.kit
    ref = env.place()  # its update waits
    in_doubt(kit, "doubt")
    env.writer.run()
    assert env.orders() == {}
    _age(env, 20)
    env.writer.run()
    assert set(env.orders()) == {ref}
    # Both are looked at again.
    again: Any = kit.redis.zrange(kit.keys.archiving_due, 0, -1, withscores=True)
    assert {name for name, _ in again} == {ref.encode(), b"doubt"}
    assert all(score > redis_time(kit.redis) * 1000 for _, score in again)


def test_orders_from_before_the_archive_are_written_at_once(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_SWEEP", 2)  # several pages
    env.queue.end()
    refs = {env.ended() for _ in range(5)}
    assert env.kit.redis.zcard(env.kit.keys.archiving_due) == 0
    env.writer.run()
    assert set(env.orders()) == refs
    env.writer.run()
    assert env.kit.redis.zcard(env.kit.keys.archiving_due) == 0


def _age(env: ArchiveEnv, seconds: float) -> None:
    """Let the list of orders look as if all were so many seconds older."""
    kit = env.kit
    entries: Any = kit.redis.xrange(kit.keys.order_list)
    kit.redis.delete(kit.keys.order_list)
    for place, fields in entries:
        moment, number = place.decode().split("-")
        kit.redis.xadd(kit.keys.order_list, fields, id=f"{int(moment) - int(seconds * 1000)}-{number}")


def test_orders_that_expired_unwritten_are_reported(env: ArchiveEnv, events: list[MutableMapping[str, Any]]) -> None:
    kit, ref = env.kit, env.ended()
    long_ago = (redis_time(kit.redis) - kit.settings.order_ttl - 60) * 1000
    kit.redis.delete(kit.keys.archive(ref))
    kit.redis.zadd(kit.keys.archiving_due, {ref: long_ago})
    env.writer.run()
    assert env.queue.state().lost == 1
    assert [event["orders"] for event in events if event["event"] == "orders_expired_unarchived"] == [1]
    assert env.queue.state().waiting == 0


# -- audit log ---------------------------------------------------------------------------------------------------------


def test_the_audit_log_arrives_once(env: ArchiveEnv) -> None:
    in_doubt(env.kit, "doubt", order=b"{}")
    actions.settle_not_placed(env.kit, ADA, "doubt", "the restaurant says so")
    env.writer.run()
    env.kit.redis.hdel(env.kit.keys.archiving, "audit")  # a crash before the position was saved
    env.writer.run()
    [row] = env.rows("SELECT * FROM webhook_kit.audit")
    assert (row["who"], row["via"], row["action"], row["subject"]) == ("ada", "console", "settle_not_placed", "doubt")
    assert (row["why"], row["result"], row["failed"]) == ("the restaurant says so", "ok", False)
    assert abs((datetime.now(UTC) - row["at"]).total_seconds()) < 300


def test_an_entry_that_postgresql_refuses_stops_no_other(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    audit.record(env.kit, ADA, "retry_now", "bad", "")
    audit.record(env.kit, ADA, "retry_now", "good", "")
    row = audit_row

    def spoiled(entry_id: str, fields: Any) -> Any:
        return row(entry_id, fields) | ({"why": "\0"} if fields["subject"] == "bad" else {})

    monkeypatch.setattr(writer, "audit_row", spoiled)
    env.writer.run()
    assert [entry["subject"] for entry in env.rows("SELECT subject FROM webhook_kit.audit")] == ["good"]
    assert env.queue.audit(10) == []


def test_forgetting_an_order_removes_earlier_reasons_about_it(env: ArchiveEnv) -> None:
    ref, other = env.ended(), env.ended()
    env.kit.order_archive.restore(ref)
    for subject in (ref, f"order:{ref}", other):
        audit.record(env.kit, ADA, "retry_now", subject, f"{CONTACT[0]} called", f"no {CONTACT[0]}")
    env.writer.run()
    forget_order(env.kit, ADA, ref, why="request 4711")
    forgotten = redis_time(env.kit.redis)
    wait_until(lambda: redis_time(env.kit.redis) > forgotten + 0.002)
    audit.record(env.kit, ADA, "retry_now", ref, "afterwards")
    env.writer.run()
    rows = env.rows("SELECT subject, why, result FROM webhook_kit.audit ORDER BY id")
    told = [(row["subject"], row["why"]) for row in rows]
    assert told == [
        (ref, "removed"),
        (f"order:{ref}", "removed"),
        (other, f"{CONTACT[0]} called"),
        (ref, "request 4711"),
        (ref, "afterwards"),
    ]
    assert rows[0]["result"] == "removed"


# -- hostile text ------------------------------------------------------------------------------------------------------


def test_text_that_postgresql_cannot_store_is_written_with_a_mark(env: ArchiveEnv) -> None:
    kit, half = env.kit, "\ud83d"
    kit.placement_store.settle(
        _claim(env, "x"),
        AttemptOutcome.PLACED,
        status=200,
        answer=json.dumps({"partnerOrderId": f"T\0{half}", "amounts": {"total": float("nan")}}).encode(),
        partner_order_id="T\0😀",
        accepted="12.30",
        update=json.dumps({"status": "a\0"}),
    )
    env.deliver("x")
    audit.record(kit, ADA, "retry_now", f"x\0{half}", f"why\0{half}")
    env.rest()
    env.writer.run()
    row = env.orders()["x"]
    assert row["pos_number"] == "T\ufffd😀"
    assert row["answer"]["partnerOrderId"] == "T\ufffd\ufffd"
    assert row["progress"] == "a\ufffd"
    assert (row["accepted"], row["total"]) == (Decimal("12.30"), None)
    [entry] = env.rows("SELECT why FROM webhook_kit.audit")
    assert entry["why"] == "why\ufffd\ufffd"


def _claim(env: ArchiveEnv, name: str) -> Any:
    return env.kit.placement_store.claim(key=f"k-{name}", gett_id=name, store_id="main", fingerprint="f")


def test_an_order_that_postgresql_refuses_stops_no_other(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = env.ended(), env.ended()
    read = ArchiveWriter._read

    def spoiled(self: ArchiveWriter, due: Any) -> Any:
        batch = read(self, due)
        if bad in batch.rows:
            batch.rows[bad][0]["pos_number"] = "\0"
        return batch

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveWriter, "_read", spoiled)
        env.writer.run()
    assert set(env.orders()) == {good}
    assert env.queue.state().refused == bad
    assert env.queue.due(10) == []
    assert env.kit.redis.zscore(env.kit.keys.archiving_due, bad) is not None


def test_long_ids_are_written_and_found(env: ArchiveEnv) -> None:
    number = "".join(chr(0x4E00 + position * 7 % 20_000) for position in range(5000))
    kit = env.kit
    kit.placement_store.settle(
        _claim(env, "y"), AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id=number
    )
    kit.redis.zrem(kit.keys.unconfirmed, "y")
    kit.order_archive.archive_now("y")
    env.writer.run()
    assert [row["order_ref"] for row in env.database.find_orders(number)] == ["y"]


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_missing_tables_are_reported_once_and_nothing_is_lost(
    make_env: Callable[..., ArchiveEnv], events: list[MutableMapping[str, Any]]
) -> None:
    env = make_env(migrate=False)
    ref = env.ended()
    env.writer.run()
    env.writer.run()
    told = [event for event in events if event["event"] == "archive_unavailable"]
    assert len(told) == 1
    assert "webhook-kit archive migrate" in told[0]["why"]
    state = env.queue.state()
    assert state.failing_since is not None
    assert state.waiting == 1
    env.database.migrate()
    env.writer.run()
    assert set(env.orders()) == {ref}
    assert env.queue.state().failing_since is None
    assert [event["event"] for event in events if event["event"] == "archive_available"] == ["archive_available"]


def test_a_database_that_hangs_ends_no_round_of_another_task(make_env: Callable[..., ArchiveEnv]) -> None:
    env = make_env(statement_seconds=0.2)
    ref = env.ended()
    with env.database._engine.begin() as blocker:
        blocker.exec_driver_sql("LOCK TABLE webhook_kit.orders IN ACCESS EXCLUSIVE MODE")
        env.writer.run()  # returns
        state = env.queue.state()
        assert "statement timeout" in state.error
        assert env.kit.redis.exists(env.kit.keys.archiving_lock) == 0
    env.writer.run()
    assert set(env.orders()) == {ref}


def test_two_writers_at_once_write_each_row_once(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_BATCH", 3)
    refs = {env.ended() for _ in range(10)}
    # Without the lock, as after a pause of the process that has outlived it.
    writers = [threading.Thread(target=ArchiveWriter(env.kit, env.database)._write) for _ in range(3)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    env.writer.run()
    assert set(env.orders()) == refs
    assert env.rows("SELECT count(*) AS n FROM webhook_kit.updates")[0]["n"] == 3 * len(refs)
    assert env.queue.state().waiting == 0


def test_a_second_writer_does_nothing_while_the_first_one_works(env: ArchiveEnv) -> None:
    env.ended()
    env.kit.redis.set(env.kit.keys.archiving_lock, "another", px=60_000)
    env.writer.run()
    assert env.orders() == {}


@pytest.mark.parametrize("after", ["write_orders", "finish"])
def test_a_crash_at_any_place_leaves_one_row(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    ref = env.ended()

    class Crash(BaseException):
        pass

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        if after == "finish":
            patch.setattr(type(env.queue), "finish", crash)
        else:
            patch.setattr(ArchiveDatabase, "write_orders", crash)
        with pytest.raises(Crash):
            env.writer.run()
    assert len(env.orders()) == (after == "finish")
    env.writer.run()
    assert set(env.orders()) == {ref}


def test_redis_away_is_left_to_the_schedule(env: ArchiveEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(type(env.queue), "due", away)
    with pytest.raises(redis.ConnectionError):
        env.writer.run()


def test_refusals_are_told_by_kind_and_never_by_value(env: ArchiveEnv) -> None:
    with pytest.raises(RowRefused) as refused, env.database.transaction() as connection:
        connection.exec_driver_sql("SELECT 'secret'::numeric")
    assert str(refused.value) == "InvalidTextRepresentation 22P02"
