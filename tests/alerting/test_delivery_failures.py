"""Delivery of alerts while a channel, a worker or Redis fails."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from typing import Any

import pytest
import redis

from tests.alerting.alert_env import AlertEnv, Recorder, in_doubt, refused
from tests.storage.lost_replies import lost
from webhook_kit.alerting.pinned import DeliveryFailed
from webhook_kit.kit import Kit
from webhook_kit.testing.processes import PATIENCE

HOUR = 3600.0

# -- failures of a channel ---------------------------------------------------------------------------------------------


def test_a_failed_message_is_tried_again_with_growing_pauses(env: AlertEnv, got: Recorder) -> None:
    got.fails = [refused() for _ in range(4)]
    env.open.open(in_doubt())
    env.run()
    for pause in (5, 10, 20, 40):
        assert not got.got
        env.run(seconds=pause - 1)
        assert not got.got
        env.run(seconds=1.1)
    assert got.events == ["opened"]


def test_a_channel_may_ask_for_a_longer_pause(env: AlertEnv, got: Recorder) -> None:
    got.fails = [DeliveryFailed("429", retry_after=120)]
    env.open.open(in_doubt())
    env.run()
    env.run(seconds=119)
    assert not got.got
    env.run(seconds=2)
    assert got.events == ["opened"]


def test_a_message_is_given_up_after_hours(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    env = AlertEnv(kit, alert_repeat_every=0)
    (got,) = env.recorders
    got.fails = [refused() for _ in range(1000)]
    env.open.open(in_doubt())
    for _ in range(40):
        env.run(seconds=601)
    assert "alert_given_up" in [event["event"] for event in events]
    assert not env.waiting()
    got.fails.clear()
    env.open.resolve(in_doubt().id)
    env.run()
    assert got.events == []  # the channel never heard of it


def test_an_error_of_the_kit_itself_fails_one_alert_alone(env: AlertEnv, got: Recorder) -> None:
    got.fails = [ValueError("bug")]
    env.open.open(in_doubt("1"))
    env.open.open(in_doubt("2"))
    env.run()
    assert len(got.got) == 1
    env.run(seconds=6)
    assert {message.subject for message in got.got} == {"1", "2"}


def test_one_channel_that_hangs_does_not_delay_another(kit: Kit) -> None:
    hangs, works = Recorder("hangs"), Recorder("works")
    release = threading.Event()
    hangs.during = lambda: release.wait(PATIENCE)
    env = AlertEnv(kit, hangs, works)
    env.open.open(in_doubt())
    env.delivery.queue_changes()
    thread = threading.Thread(target=env.delivery.deliver, args=(hangs.channel,))
    thread.start()
    try:
        assert env.delivery.deliver(works.channel) == 1
        assert works.events == ["opened"]
    finally:
        release.set()
        thread.join(PATIENCE)
    assert hangs.events == ["opened"]


# -- several workers, and lost replies ---------------------------------------------------------------------------------


def test_what_a_killed_worker_was_sending_is_sent_after_its_lease(env: AlertEnv, got: Recorder) -> None:
    class Killed(BaseException):
        pass

    def killed() -> None:
        got.during = lambda: None
        raise Killed

    got.during = killed
    env.open.open(in_doubt())
    env.delivery.queue_changes()
    with pytest.raises(Killed):
        env.delivery.deliver(got.channel)
    other = env.new_delivery()
    assert other.deliver(got.channel) == 0
    env.clock.advance(91)
    assert other.deliver(got.channel) == 1
    assert got.events == ["opened"]


def test_many_workers_at_once_send_each_alert_once(kit: Kit) -> None:
    env = AlertEnv(kit, alerts_per_day=1000)
    got = env.recorders[0]
    for number in range(30):
        env.open.open(in_doubt(str(number)))
    begin = threading.Barrier(6)

    def work() -> None:
        begin.wait(PATIENCE)
        delivery = env.new_delivery()
        for _ in range(3):
            delivery.queue_changes()
            delivery.deliver(got.channel)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(int(message.subject) for message in got.got) == list(range(30))


@pytest.mark.parametrize("reply", range(8))
def test_a_lost_reply_of_redis_loses_no_alert(reply: int, env: AlertEnv, got: Recorder) -> None:
    """Each reply of Redis is lost once: the client repeats the command, and the message is sent once or, at worst, again."""
    env.open.open(in_doubt())
    with lost(env.kit, reply):
        env.run()
    env.run(seconds=91)
    assert set(got.events) == {"opened"}
    assert len({(message.id, message.number) for message in got.got}) == 1
    env.open.resolve(in_doubt().id)
    env.run()
    assert got.events[-1] == "resolved"


def test_redis_away_during_a_delivery_sends_again(
    env: AlertEnv, got: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError

    env.open.open(in_doubt())
    env.delivery.queue_changes()
    with monkeypatch.context() as patch:
        patch.setattr(env.delivery, "_finish", away)
        with pytest.raises(redis.ConnectionError):
            env.delivery.deliver(got.channel)
    env.run(seconds=91)
    assert got.events == ["opened", "opened"]
    assert {message.number for message in got.got} == {1}
