"""Delivery: opened once, repeated, acknowledged, resolved; leases, retries, caps, quiet stores. The clock is the test's."""

from __future__ import annotations

import pytest

from tests.alerting.alert_env import AlertEnv, Recorder, in_doubt, pos_down, refused, worker
from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.acknowledging import acknowledge_alert
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.open_alerts import AlertSubject

HOUR = 3600.0
DAY = 24 * HOUR


def test_an_alert_is_sent_once_and_resolved_once(env: AlertEnv, got: Recorder) -> None:
    assert env.open.open(in_doubt())
    assert not env.open.open(in_doubt())
    for _ in range(3):
        env.run()
    assert got.events == ["opened"]
    assert env.open.resolve(in_doubt().id)
    assert not env.open.resolve(in_doubt().id)
    assert 0 < env.kit.redis.ttl(env.kit.keys.alert_deliveries(in_doubt().id)) <= 2 * DAY
    for _ in range(3):
        env.run()
    assert got.events == ["opened", "resolved"]
    opened, resolved = got.got
    assert (opened.id, opened.code, opened.subject, opened.store) == (
        in_doubt().id,
        "order_in_doubt",
        "order-1",
        "main",
    )
    assert opened.severity is AlertSeverity.CRITICAL
    assert resolved.id == opened.id
    assert not env.waiting()
    assert 0 < env.kit.redis.ttl(env.kit.keys.alert(opened.id)) <= 2 * DAY
    assert 0 < env.kit.redis.ttl(env.kit.keys.alert_deliveries(opened.id)) <= 2 * DAY


def test_an_open_alert_is_repeated_in_growing_intervals_up_to_a_day(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())
    env.run()
    for hours in (1, 2, 4, 8, 16, 24, 24):
        before = len(got.got)
        env.run(seconds=hours * HOUR - 10)
        assert len(got.got) == before
        env.run(seconds=11)
        assert len(got.got) == before + 1
    assert got.events == ["opened", *["repeated"] * 7]


def test_zero_switches_repetitions_off(kit: Kit) -> None:
    env = AlertEnv(kit, alert_repeat_every=0)
    env.open.open(in_doubt())
    env.run()
    env.run(seconds=30 * DAY)
    assert env.recorders[0].events == ["opened"]


def test_an_acknowledgement_stops_repetitions_and_the_end_is_told(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())
    env.run()
    assert not acknowledge_alert(env.open, in_doubt().id, "ann")
    assert not acknowledge_alert(env.open, in_doubt().id, "ann")
    env.run()
    assert not env.open.repeat(in_doubt().id)
    env.run(seconds=10 * DAY)
    assert got.events == ["opened", "acknowledged"]
    assert got.got[-1].by == "ann"
    env.open.resolve(in_doubt().id)
    env.run()
    assert got.events[-1] == "resolved"
    with pytest.raises(NotFound):
        acknowledge_alert(env.open, in_doubt().id, "ann")


def test_an_acknowledgement_closes_what_has_no_end_of_its_own(kit: Kit) -> None:
    env = AlertEnv(kit)
    env.clock.seconds = env.kit.open_alerts.now()
    kit.alerts.raise_once(Alert.DUPLICATE, "order-1", "known as 1, reported as 2")
    env.run(seconds=1)
    (opened,) = env.recorders[0].got
    assert (opened.code, opened.detail) == ("duplicate_ticket", "known as 1, reported as 2")
    assert acknowledge_alert(env.open, opened.id, "ann")
    env.run(seconds=1)
    assert env.recorders[0].events == ["opened", "resolved"]
    assert not env.open.ids()


def test_a_text_of_a_vendor_is_not_sent(kit: Kit) -> None:
    env = AlertEnv(kit)
    env.clock.seconds = env.kit.open_alerts.now()
    kit.alerts.raise_once(Alert.NOT_CANCELLED, "order-1", "PosError('customer Jane Doe, 555-0100')")
    env.run(seconds=1)
    (opened,) = env.recorders[0].got
    assert "Jane" not in repr(opened)


def test_an_alert_that_is_over_before_it_could_be_sent_is_not_sent(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())
    env.delivery.queue_changes()
    env.open.resolve(in_doubt().id)
    env.run()
    assert (got.events, env.waiting()) == ([], {})


def test_an_alert_that_comes_back_is_opened_again(env: AlertEnv, got: Recorder) -> None:
    for _ in range(2):
        env.open.open(in_doubt())
        env.run(seconds=10)
        env.open.resolve(in_doubt().id)
        env.run(seconds=10)
    assert got.events == ["opened", "resolved", "opened", "resolved"]
    assert [message.number for message in got.got] == [1, 2, 3, 4]


def test_a_resolve_never_overtakes_the_message_that_is_being_sent(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())

    def resolved_meanwhile() -> None:
        got.during = lambda: None
        env.open.resolve(in_doubt().id)
        other = env.new_delivery()
        other.queue_changes()
        assert other.deliver(got.channel) == 0  # another worker must not send "resolved" now

    got.during = resolved_meanwhile
    env.run()
    env.run()
    assert got.events == ["opened", "resolved"]


def test_a_repetition_waits_for_the_message_that_is_being_sent(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())

    def repeated_meanwhile() -> None:
        got.during = lambda: None
        assert env.open.repeat(in_doubt().id)
        other = env.new_delivery()
        other.queue_changes()
        assert other.deliver(got.channel) == 0

    got.during = repeated_meanwhile
    env.run()
    assert got.events == ["opened", "repeated"]


