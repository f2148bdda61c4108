"""A slice of the simulation of the outbox; ``make simulate`` runs the whole. Each planted fault has to be found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.installation import SimulatedInstallation
from tests.simulation.outbox import OUTBOX_FAMILIES, Gett, OutboxSchedule, judge_outbox, run_outbox
from webhook_kit.outbox.dispatcher import Dispatcher
from webhook_kit.outbox.lanes import Lanes, Lease


def broken(installation: SimulatedInstallation, kind: str, gett: Gett = Gett.TAKES) -> dict[str, list[str]]:
    """Return every schedule of a kind that contradicts the promises, and how."""
    runs = list(OUTBOX_FAMILIES[kind](OutboxSchedule(gett), lambda one: run_outbox(installation, one)))
    assert len(runs) > 20
    return {str(run.schedule): complaints for run in runs if (complaints := judge_outbox(run))}


@pytest.mark.parametrize("gett", Gett)
def test_every_single_stop(installation: SimulatedInstallation, gett: Gett) -> None:
    assert broken(installation, "updates: one stop", gett) == {}


def test_a_second_sender_or_the_next_update_at_each_point(installation: SimulatedInstallation) -> None:
    assert broken(installation, "updates: a second sender, or the next update") == {}


def test_an_update_that_is_recorded_before_it_is_sent_is_found(
    installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Dispatcher.send

    def acknowledge_first(self: Dispatcher, lease: Lease) -> None:
        self._lanes.acknowledge(lease, 202)
        send(self, lease)

    monkeypatch.setattr(Dispatcher, "send", acknowledge_first)
    seen = [run_outbox(installation, OutboxSchedule(stops=((5, point),))) for point in range(6)]
    assert any(judge_outbox(run) for run in seen)


def test_a_lease_that_is_not_kept_is_found(
    installation: SimulatedInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lanes.lease

    def free_again(self: Lanes, *arguments: Any, **named: Any) -> Any:
        result = lease(self, *arguments, **named)
        for leased in result.leases:
            self._redis.zadd(self._keys.ready, {leased.lane: 1})
        return result

    monkeypatch.setattr(Lanes, "lease", free_again)
    second = [run_outbox(installation, OutboxSchedule(second=(1, point))) for point in range(6)]
    assert any(judge_outbox(run) for run in second)
