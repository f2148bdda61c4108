"""One storm from its beginning to its judgement."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Self

from tests.alerting.receiver import Receiver, receiving
from tests.storm.books import Books, judge_books
from tests.storm.customers import Customers
from tests.storm.evidence import Window
from tests.storm.faults import PROCESS_FAULTS, Act
from tests.storm.installation import Installation
from tests.storm.leaks import Samples, judge_connections, judge_keys, judge_samples
from tests.storm.liveness import Liveness
from tests.storm.options import StormOptions
from tests.storm.other_faults import OTHER_FAULTS
from tests.storm.person import Person
from tests.storm.recovery import Recovery
from tests.storm.redis_faults import REDIS_FAULTS
from tests.storm.sentinel_faults import SENTINEL_FAULTS
from tests.storm.timeline import Fault, draw
from tests.storm.visitor import Visitor
from tests.storm.watch import Watch
from webhook_kit.testing.processes import wait_until

__all__ = ["Storm", "faults_for"]

_SAMPLE_EVERY = 10.0
_ALERTS = 150.0
"""Seconds within which alerts have to be out: they are evaluated every 15 s, and end a minute after their condition."""


def faults_for(options: StormOptions) -> dict[str, Act]:
    """Return the faults that a storm draws from."""
    found = {**PROCESS_FAULTS, **(SENTINEL_FAULTS if options.sentinels else REDIS_FAULTS), **OTHER_FAULTS}
    if options.sentinels:  # which name the servers themselves
        found = {kind: act for kind, act in found.items() if not kind.startswith("redis connections")}
    return {kind: found[kind] for kind in options.kinds} if options.kinds else found


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that has happened; Unix seconds."""

    fault: Fault
    begin: float
    end: float
    detail: str = ""


class Storm:
    """A storm.

    :param say: prints a line.
    :ivar happened: the faults so far.
    :ivar violations: broken promises that are not about one order.
    """

    def __init__(
        self, options: StormOptions, installation: Installation, channel: Receiver, say: Callable[[str], None]
    ) -> None:
        self.options, self.installation, self._channel, self._say = options, installation, channel, say
        self.samples = Samples(installation)
        self.customers = Customers(installation.gett, installation.stores, options)
        self.watch = Watch(installation, self.customers)
        self.person = Person(installation)
        self.visitor = Visitor(installation)
        self.liveness = Liveness(installation)
        self.recovery = Recovery()
        self.happened: list[Happened] = []
        self.violations: list[str] = []
        self.alerts: Counter[str] = Counter()
        self._next_sample = 0.0

    @classmethod
    @contextmanager
    def of(cls, options: StormOptions, say: Callable[[str], None]) -> Iterator[Self]:
        """Start everything, and end it after the block."""
        with receiving() as channel, Installation(options, channel.url) as installation:
            storm = cls(options, installation, channel, say)
            with storm.liveness.at_work(), storm.person.at_work(), storm.visitor.at_work():
                wait_until(storm.liveness.all_answer, 600, "the web servers", interval=1)
                with storm.customers:
                    yield storm

    def rage(self) -> None:
        """Let every fault happen, and judge all the while."""
        acts = faults_for(self.options)
        faults = draw(self.options.seed, self.options.seconds, list(acts))
        began = time.monotonic()
        threads = [threading.Thread(target=self._happen, args=(fault, acts[fault.kind], began)) for fault in faults]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) or time.monotonic() - began < self.options.seconds:
            self._look()
            time.sleep(1)

    def calm_down(self) -> None:
        """Let the customers finish, and wait until everything is at rest, or nothing moves any more."""
        self.customers.finish()
        progress, moved = self.watch.progress(), time.monotonic()
        while time.monotonic() - moved < self.options.calm:
            self._look()
            if self._at_rest():
                break
            if progress != (progress := self.watch.progress()):
                moved = time.monotonic()
            time.sleep(1)
        self.watch.look()
        self.watch.refresh_tickets()
        self.watch.judge_all()
        self.violations += self._judge_installation()

    def _judge_installation(self) -> list[str]:
        """Judge what is not about one order; alerts are given some time to go out and to end."""
        installation = self.installation
        deadline = time.monotonic() + _ALERTS
        while True:
            books = Books.of(installation, self._channel)
            complaints = list(judge_books(books))
            if not complaints or time.monotonic() > deadline:
                break
            time.sleep(5)
        self.alerts = Counter(f"{each['code']} {each['type']}" for each in books.messages)
        self.samples.take()
        open_alerts = frozenset(alert["id"] for alert in books.alerts)
        return [
            *complaints,
            *judge_samples(self.samples.taken),
            *judge_connections(installation, self.samples.connections[-1]),
            *judge_keys(installation, open_alerts),
            *self.visitor.complaints(),
            *self.liveness.hangs,
        ]

    def _at_rest(self) -> bool:
        if self.customers.waiting() or not self.watch.kitchen_rests():
            return False
        if self.installation.kit.lanes.all_waiting():
            return False
        self.watch.refresh_tickets()
        return not self.watch.unsettled()

    def _happen(self, fault: Fault, act: Act, began: float) -> None:
        time.sleep(max(0.0, fault.at - (time.monotonic() - began)))
        self._say(str(fault))
        begin = time.time()
        try:
            with act(self.installation, Random(fault.seed)):
                time.sleep(fault.seconds)
        except Exception as error:  # noqa: BLE001 - a fault that cannot be made is a fault of the storm
            self.violations.append(f"the storm itself: {fault.kind}: {error!r}")
        end = time.time()
        self.happened.append(Happened(fault, begin, end))
        self.recovery.add(fault.kind, end)
        if "stopped" in fault.kind:
            self.installation.disorder.append(Window(begin, end))

    def _look(self) -> None:
        if time.monotonic() > self._next_sample:
            self._next_sample = time.monotonic() + _SAMPLE_EVERY
            self.samples.take()
        self.watch.look()
        for member in self.installation.members.values():
            if member.expected and not member.running:
                self.violations.append(f"{member.name} has ended by itself with status {member.returncode}")
                member.start()
