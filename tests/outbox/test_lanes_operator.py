"""A person's hand: send now, take out of a lane, replay and drop dead letters."""

from __future__ import annotations

from tests.outbox.outbox_env import HOUR, LANE, Workbench
from webhook_kit.outbox.lanes import LeaseStatus


def bury(bench: Workbench, name: str) -> int:
    """Let Gett refuse this step of the order, and return the letter's number."""
    bench.order("1", name)
    lease = bench.one()
    assert bench.lanes.dead_letter(lease, "422: no", 422)
    return lease.number


# -- dead letters ------------------------------------------------------------------------------------------------------


def test_a_dead_letter_tells_the_whole_story(bench: Workbench) -> None:
    number = bury(bench, "ready")
    (letter,) = bench.dead.find()
    assert (letter.number, letter.lane, letter.body) == (number, LANE, {"status": "ready"})
    assert (letter.why, letter.status) == ("422: no", 422)
    assert letter.appended <= letter.buried
    assert bench.lanes.counts() == {"appended": 1, "dead": 1}


def test_what_nobody_has_looked_at_for_a_month_is_forgotten(bench: Workbench) -> None:
    old = bury(bench, "preparing")
    bench.redis.zincrby(bench.keys.dead_letter_times, -30 * 24 * HOUR, old)
    new = bury(bench, "ready")
    assert [letter.number for letter in bench.dead.find()] == [new]
    assert bench.dead.replay(old) == "unknown"


def test_the_lane_goes_on_after_a_burial(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.order("1", "ready")
    bench.lanes.dead_letter(lease, "422: no", 422)
    bench.push()
    assert bench.told() == ["ready"]


def test_what_was_buried_may_be_said_again(bench: Workbench) -> None:
    bury(bench, "ready")
    bench.order("1", "ready")
    bench.push()
    assert bench.told() == ["ready"]


def test_a_replayed_letter_is_sent_and_counted_once(bench: Workbench) -> None:
    number = bury(bench, "ready")
    assert bench.dead.replay(number) == "ok"
    assert bench.dead.replay(number) == "unknown"
    bench.check()
    bench.push()
    assert bench.told() == ["ready"]
    assert bench.lanes.counts() == {"appended": 1, "dead": 0, "sent": 1}


def test_a_letter_is_not_replayed_after_something_newer_was_taken(bench: Workbench) -> None:
    number = bury(bench, "confirmed")
    bench.order("1", "ready")
    bench.push()
    assert bench.dead.replay(number) == "stale"
    bench.pause()
    lease = bench.one()
    bench.lanes.dead_letter(lease, "422: no", 422)
    bench.online()
    bench.push()
    assert bench.dead.replay(lease.number) == "stale"
    assert len(bench.dead.find()) == 2


def test_a_letter_is_not_replayed_over_something_newer_that_waits(bench: Workbench) -> None:
    number = bury(bench, "confirmed")
    bench.order("1", "ready")
    assert bench.dead.replay(number) == "superseded"


def test_all_letters_of_a_lane_can_be_replayed_at_once_in_order(bench: Workbench) -> None:
    numbers = [bury(bench, name) for name in ("confirmed", "ready", "completed")]
    assert [bench.dead.replay(number) for number in numbers] == ["ok"] * 3
    bench.push()
    assert bench.told() == ["completed"]
    assert bench.lanes.counts() == {"appended": 3, "dead": 0, "merged": 2, "sent": 1}


def test_a_letter_replayed_behind_what_is_being_sent_waits_its_turn(bench: Workbench) -> None:
    first, second = bury(bench, "confirmed"), bury(bench, "ready")
    bench.dead.replay(first)
    lease = bench.one()
    assert bench.dead.replay(second) == "ok"
    assert bench.lease() == []
    bench.lanes.acknowledge(lease, 202)
    bench.push()
    assert bench.told() == ["ready"]


def test_a_letter_of_a_lane_that_is_forgotten_stays(bench: Workbench) -> None:
    number = bury(bench, "ready")
    bench.redis.delete(bench.keys.lane(LANE))
    assert bench.dead.replay(number) == "forgotten"
    assert bench.dead.discard(number) == "ok"


def test_a_dropped_letter_is_gone_and_counted(bench: Workbench) -> None:
    number = bury(bench, "ready")
    assert bench.dead.discard(number) == "ok"
    assert bench.dead.find() == []
    assert bench.lanes.counts() == {"appended": 1, "dead": 0, "dropped": 1}


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_unclog_sends_now_what_was_postponed_with_its_attempts_forgotten(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.lanes.postpone(bench.one(), 3600, "503", charge=True)
    assert bench.lanes.retry_now(LANE)
    assert bench.one().attempts == 0


def test_unclog_does_not_hand_out_what_is_being_sent(bench: Workbench) -> None:
    bench.order("1", "ready")
    lease = bench.one()
    assert bench.lanes.retry_now(LANE)
    assert bench.verdict() is LeaseStatus.IDLE
    assert bench.lanes.acknowledge(lease, 202)


def test_unclog_takes_the_lane_of_a_sender_whose_lease_has_lapsed(bench: Workbench) -> None:
    bench.order("1", "ready")
    late = bench.one()
    bench.due(LANE)
    assert bench.lanes.retry_now(LANE)
    assert bench.one().number == late.number
    assert not bench.lanes.acknowledge(late, 202)


def test_a_lane_that_is_not_there_cannot_be_touched(bench: Workbench) -> None:
    assert not bench.lanes.retry_now("order:unknown")
    assert bench.lanes.discard("order:unknown") == -1


def test_a_lane_with_nothing_to_send_stays_out_of_all_sets(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.push()
    assert bench.lanes.retry_now(LANE)
    assert bench.lanes.discard(LANE) == 0
    assert bench.lanes.all_waiting() == {}


def test_what_waits_can_be_dropped_one_by_one_or_all_at_once(bench: Workbench) -> None:
    bench.lanes = bench.make_lanes(bench.quota, merging=False)
    bench.order("1", "confirmed", "preparing", "ready")
    second = bench.lanes.waiting(LANE)[1]["id"]
    assert bench.lanes.discard(LANE, second) == 1
    assert bench.waiting(LANE) == ["confirmed", "ready"]
    assert bench.lanes.discard(LANE, second) == 0
    assert bench.lanes.discard(LANE) == 2
    assert bench.lanes.counts() == {"appended": 3, "dropped": 3}
    assert bench.lanes.all_waiting() == {}


def test_what_is_being_sent_cannot_be_dropped_but_what_waits_behind_it_can(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.order("1", "completed")
    assert bench.lanes.discard(LANE) == 1
    assert bench.lanes.acknowledge(lease, 202)
    assert bench.lanes.counts() == {"appended": 2, "dropped": 1, "sent": 1}


def test_what_was_dropped_may_be_said_again(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.lanes.discard(LANE)
    bench.order("1", "ready")
    bench.push()
    assert bench.told() == ["ready"]


def test_an_unlinked_order_can_be_dropped(bench: Workbench) -> None:
    bench.order("1", "ready", gett_id="")
    assert bench.lanes.discard(LANE) == 1
    assert bench.lanes.all_waiting() == {}
