"""A slice of the simulation; ``make simulate`` runs the whole. Each fault that is planted in the kit has to be found."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.simulation.installation import SimulatedInstallation
from tests.simulation.oracle import judge
from tests.simulation.placement import AFTER, EMPTIED, Schedule, run_placement
from tests.simulation.pos import ADAPTERS, Outcome
from tests.simulation.schedules import FAMILIES
from webhook_kit.placement import placement as placement_module
from webhook_kit.placement.attempt import Attempt
from webhook_kit.placement.claims import AttemptOutcome, SettleResult
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.placement.placement import Placement

Broken = dict[str, list[str]]


def broken(installation: SimulatedInstallation, kind: str, schedule: Schedule) -> Broken:
    """Return every schedule of a kind that contradicts the protocol, and how."""
    runs = list(FAMILIES[kind](schedule, lambda one: run_placement(installation, one)))
    assert len(runs) > 20
    return {str(run.schedule): complaints for run in runs if (complaints := judge(run))}


@pytest.mark.parametrize("level", ADAPTERS)
@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REPLY_LOST])
def test_every_single_stop(installation: SimulatedInstallation, level: str, outcome: Outcome) -> None:
    assert broken(installation, "one stop", Schedule(level, outcome)) == {}


@pytest.mark.parametrize("level", ADAPTERS)
def test_a_duplicate_at_each_point_of_an_attempt_that_is_stopped(
    installation: SimulatedInstallation, level: str
) -> None:
    for point in range(10):
        run = run_placement(installation, Schedule(level, stops=(point,), duplicate_at=point))
        assert judge(run) == [], run.schedule


@pytest.mark.parametrize("level", ["native", "look-up"])
def test_redis_is_emptied_after_each_stop(installation: SimulatedInstallation, level: str) -> None:
    for point in range(10):
        run = run_placement(installation, Schedule(level, stops=(point,), back_to=EMPTIED, lost_at=AFTER))
        assert judge(run) == [], run.schedule
        assert len(run.tickets) == 1


def test_with_the_claim_alone_an_emptied_redis_doubles_a_ticket(installation: SimulatedInstallation) -> None:
    """The guarantee ends there, as ``receiving.md`` says; otherwise the loss would not be simulated."""
    schedule = Schedule("claim", Outcome.REPLY_LOST, back_to=EMPTIED, lost_at=AFTER)
    assert len(run_placement(installation, schedule).tickets) == 2


# -- violations that the simulation has found --------------------------------------------------------------------------


@pytest.mark.parametrize("back_to", range(3, 9))
def test_an_order_of_which_only_the_claim_is_left_goes_on(installation: SimulatedInstallation, back_to: int) -> None:
    """Its progress was held back, by events and by reconciliation, until the claim expired after a day."""
    run = run_placement(installation, Schedule("look-up", back_to=back_to, lost_at=13))
    assert (run.record["state"], run.answers[0].status) == ("claimed", 200)
    assert judge(run) == []


def test_a_doubt_about_an_order_that_redis_has_lost_can_be_settled_as_placed(
    installation: SimulatedInstallation,
) -> None:
    """The record was written again without the order, and `order resolve --placed` advised to settle it as not placed."""
    run = run_placement(installation, Schedule("claim", Outcome.REPLY_LOST, back_to=EMPTIED, lost_at=7))
    assert (run.by_person, len(run.tickets), run.record["state"]) == (True, 1, "placed")
    assert judge(run) == []


def test_a_key_keeps_its_refusal_when_another_key_begins_a_new_attempt(installation: SimulatedInstallation) -> None:
    """The first key got the refusal of the newer attempt."""
    run = run_placement(installation, Schedule("native", Outcome.REFUSED, duplicate_at=9, other_key=True))
    bodies = {key: {answer.body for answer in run.answers if answer.key == key} for key in ("k1", "k2")}
    assert {key: len(told) for key, told in bodies.items()} == {"k1": 1, "k2": 1}
    assert bodies["k1"] != bodies["k2"]
    assert judge(run) == []


# -- planted faults ----------------------------------------------------------------------------------------------------


def test_a_settlement_before_the_call_is_found(
    installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_pos = Placement._call_pos

    def release_first(self: Placement, attempt: Attempt, *rest: Any) -> None:
        self._records.settle(attempt.claim, AttemptOutcome.RELEASED)
        call_pos(self, attempt, *rest)

    monkeypatch.setattr(Placement, "_call_pos", release_first)
    assert "2 tickets" in judge(run_placement(installation, Schedule("claim", stops=(9,))))


def test_a_call_without_a_claim_is_found(installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = PlacementStore.claim

    def forget(self: PlacementStore, **arguments: Any) -> Any:
        granted = claim(self, **arguments)
        self._redis.delete(self._keys.order(arguments["gett_id"]))
        return granted

    monkeypatch.setattr(PlacementStore, "claim", forget)
    run = run_placement(installation, Schedule("claim", duplicate_at=7))
    assert any("tickets" in complaint for complaint in judge(run))


def test_a_placement_without_a_look_up_is_found(
    installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Placement, "_look_up", lambda _self, _attempt: None)
    assert "2 tickets" in judge(run_placement(installation, Schedule("look-up", stops=(9,))))


def test_a_ticket_that_is_not_confirmed_is_found(
    installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = PlacementStore.settle

    def without_update(self: PlacementStore, *arguments: Any, **named: Any) -> SettleResult:
        return settle(self, *arguments, **named | {"update": ""})

    monkeypatch.setattr(PlacementStore, "settle", without_update)
    assert judge(run_placement(installation, Schedule("native")))


def test_a_thread_of_an_earlier_test_does_not_move_the_clock(installation: SimulatedInstallation) -> None:
    before = installation.clock.now
    thread = threading.Thread(target=vars(placement_module)["time"].sleep, args=(0.01,))
    thread.start()
    thread.join()
    assert installation.clock.now == before
