"""Every schedule of a family, found by running: the points of an attempt are known when it has passed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from tests.simulation.installation import SimulatedInstallation
from tests.simulation.oracle import judge
from tests.simulation.outbox import OUTBOX_FAMILIES, Gett, OutboxSchedule, judge_outbox, run_outbox
from tests.simulation.placement import AFTER, EMPTIED, PlacementRun, Schedule, run_placement
from tests.simulation.pos import ADAPTERS, Outcome

__all__ = ["FAMILIES", "Family", "Judgement", "OutboxFamily", "families"]

Run = Callable[[Schedule], PlacementRun]
Judgement = tuple[str, list[str]]
"""A schedule as text, and what its run contradicts."""


class Family(NamedTuple):
    """Schedules of one kind for one guarantee and one outcome."""

    kind: str
    level: str
    outcome: Outcome

    def explore(self, installation: SimulatedInstallation) -> Iterator[Judgement]:
        """Run every schedule, and yield what it contradicts."""
        start = Schedule(self.level, self.outcome)
        for run in FAMILIES[self.kind](start, lambda schedule: run_placement(installation, schedule)):
            yield str(run.schedule), judge(run)


class OutboxFamily(NamedTuple):
    """Schedules of the outbox of one kind, for one behaviour of Gett."""

    kind: str
    gett: Gett

    def explore(self, installation: SimulatedInstallation) -> Iterator[Judgement]:
        """Run every schedule, and yield what it contradicts."""
        start = OutboxSchedule(self.gett)
        for run in OUTBOX_FAMILIES[self.kind](start, lambda schedule: run_outbox(installation, schedule)):
            yield str(run.schedule), judge_outbox(run)


def families() -> list[Family | OutboxFamily]:
    """Return every family, the longest first."""
    placement = [
        Family(kind, level, outcome) for kind in reversed(FAMILIES) for level in ADAPTERS for outcome in Outcome
    ]
    return [*placement, *(OutboxFamily(kind, gett) for kind in OUTBOX_FAMILIES for gett in Gett)]


def single(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """Stop one attempt at each point: as it is, with an item that runs out, with the worker's look-up before the retry."""
    for variant in _variants(schedule):
        yield run(variant)
        for point in count():
            seen = run(replace(variant, stops=(point,)))
            if not seen.stopped:
                break
            yield seen


def pairs(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """Stop two attempts, each at each point."""
    for variant in _variants(schedule):
        for first in count():
            if not run(replace(variant, stops=(first,))).stopped:
                break
            for second in count():
                seen = run(replace(variant, stops=(first, second)))
                if seen.stopped < 2:
                    break
                yield seen


def duplicates(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """Let a duplicate come at each point of an attempt that goes on or is stopped there; stop the duplicate at each point, too."""
    for other_key in (False, True):
        for point in range(_points(schedule, run)):
            for stops in ((), (point,)):
                duplicate = replace(schedule, duplicate_at=point, other_key=other_key, stops=stops)
                yield run(duplicate)
                for stop in count():
                    seen = run(replace(duplicate, duplicate_stop=stop))
                    if stop >= len(seen.duplicate):
                        break
                    yield seen


def duplicates_in_pairs(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """Stop two attempts, each at each point, with a duplicate at each point of the first one up to its stop."""
    for first in range(_points(schedule, run)):
        for point in range(first + 1):
            duplicate = replace(schedule, duplicate_at=point, stops=(first,))
            for second in count():
                seen = run(replace(duplicate, stops=(first, second)))
                if seen.stopped < 2:
                    break
                yield seen


def losses_between(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """Stop one attempt, or two, at each point; after the first one, Redis goes back to each earlier point, or is emptied."""
    for variant in _variants(schedule):
        for first in [*range(_points(variant, run)), None]:
            last = _points(variant, run) - 1 if first is None else first
            for back_to in range(EMPTIED, last + 1):
                lost = replace(variant, stops=(first,), back_to=back_to, lost_at=AFTER)
                yield run(lost)
                for second in count():
                    seen = run(replace(lost, stops=(first, second)))
                    if len(seen.attempts) < 2 or seen.stopped < (1 if first is None else 2):
                        break
                    yield seen


def losses_within(schedule: Schedule, run: Run) -> Iterator[PlacementRun]:
    """At each point of an attempt Redis goes back to each earlier point, or is emptied.

    The attempt goes on, or is stopped at each later point, with and without a duplicate straight after the loss.
    """
    for lost_at in range(_points(schedule, run)):
        for back_to in range(EMPTIED, lost_at + 1):
            for duplicate_at in (None, lost_at):
                lost = replace(schedule, back_to=back_to, lost_at=lost_at, duplicate_at=duplicate_at)
                yield run(lost)
                for stop in count(lost_at):
                    seen = run(replace(lost, stops=(stop,)))
                    if not seen.stopped:
                        break
                    yield seen


FAMILIES: dict[str, Callable[[Schedule, Run], Iterator[PlacementRun]]] = {
    "one stop": single,
    "two stops": pairs,
    "duplicates": duplicates,
    "duplicates and two stops": duplicates_in_pairs,
    "loss of Redis between attempts": losses_between,
    "loss of Redis during an attempt": losses_within,
}


def _variants(schedule: Schedule) -> list[Schedule]:
    return [schedule, replace(schedule, runs_out=True), replace(schedule, recovery=True)]


def _points(schedule: Schedule, run: Run) -> int:
    """Return the number of points of an attempt that is left alone."""
    return len(run(schedule).attempts[0])
