"""Operator commands: retry now, discard, replay dead letters."""

from __future__ import annotations

from tests.outbox.outbox_env import HOUR, LANE, OutboxEnv
from webhook_kit.outbox.lanes import LeaseStatus


def dead_letter(outbox: OutboxEnv, name: str) -> int:
    """Append this step of the order and let Gett reject it. Return its number."""
    outbox.append_order("1", name)
    lease = outbox.lease_one()
    assert outbox.lanes.dead_letter(lease, "422: no", 422)
    return lease.number


# -- dead letters ------------------------------------------------------------------------------------------------------


def test_a_dead_letter_has_body_reason_status_and_times(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "ready")
    (letter,) = outbox.dead_letters.find()
    assert (letter.number, letter.lane, letter.body) == (number, LANE, {"status": "ready"})
    assert (letter.store_id, letter.why, letter.status) == ("s1", "422: no", 422)
    assert letter.appended <= letter.dead_lettered
    assert outbox.lanes.counts() == {"appended": 1, "dead_letters": 1}


def test_a_dead_letter_expires_after_30_days(outbox: OutboxEnv) -> None:
    old = dead_letter(outbox, "preparing")
    outbox.redis.zincrby(outbox.keys.dead_letter_times, -30 * 24 * HOUR, old)
    new = dead_letter(outbox, "ready")
    assert [letter.number for letter in outbox.dead_letters.find()] == [new]
    assert outbox.dead_letters.replay(old) == "unknown"


def test_a_lane_goes_on_after_a_dead_letter(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.append_order("1", "ready")
    outbox.lanes.dead_letter(lease, "422: no", 422)
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]


def test_a_dead_lettered_update_can_be_appended_again(outbox: OutboxEnv) -> None:
    dead_letter(outbox, "ready")
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]


def test_a_replayed_dead_letter_is_sent_and_counted_once(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "ready")
    assert outbox.dead_letters.replay(number) == "ok"
    assert outbox.dead_letters.replay(number) == "unknown"
    outbox.check_invariants()
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]
    assert outbox.lanes.counts() == {"appended": 1, "dead_letters": 0, "sent": 1}


def test_a_dead_letter_is_not_replayed_after_a_newer_update_was_acknowledged(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "confirmed")
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.dead_letters.replay(number) == "stale"
    outbox.pause()
    lease = outbox.lease_one()
    outbox.lanes.dead_letter(lease, "422: no", 422)
    outbox.resume()
    outbox.send_all()
    assert outbox.dead_letters.replay(lease.number) == "stale"
    assert len(outbox.dead_letters.find()) == 2


def test_a_dead_letter_is_not_replayed_while_a_newer_update_waits(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "confirmed")
    outbox.append_order("1", "ready")
    assert outbox.dead_letters.replay(number) == "superseded"


def test_all_dead_letters_of_a_lane_can_be_replayed_in_order(outbox: OutboxEnv) -> None:
    numbers = [dead_letter(outbox, name) for name in ("confirmed", "ready", "completed")]
    assert [outbox.dead_letters.replay(number) for number in numbers] == ["ok"] * 3
    outbox.send_all()
    assert outbox.sent_steps() == ["completed"]
    assert outbox.lanes.counts() == {"appended": 3, "dead_letters": 0, "merged": 2, "sent": 1}


def test_a_dead_letter_replayed_during_a_send_waits_for_its_end(outbox: OutboxEnv) -> None:
    first, second = dead_letter(outbox, "confirmed"), dead_letter(outbox, "ready")
    outbox.dead_letters.replay(first)
    lease = outbox.lease_one()
    assert outbox.dead_letters.replay(second) == "ok"
    assert outbox.lease() == []
    outbox.lanes.acknowledge(lease, 202)
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]


def test_a_dead_letter_of_an_expired_lane_cannot_be_replayed_but_discarded(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "ready")
    outbox.redis.delete(outbox.keys.lane(LANE))
    assert outbox.dead_letters.replay(number) == "expired"
    assert outbox.dead_letters.discard(number) == "ok"


