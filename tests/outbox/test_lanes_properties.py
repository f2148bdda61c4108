"""Random sequences of everything that can happen to lanes, on a real Redis, compared with a model in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.outbox.lane_model import LaneModel, QueuedUpdate
from tests.outbox.outbox_env import CATALOG_URL, LEASE_MS, TTL, OutboxEnv, order_update
from webhook_kit.outbox.archive import OrderArchive
from webhook_kit.outbox.lanes import Lease
from webhook_kit.outbox.updates import Update, catalog_changed, order_progress, store_online, store_paused
from webhook_kit.testing.redis_server import RedisServer

ORDERS = ["order:1", "order:2", "order:3", "order:4"]
LINKED_LATER = "order:4"  # its Gett id becomes known later
STORE, CATALOG = "store:s1", "catalog:s1"
LANES = [*ORDERS, STORE, CATALOG]
STEPS = [order_update(name) for name in ("confirmed", "preparing", "ready", "inTransit", "completed", "cancelled")]
ESTIMATES = [
    order_progress(status, datetime(2099, 1, 1, hour, tzinfo=UTC))
    for status in ("confirmed", "preparing")
    for hour in (12, 13)
]
OUTCOMES = st.sampled_from(["sent", "postponed", "dead_lettered"])


class LaneMachine(RuleBasedStateMachine):
    """Applies each step to real lanes and to the model, and compares the results."""

    server: ClassVar[RedisServer]

    def __init__(self) -> None:
        super().__init__()
        self.outbox = OutboxEnv(self.server)
        self.counts: Counter[str] = Counter()
        self.lanes = {name: LaneModel(name, name != LINKED_LATER, self.counts) for name in LANES}
        self.lost_leases: list[Lease] = []
        self.letters: list[tuple[str, QueuedUpdate]] = []
        self.archive = OrderArchive(self.outbox.redis, self.outbox.keys)
        for name in ORDERS:
            record = self.outbox.keys.order(name.partition(":")[2])
            self.outbox.redis.hset(record, mapping={"state": "placed", "store": "s1", "created": 1})
            self.outbox.redis.expire(record, TTL)

    def teardown(self) -> None:
        self.outbox.close()

    # -- appending -----------------------------------------------------------------------------------------------------

    def _append(self, name: str, update: Update, *, force: bool = False) -> None:
        lane = self.lanes[name]
        expected = lane.append(self.counts["appended"] + 1, update, force=force)
        assert self.outbox.append(name, update, gett_id="g" if lane.linked else "", force=force) == expected

    @rule(name=st.sampled_from(ORDERS), update=st.sampled_from([*STEPS, *ESTIMATES]))
    def append_order(self, name: str, update: Update) -> None:
        self._append(name, update)

    @rule(name=st.sampled_from(ORDERS), update=st.sampled_from(STEPS))
    def append_order_with_force(self, name: str, update: Update) -> None:
        self._append(name, update, force=True)

    @rule(update=st.sampled_from([store_paused("too_busy"), store_online()]))
    def pause_or_resume(self, update: Update) -> None:
        self._append(STORE, update)

    @rule()
    def change_catalog(self) -> None:
        self._append(CATALOG, catalog_changed(CATALOG_URL), force=True)

    @rule()
    def link(self) -> None:
        self.lanes[LINKED_LATER].link()
        self.outbox.link(LINKED_LATER, "g")

    # -- sending -------------------------------------------------------------------------------------------------------

    @rule(limit=st.integers(0, 4))
    def lease(self, limit: int) -> None:
        leases = list(self.outbox.lanes.lease(limit, LEASE_MS).leases)
        self.lost_leases += filter(None, [lane.move_due() for lane in self.lanes.values()])
        ready = {name: lane for name, lane in self.lanes.items() if lane.place == "ready"}
        assert len(leases) == min(limit, len(ready))
        assert {lease.lane for lease in leases} <= set(ready)
        urgency = {name: lane.waiting[0].urgency for name, lane in ready.items()}
        chosen = [urgency.pop(lease.lane) for lease in leases]
        assert chosen == sorted(chosen)
        assert max(chosen, default=0) <= min(urgency.values(), default=9)
        for lease in leases:
            lane = ready[lease.lane]
            lane.lease(lease)
            assert (lease.number, lease.body) == (lane.waiting[0].number, lane.waiting[0].body)

    def _leased(self) -> list[str]:
        return [lane.name for lane in self.lanes.values() if lane.holder is not None]

    @precondition(lambda self: self._leased())
    @rule(outcome=OUTCOMES, data=st.data())
    def settle(self, outcome: str, data: st.DataObject) -> None:
        lane = self.lanes[data.draw(st.sampled_from(self._leased()), "lane")]
        assert lane.holder is not None
        assert self._settle(lane.holder, outcome)
        head = lane.settle(outcome)
        if outcome == "dead_lettered":
            self.letters.append((lane.name, head))

    def _settle(self, lease: Lease, outcome: str) -> bool:
        if outcome == "sent":
            return self.outbox.lanes.acknowledge(lease, 202)
        if outcome == "dead_lettered":
            return self.outbox.lanes.dead_letter(lease, "no", 422)
        return self.outbox.lanes.postpone(lease, 3600, "503", charge=True)

    @precondition(lambda self: self.lost_leases)
    @rule(outcome=OUTCOMES, data=st.data())
    def settle_with_a_lost_lease(self, outcome: str, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.lost_leases) - 1), "lease")
        assert not self._settle(self.lost_leases[index], outcome)

    def _delayed(self) -> list[str]:
        return [lane.name for lane in self.lanes.values() if lane.place == "delayed" and not lane.due]

    @precondition(lambda self: self._delayed())
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._delayed()), "lane")
        self.lanes[name].due = True
        self.outbox.make_due(name)

    @rule()
    def archive_resting(self) -> None:
        """Archive the orders of which nothing waits. Nobody notices."""
        self.archive.archive_resting(-1)

    # -- operator commands ---------------------------------------------------------------------------------------------

    def _run_command(self, lane: LaneModel, discard: int | None) -> int:
        """Run a command on the model. A sender whose lease has expired may lose it by that."""
        before = lane.holder
        result = lane.run_command(discard)
        if before is not None and lane.holder is None:
            self.lost_leases.append(before)
        return result

    @rule(name=st.sampled_from(LANES))
    def retry_now(self, name: str) -> None:
        assert self.outbox.lanes.retry_now(name) == (self._run_command(self.lanes[name], None) >= 0)

    @rule(name=st.sampled_from(LANES))
    def discard_all(self, name: str) -> None:
        assert self.outbox.lanes.discard(name) == self._run_command(self.lanes[name], -1)

    @rule(name=st.sampled_from(LANES), place=st.integers(0, 1))
    def discard_one(self, name: str, place: int) -> None:
        lane = self.lanes[name]
        for entry in lane.waiting[place : place + 1]:
            assert self.outbox.lanes.discard(name, entry.number) == self._run_command(lane, entry.number)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), replay=st.booleans())
    def resolve_dead_letter(self, data: st.DataObject, replay: bool) -> None:
        index = data.draw(st.integers(0, len(self.letters) - 1), "letter")
        name, letter = self.letters[index]
        if replay:
            result = self.lanes[name].replay(letter)
            assert self.outbox.dead_letters.replay(letter.number) == result
            if result != "ok":
                return
        else:
            assert self.outbox.dead_letters.discard(letter.number) == "ok"
            self.counts["dead_letters"] -= 1
            self.counts["discarded"] += 1
        del self.letters[index]

    # -- invariants ----------------------------------------------------------------------------------------------------

    @invariant()
    def every_update_is_counted(self) -> None:
        self.outbox.check_invariants()
        counts = Counter(self.outbox.lanes.counts())
        assert {name: counts[name] for name in self.counts} == dict(self.counts)
        letters = {letter.number for letter in self.outbox.dead_letters.find()}
        assert letters == {letter.number for _, letter in self.letters}

    @invariant()
    def every_lane_is_in_the_same_set_as_the_model(self) -> None:
        places = {lane.name: lane.place for lane in self.lanes.values() if lane.place}
        assert self.outbox.lanes.all_waiting() == places
        assert set(places) == {lane.name for lane in self.lanes.values() if lane.waiting}

    @invariant()
    def every_lane_has_the_updates_and_the_owner_of_the_model(self) -> None:
        for lane in self.lanes.values():
            entries = self.outbox.lanes.waiting(lane.name)
            assert [(entry["id"], entry["body"]) for entry in entries] == [(e.number, e.body) for e in lane.waiting]
            owner = self.outbox.lanes.state(lane.name).get("owner", "")
            assert owner == (lane.holder.owner if lane.holder else "")

    @invariant()
    def gett_never_takes_an_older_status_after_a_newer_one(self) -> None:
        for lane in self.lanes.values():
            ranks = [entry.update.rank for entry in lane.sent]
            numbers = [entry.number for entry in lane.sent]
            assert ranks == sorted(ranks)
            assert numbers == sorted(set(numbers))


def test_lanes_behave_as_the_model(redis_server: RedisServer) -> None:
    machine = type("OnThisServer", (LaneMachine,), {"server": redis_server})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))