def test_an_event_that_two_workers_queue_is_sent_once(env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt())
    env.run()
    env.kit.redis.zadd(env.kit.keys.alerts_due(got.channel.id), {in_doubt().id: 1})
    env.run()
    assert (got.events, env.waiting()) == (["opened"], {})


# -- what is not sent --------------------------------------------------------------------------------------------------


def test_a_channel_gets_a_number_of_alerts_per_day_and_one_message_says_so(kit: Kit) -> None:
    env = AlertEnv(kit, alerts_per_day=4)
    got = env.recorders[0]
    subjects = [alert(str(number)) for number in range(4) for alert in (in_doubt, pos_down, worker)]
    for subject in subjects:
        env.open.open(subject)
        env.run(seconds=1)
    assert got.events == ["opened"] * 4 + ["capped"]
    for subject in subjects:
        env.open.resolve(subject.id)
    env.run()
    assert got.events == ["opened"] * 4 + ["capped"] + ["resolved"] * 4
    env.open.open(in_doubt("tomorrow"))
    env.run()
    assert len(got.got) == 9
    env.run(seconds=DAY)
    assert got.events[-1] == "opened"


def test_many_alerts_of_one_cause_leave_room_for_another(kit: Kit) -> None:
    env = AlertEnv(kit, alerts_per_day=10)
    got = env.recorders[0]
    for number in range(100):
        env.open.open(pos_down(str(number)))
    env.run()
    assert got.events == ["opened"] * 5 + ["code_capped"]
    env.open.open(in_doubt())
    env.run()
    assert got.got[-1].code == "order_in_doubt"


def test_a_retry_counts_once_towards_the_cap(kit: Kit) -> None:
    env = AlertEnv(kit, alerts_per_day=1)
    got = env.recorders[0]
    got.fails = [refused(), refused(), refused()]
    env.open.open(in_doubt())
    for _ in range(5):
        env.run(seconds=601)
    assert got.events == ["opened"]


def test_each_channel_gets_what_is_severe_enough(kit: Kit) -> None:
    all_, critical = Recorder("all"), Recorder("critical", AlertSeverity.CRITICAL)
    env = AlertEnv(kit, all_, critical)
    env.open.open(in_doubt())
    env.open.open(AlertSubject(Alert.STORE_PAUSED, "main", "store", "paused"))
    env.run()
    assert {message.code for message in all_.got} == {"order_in_doubt", "store_paused_by_monitor"}
    assert [message.code for message in critical.got] == ["order_in_doubt"]


def test_a_channel_is_not_told_of_itself(kit: Kit) -> None:
    fails, works = Recorder("fails"), Recorder("works")
    env = AlertEnv(kit, fails, works)
    env.open.open(AlertSubject(Alert.CHANNEL, "fails", "setting", "host answered 500"))
    env.run()
    assert (len(fails.got), len(works.got)) == (0, 1)


def test_a_quiet_store_is_held_back_until_its_time(env: AlertEnv, got: Recorder) -> None:
    quiet = env.kit.keys.alerts_quiet
    env.kit.redis.zadd(quiet, {"main": (env.clock() + 600) * 1000})
    env.open.open(in_doubt())
    env.open.open(pos_down("other"))
    env.run()
    assert [message.subject for message in got.got] == ["other"]
    for _ in range(9):
        env.run(seconds=61)
    assert len(got.got) == 1
    env.run(seconds=120)
    assert [message.subject for message in got.got] == ["other", "order-1"]


def test_what_is_over_within_the_quiet_is_never_sent(env: AlertEnv, got: Recorder) -> None:
    env.kit.redis.zadd(env.kit.keys.alerts_quiet, {"main": (env.clock() + 600) * 1000})
    env.open.open(in_doubt())
    env.run()
    env.open.resolve(in_doubt().id)
    env.run(seconds=700)
    assert (got.got, env.waiting()) == ([], {})


def test_a_persons_own_pause_quiets_the_store_but_not_its_orders(env: AlertEnv, got: Recorder) -> None:
    env.kit.redis.set(env.kit.keys.pause_owner("main"), "person")
    env.open.open(in_doubt())
    env.open.open(pos_down())
    env.run()
    assert [message.code for message in got.got] == ["order_in_doubt"]
    env.kit.redis.delete(env.kit.keys.pause_owner("main"))
    env.run(seconds=61)
    assert [message.code for message in got.got] == ["order_in_doubt", "pos_down"]


def test_the_store_of_an_order_is_found(kit: Kit) -> None:
    env = AlertEnv(kit)
    kit.redis.hset(kit.keys.order("order-9"), "store", "main")
    env.open.open(in_doubt("order-9", store=""))
    env.run()
    assert env.recorders[0].got[0].store == "main"


@pytest.mark.parametrize("ref", ["a" * 5000, "\ud83d", "x\n\x00y", "<script>", "ö" * 300])
def test_a_hostile_id_is_sent(ref: str, env: AlertEnv, got: Recorder) -> None:
    env.open.open(in_doubt(ref))
    env.run()
    assert len(got.got[0].subject) <= 1000
    env.open.resolve(in_doubt(ref).id)
    env.run()
    assert got.events == ["opened", "resolved"]


def test_a_storm_is_bounded(env: AlertEnv) -> None:
    pipe = env.kit.redis.pipeline()
    for number in range(5000):
        pipe.zadd(env.kit.keys.alerts_open, {f"x-{number}": 1})
    pipe.execute()
    assert not env.open.open(in_doubt())
