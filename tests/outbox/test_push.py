"""Pushing: every failure of Gett has its one consequence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from webhook_kit.gett.client import GettClient
from webhook_kit.kit import Kit
from webhook_kit.outbox import push
from webhook_kit.outbox.push import Pusher
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.testing.processes import free_port

Place = Callable[..., None]


class Sender:
    """A pusher that talks to a local Gett over HTTP."""

    def __init__(self, kit: Kit, gett: LocalGett, url: str) -> None:
        self.kit, self.gett, self.url = kit, gett, url
        self.began = self.ended = 0.0
        self.pusher = Pusher(kit.lanes, GettClient(url, "key_test"))

    def drain(self) -> list[tuple[str, str, int]]:
        """Send what is due; what arrived at Gett through this, with its answer."""
        before = len(self.gett.ledger.updates())
        self.began = time.time()
        self.pusher.drain(30)
        self.ended = time.time()
        return [
            (update.order_id, update.body["status"], update.answer) for update in self.gett.ledger.updates()[before:]
        ]

    def letters(self) -> list[dict[str, Any]]:
        return [json.loads(letter) for letter in self.kit.redis.lrange(self.kit.keys.dead_letters, 0, -1)]

    def paused(self, least: float, most: float, ref: str = "g1") -> bool:
        """Whether the lane was postponed by so many seconds, somewhen during the last drain."""
        due = float(self.kit.redis.zscore(self.kit.keys.waiting, ref) or 0) / 1000
        return self.began + least - 0.01 <= due <= self.ended + most + 0.01

    def due_now(self, ref: str = "g1") -> None:
        self.kit.redis.zadd(self.kit.keys.waiting, {ref: 0}, xx=True)


@pytest.fixture
def sender(kit: Kit) -> Iterator[Sender]:
    gett = LocalGett("", "whsec", "key_test", "store")
    with gett.serve() as url:
        yield Sender(kit, gett, url)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the pusher believe that time has passed since an update was made."""
    real = time.time

    class Clock:
        monotonic = staticmethod(time.monotonic)
        time = staticmethod(real)

    def pass_by(seconds: float) -> None:
        Clock.time = staticmethod(lambda: real() + seconds)
        monkeypatch.setattr(push, "time", Clock)

    return pass_by


def test_everything_that_is_due_is_sent_once(sender: Sender, place: Place) -> None:
    for number in range(3):
        place(f"g{number}", update={"status": "confirmed"})
    assert sorted(sender.drain()) == [(f"g{number}", "confirmed", 202) for number in range(3)]
    assert sender.drain() == []
    assert sender.kit.redis.zcard(sender.kit.keys.waiting) == 0


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 429])
def test_what_may_succeed_later_is_postponed_and_sent_then(status: int, sender: Sender, place: Place) -> None:
    place("g1")
    sender.gett.ledger.fail_with(status)
    assert sender.drain() == [("g1", "confirmed", status)]
    assert sender.letters() == []
    assert sender.paused(0.75, 2)
    sender.due_now()
    assert sender.drain() == [("g1", "confirmed", 202)]


def test_the_pauses_grow_to_half_a_minute_with_jitter_and_no_further(sender: Sender, place: Place) -> None:
    place("g1")
    bounds = [(0.75, 1), (1.5, 2), (3, 4), (6, 8), (12, 16), (22.5, 30), (22.5, 30)]
    for least, most in bounds:
        sender.gett.ledger.fail_with(500)
        sender.drain()
        assert sender.paused(least, most)
        sender.due_now()
    assert sender.drain() == [("g1", "confirmed", 202)]


def test_an_update_that_keeps_failing_keeps_nobody_else_waiting(sender: Sender, place: Place) -> None:
    place("g1")
    sender.gett.ledger.fail_with(503)
    sender.drain()
    place("g2")
    assert sender.drain() == [("g2", "confirmed", 202)]


def test_a_gett_that_is_not_there_costs_no_update(sender: Sender, place: Place) -> None:
    place("g1")
    nobody = Pusher(sender.kit.lanes, GettClient(f"http://127.0.0.1:{free_port()}", "key_test"))
    assert nobody.drain(30) == 1
    assert sender.letters() == []
    sender.due_now()
    assert sender.drain() == [("g1", "confirmed", 202)]


@pytest.mark.parametrize("status", [400, 405, 410, 422])
def test_what_gett_will_never_take_becomes_a_dead_letter_and_the_lane_goes_on(
    status: int, sender: Sender, place: Place
) -> None:
    place("g1")
    sender.kit.redis.rpush(sender.kit.keys.lane("g1"), json.dumps({"body": {"status": "preparing"}, "at": 0}))
    sender.gett.ledger.fail_with(status)
    assert sender.drain() == [("g1", "confirmed", status), ("g1", "preparing", 202)]
    (letter,) = sender.letters()
    assert letter["update"]["body"] == {"status": "confirmed"}
    assert str(status) in letter["why"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_costs_not_a_single_update(status: int, sender: Sender, place: Place) -> None:
    refs = [f"g{number}" for number in range(3)]
    for ref in refs:
        place(ref)
    for _ in range(12):
        sender.gett.ledger.fail_with(*[status] * len(refs))
        assert len(sender.drain()) == len(refs)
        assert all(sender.paused(50, 60, ref) for ref in refs)
        for ref in refs:
            sender.due_now(ref)
    assert sender.letters() == []
    assert len(sender.drain()) == len(refs)


def test_a_wrong_key_is_what_gett_itself_calls_unauthorized(sender: Sender, place: Place) -> None:
    place("g1")
    Pusher(sender.kit.lanes, GettClient(sender.url, "key_wrong")).drain(30)
    assert sender.letters() == []
    sender.due_now()
    assert sender.drain() == [("g1", "confirmed", 202)]


@pytest.mark.parametrize("status", [404, 409])
def test_a_young_order_that_gett_does_not_know_yet_is_tried_again_and_an_old_one_is_not(
    status: int, sender: Sender, place: Place, later: Callable[[float], None]
) -> None:
    place("g1")
    sender.gett.ledger.fail_with(status)
    sender.drain()
    assert sender.letters() == []
    assert sender.paused(0.75, 2)
    later(3600)
    sender.due_now()
    sender.gett.ledger.fail_with(status)
    sender.drain()
    assert len(sender.letters()) == 1
    assert sender.drain() == []


def test_the_update_of_a_sender_that_died_is_sent_by_the_next(sender: Sender, place: Place) -> None:
    place("g1")
    assert sender.kit.lanes.lease(60_000) is not None  # and never heard of again
    assert sender.drain() == []
    sender.due_now()  # the lease has run out
    assert sender.drain() == [("g1", "confirmed", 202)]


def test_draining_ends_when_its_time_is_up(sender: Sender, place: Place) -> None:
    place("g1")
    assert sender.pusher.drain(0) == 0
    assert sender.drain() == [("g1", "confirmed", 202)]
