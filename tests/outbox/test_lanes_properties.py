"""Random interleavings of everything that can happen to lanes, on a real Redis, against a model in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.outbox.lane_model import Lane, Waiting
from tests.outbox.outbox_env import LEASE_MS, MENU, Workbench, step
from webhook_kit.outbox.lanes import Lease
from webhook_kit.outbox.updates import Update, catalog_changed, order_progress, store_online, store_paused
from webhook_kit.testing.redis_server import RedisServer

ORDERS = ["order:1", "order:2", "order:3", "order:4"]
LATE = "order:4"  # its Gett id becomes known later
STORE, MENUS = "store:s1", "catalog:s1"
LANES = [*ORDERS, STORE, MENUS]
WAY = [step(name) for name in ("confirmed", "preparing", "ready", "inTransit", "completed", "cancelled")]
ESTIMATES = [
    order_progress(status, datetime(2099, 1, 1, hour, tzinfo=UTC))
    for status in ("confirmed", "preparing")
    for hour in (12, 13)
]
OUTCOMES = st.sampled_from(["sent", "postponed", "buried"])


class LaneMachine(RuleBasedStateMachine):
    """Drives real lanes and the model side by side; whatever one says, the other must say too."""

    server: ClassVar[RedisServer]

    def __init__(self) -> None:
        super().__init__()
        self.bench = Workbench(self.server)
        self.counts: Counter[str] = Counter()
        self.lanes = {name: Lane(name, name != LATE, self.counts) for name in LANES}
        self.ghosts: list[Lease] = []
        self.letters: list[tuple[str, Waiting]] = []

    def teardown(self) -> None:
        self.bench.close()

    # -- saying something ----------------------------------------------------------------------------------------------

    def _append(self, name: str, update: Update, *, force: bool = False) -> None:
        lane = self.lanes[name]
        expected = lane.append(self.counts["appended"] + 1, update, force=force)
        assert self.bench.say(name, update, gett_id="g" if lane.linked else "", force=force) == expected

    @rule(name=st.sampled_from(ORDERS), update=st.sampled_from([*WAY, *ESTIMATES]))
    def say_how_far_an_order_is(self, name: str, update: Update) -> None:
        self._append(name, update)

    @rule(name=st.sampled_from(ORDERS), update=st.sampled_from(WAY))
    def insist(self, name: str, update: Update) -> None:
        self._append(name, update, force=True)

    @rule(update=st.sampled_from([store_paused("too_busy"), store_online()]))
    def pause_or_resume(self, update: Update) -> None:
        self._append(STORE, update)

    @rule()
    def change_the_menu(self) -> None:
        self._append(MENUS, catalog_changed(MENU), force=True)

    @rule()
    def learn_the_gett_id(self) -> None:
        self.lanes[LATE].link()
        self.bench.link(LATE, "g")

    # -- sending -------------------------------------------------------------------------------------------------------

    @rule(want=st.integers(0, 4))
    def lease(self, want: int) -> None:
        leases = list(self.bench.lanes.lease(want, LEASE_MS).leases)
        self.ghosts += filter(None, [lane.look() for lane in self.lanes.values()])
        ready = {name: lane for name, lane in self.lanes.items() if lane.place == "ready"}
        assert len(leases) == min(want, len(ready))
        assert {lease.lane for lease in leases} <= set(ready)
        urgency = {name: lane.waiting[0].urgency for name, lane in ready.items()}
        chosen = [urgency.pop(lease.lane) for lease in leases]
        assert chosen == sorted(chosen)
        assert max(chosen, default=0) <= min(urgency.values(), default=9)
        for lease in leases:
            lane = ready[lease.lane]
            lane.lease(lease)
            assert (lease.number, lease.body) == (lane.waiting[0].number, lane.waiting[0].body)

    def _held(self) -> list[str]:
        return [lane.name for lane in self.lanes.values() if lane.holder is not None]

    @precondition(lambda self: self._held())
    @rule(word=OUTCOMES, data=st.data())
    def settle(self, word: str, data: st.DataObject) -> None:
        lane = self.lanes[data.draw(st.sampled_from(self._held()), "lane")]
        assert lane.holder is not None
        assert self._say(lane.holder, word)
        head = lane.settle(word)
        if word == "buried":
            self.letters.append((lane.name, head))

    def _say(self, lease: Lease, word: str) -> bool:
        if word == "sent":
            return self.bench.lanes.acknowledge(lease, 202)
        if word == "buried":
            return self.bench.lanes.dead_letter(lease, "no", 422)
        return self.bench.lanes.postpone(lease, 3600, "503", charge=True)

    @precondition(lambda self: self.ghosts)
    @rule(word=OUTCOMES, data=st.data())
    def a_sender_speaks_too_late(self, word: str, data: st.DataObject) -> None:
        ghost = data.draw(st.integers(0, len(self.ghosts) - 1), "ghost")
        assert not self._say(self.ghosts[ghost], word)

    def _delayed(self) -> list[str]:
        return [lane.name for lane in self.lanes.values() if lane.place == "delayed" and not lane.lapsed]

    @precondition(lambda self: self._delayed())
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._delayed()), "lane")
        self.lanes[name].lapsed = True
        self.bench.due(name)

    # -- a person's hand -----------------------------------------------------------------------------------------------

    def _by_hand(self, lane: Lane, drop: int | None) -> int:
        """What the model says; a sender whose lease has lapsed may lose it here."""
        before = lane.holder
        touched = lane.touch(drop)
        if before is not None and lane.holder is None:
            self.ghosts.append(before)
        return touched

    @rule(name=st.sampled_from(LANES))
    def retry_now(self, name: str) -> None:
        assert self.bench.lanes.retry_now(name) == (self._by_hand(self.lanes[name], None) >= 0)

    @rule(name=st.sampled_from(LANES))
    def drop_all(self, name: str) -> None:
        assert self.bench.lanes.discard(name) == self._by_hand(self.lanes[name], -1)

    @rule(name=st.sampled_from(LANES), place=st.integers(0, 1))
    def drop_one(self, name: str, place: int) -> None:
        lane = self.lanes[name]
        for entry in lane.waiting[place : place + 1]:
            assert self.bench.lanes.discard(name, entry.number) == self._by_hand(lane, entry.number)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), replay=st.booleans())
    def read_a_dead_letter(self, data: st.DataObject, replay: bool) -> None:
        chosen = data.draw(st.integers(0, len(self.letters) - 1), "letter")
        name, letter = self.letters[chosen]
        if replay:
            said = self.lanes[name].replay(letter)
            assert self.bench.dead.replay(letter.number) == said
            if said != "ok":
                return
        else:
            assert self.bench.dead.discard(letter.number) == "ok"
            self.counts["dead"] -= 1
            self.counts["dropped"] += 1
        del self.letters[chosen]

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def every_update_is_accounted_for(self) -> None:
        self.bench.check()
        found = Counter(self.bench.lanes.counts())
        assert {name: found[name] for name in self.counts} == dict(self.counts)
        assert {letter.number for letter in self.bench.dead.find()} == {letter.number for _, letter in self.letters}

    @invariant()
    def every_lane_is_where_the_model_has_it(self) -> None:
        places = {lane.name: lane.place for lane in self.lanes.values() if lane.place}
        assert self.bench.lanes.all_waiting() == places
        assert set(places) == {lane.name for lane in self.lanes.values() if lane.waiting}

    @invariant()
    def every_lane_holds_what_the_model_holds(self) -> None:
        for lane in self.lanes.values():
            entries = self.bench.lanes.waiting(lane.name)
            assert [(entry["id"], entry["body"]) for entry in entries] == [(e.number, e.body) for e in lane.waiting]
            owner = self.bench.lanes.state(lane.name).get("owner", "")
            assert owner == (lane.holder.owner if lane.holder else "")

    @invariant()
    def gett_never_takes_an_older_status_after_a_newer_one(self) -> None:
        for lane in self.lanes.values():
            ranks = [entry.update.rank for entry in lane.sent]
            numbers = [entry.number for entry in lane.sent]
            assert ranks == sorted(ranks)
            assert numbers == sorted(set(numbers))


def test_lanes_do_what_the_model_does(redis_server: RedisServer) -> None:
    machine = type("OnThisServer", (LaneMachine,), {"server": redis_server})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