def test_a_discarded_dead_letter_is_deleted_and_counted(outbox: OutboxEnv) -> None:
    number = dead_letter(outbox, "ready")
    assert outbox.dead_letters.discard(number) == "ok"
    assert outbox.dead_letters.find() == []
    assert outbox.lanes.counts() == {"appended": 1, "dead_letters": 0, "discarded": 1}


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_retry_now_sends_a_postponed_update_and_resets_its_attempts(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.lanes.postpone(outbox.lease_one(), 3600, "503", charge=True)
    assert outbox.lanes.retry_now(LANE)
    assert outbox.lease_one().attempts == 0


def test_retry_now_does_not_lease_an_update_that_is_being_sent(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    lease = outbox.lease_one()
    assert outbox.lanes.retry_now(LANE)
    assert outbox.lease_status() is LeaseStatus.IDLE
    assert outbox.lanes.acknowledge(lease, 202)


def test_retry_now_takes_the_lane_of_a_sender_whose_lease_has_expired(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    late = outbox.lease_one()
    outbox.make_due(LANE)
    assert outbox.lanes.retry_now(LANE)
    assert outbox.lease_one().number == late.number
    assert not outbox.lanes.acknowledge(late, 202)


def test_commands_report_an_unknown_lane(outbox: OutboxEnv) -> None:
    assert not outbox.lanes.retry_now("order:unknown")
    assert outbox.lanes.discard("order:unknown") == -1


def test_commands_on_an_empty_lane_do_not_make_it_ready(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.lanes.retry_now(LANE)
    assert outbox.lanes.discard(LANE) == 0
    assert outbox.lanes.all_waiting() == {}


def test_discard_removes_one_waiting_update_or_all(outbox: OutboxEnv) -> None:
    outbox.lanes = outbox.make_lanes(outbox.quota, merging=False)
    outbox.append_order("1", "confirmed", "preparing", "ready")
    second = outbox.lanes.waiting(LANE)[1]["id"]
    assert outbox.lanes.discard(LANE, second) == 1
    assert outbox.waiting_steps(LANE) == ["confirmed", "ready"]
    assert outbox.lanes.discard(LANE, second) == 0
    assert outbox.lanes.discard(LANE) == 2
    assert outbox.lanes.counts() == {"appended": 3, "discarded": 3}
    assert outbox.lanes.all_waiting() == {}


def test_discard_spares_the_update_that_is_being_sent(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.append_order("1", "completed")
    assert outbox.lanes.discard(LANE) == 1
    assert outbox.lanes.acknowledge(lease, 202)
    assert outbox.lanes.counts() == {"appended": 2, "discarded": 1, "sent": 1}


def test_a_discarded_update_can_be_appended_again(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.lanes.discard(LANE)
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]


def test_updates_of_an_unlinked_order_can_be_discarded(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready", gett_id="")
    assert outbox.lanes.discard(LANE) == 1
    assert outbox.lanes.all_waiting() == {}


def test_waiting_lanes_are_counted_and_listed_as_they_are_sent(outbox: OutboxEnv) -> None:
    outbox.append_order("unlinked", "ready", gett_id="")
    for order in ("sending", "ready", "later"):
        outbox.append_order(order, "ready")
    outbox.lease_one()
    assert outbox.lanes.count_waiting() == 4
    everything = {
        "order:ready": "ready",
        "order:later": "ready",
        "order:sending": "delayed",
        "order:unlinked": "unlinked",
    }
    assert list(outbox.lanes.all_waiting().items()) == list(everything.items())
    for limit in (1, 2, 3, 4, 5):
        assert list(outbox.lanes.all_waiting(limit).items()) == list(everything.items())[:limit]


def test_retry_now_and_discard_notify_a_worker_of_what_is_left(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    for command in (outbox.lanes.retry_now, outbox.lanes.discard):
        outbox.redis.delete(outbox.keys.notified)
        command(LANE)
        assert outbox.redis.exists(outbox.keys.notified) == (command == outbox.lanes.retry_now)
