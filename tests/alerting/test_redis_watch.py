"""Redis is away: one worker of all tells the channels by itself, and tells them when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.alerting.alert_env import Clock, Recorder, refused
from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.redis_watch import RedisWatch
from webhook_kit.kit import Kit
from webhook_kit.testing.redis_server import RedisServer

MakeKit = Callable[..., Kit]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class Workers:
    """Two workers with one channel and one clock."""

    def __init__(self, make_kit: MakeKit, server: RedisServer, *channels: Recorder) -> None:
        self.clock = Clock()
        self.channels = channels
        self.watches = []
        for _ in range(2):
            kit = make_kit(redis_url=server.url, redis_timeout=1.0, key_prefix="watch:")
            listed = [recorder.channel for recorder in channels]
            self.watches.append(RedisWatch(kit.redis, kit.keys, listed, kit.settings, self.clock))

    def check(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        for watch in self.watches:
            watch.check()


def test_one_worker_of_two_reports_after_a_minute_and_again_when_it_is_over(
    make_kit: MakeKit, server: RedisServer
) -> None:
    got = Recorder()
    workers = Workers(make_kit, server, got)
    workers.check()
    server.stop()
    workers.check()
    workers.check(59)
    assert not got.got
    for _ in range(10):
        workers.check(61)
    assert got.events == ["opened"]
    opened = got.got[0]
    assert (opened.code, opened.subject, opened.severity) == ("redis_unreachable", "REDIS_URL", AlertSeverity.CRITICAL)
    server.start()
    workers.check(10)
    workers.check(10)
    assert got.events == ["opened", "resolved"]
    assert (got.got[1].id, got.got[1].number) == (opened.id, opened.number + 1)


def test_a_short_absence_is_not_reported(make_kit: MakeKit, server: RedisServer) -> None:
    got = Recorder()
    workers = Workers(make_kit, server, got)
    workers.check()
    server.stop()
    workers.check()
    server.start()
    workers.check(61)
    assert not got.got


def test_a_channel_that_fails_is_tried_again_and_the_others_hear_once(make_kit: MakeKit, server: RedisServer) -> None:
    fails, works = Recorder("fails"), Recorder("works")
    workers = Workers(make_kit, server, fails, works)
    workers.check()
    fails.fails = [refused(), ValueError("bug")]
    server.stop()
    workers.check()
    for _ in range(4):
        workers.check(61)
    assert (fails.events, works.events) == (["opened"], ["opened"])


def test_without_a_channel_nothing_is_sent(make_kit: MakeKit, server: RedisServer) -> None:
    workers = Workers(make_kit, server)
    workers.check()
    server.stop()
    for _ in range(3):
        workers.check(61)
