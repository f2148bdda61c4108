"""The updates of one order on their way to Gett, through stopped processes, second senders and losses of Redis."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import combinations, count

from tests.simulation.installation import Image, SimulatedInstallation
from tests.simulation.process import SimulatedProcess, Stopped
from webhook_kit.errors import GettUnreachable
from webhook_kit.gett.http import ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.outbox.order_updates import KnownOrder
from webhook_kit.outbox.updates import order_ended, order_progress

__all__ = ["OUTBOX_FAMILIES", "Gett", "OutboxRun", "OutboxSchedule", "judge_outbox", "run_outbox"]

ORDER = KnownOrder("g1", "g1", "main")
ACTORS = (("confirmed",), (), ("preparing", "ready"), (), ("completed",), ())
"""The events, one after the other: these steps are appended, or, where there is none, everything is sent."""
STEPS = [step for steps in ACTORS for step in steps]
_AFTER_LEASE = 40.0


class Gett(StrEnum):
    """Behaviour of Gett at the first request; it takes all others."""

    TAKES = "takes"
    FAILS = "fails"
    """It answers 503."""
    REPLY_LOST = "reply lost"
    """It takes the update, and its reply is lost."""


@dataclass(frozen=True)
class OutboxSchedule:
    """The events around the updates of an order.

    :ivar stops: actor and point of each stop.
    :ivar second: actor and point at which a second sender comes, and goes to its end.
    :ivar early: actor and point at which the next step is appended already.
    :ivar back_to: actor and point to which Redis goes back; None with ``lost_at``: it is emptied.
    :ivar lost_at: actor and point at which this happens.
    """

    gett: Gett = Gett.TAKES
    stops: tuple[tuple[int, int], ...] = ()
    second: tuple[int, int] | None = None
    early: tuple[int, int] | None = None
    back_to: tuple[int, int] | None = None
    lost_at: tuple[int, int] | None = None


@dataclass
class OutboxRun:
    """The end of a run.

    :ivar points: number of points that each actor passed.
    :ivar received: status or state of each request that reached Gett.
    """

    schedule: OutboxSchedule
    points: list[int] = field(default_factory=list)
    stopped: int = 0
    received: list[str] = field(default_factory=list)
    waiting: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    acknowledged: str = ""


def run_outbox(installation: SimulatedInstallation, schedule: OutboxSchedule) -> OutboxRun:
    """Run a schedule until nothing waits any more."""
    return _Outbox(installation, schedule).run()


class _Outbox:
    def __init__(self, installation: SimulatedInstallation, schedule: OutboxSchedule) -> None:
        self._installation = installation
        self._schedule = schedule
        self._stops = dict(schedule.stops)
        self._run = OutboxRun(schedule)
        self._image: Image = {}
        self._steps = list(STEPS)  # those that the POS has not reported yet

    def run(self) -> OutboxRun:
        run, installation = self._run, self._installation
        installation.reset("native")
        installation.answer = _gett(self._schedule.gett)
        for actor, steps in enumerate(ACTORS):
            process = SimulatedProcess(partial(self._at_point, actor), self._stops.get(actor))
            if steps:
                self._report(process, len([step for step in steps if step in self._steps]))
            else:
                self._work(process, _send_all)
                installation.clock.sleep(_AFTER_LEASE)
            run.points.append(len(process.points))
        self._work(SimulatedProcess(), lambda kit: _send_the_rest(installation, kit))
        bodies = [json.loads(body) for _, body in installation.gett]
        run.received = [body.get("status") or body["state"] for body in bodies]
        self._work(SimulatedProcess(), self._look)
        return run

    def _report(self, process: SimulatedProcess, number: int) -> None:
        """Let a process append the next updates. If it is stopped, the POS sends its event again."""
        for _ in range(number):
            step = self._steps.pop(0)
            if not self._work(process, partial(_append, step)):
                process = SimulatedProcess()
                self._work(process, partial(_append, step))

    def _at_point(self, actor: int, point: int) -> None:
        schedule, here = self._schedule, (actor, point)
        if here == schedule.back_to:
            self._image = self._installation.image()
        if here == schedule.lost_at:
            self._installation.restore(self._image)
        if here == schedule.second:
            self._work(SimulatedProcess(), _send_all)
        if here == schedule.early:
            self._report(SimulatedProcess(), 1)

    def _work(self, process: SimulatedProcess, action: Callable[[Kit], None]) -> bool:
        """Let a process work. Return False if it was stopped."""
        with suppress(Stopped):
            self._installation.run("native", process, action)
        self._run.stopped += process.stopped
        return not process.stopped

    def _look(self, kit: Kit) -> None:
        run = self._run
        run.waiting, run.counts = kit.lanes.count_waiting(), kit.lanes.counts()
        acknowledged = json.loads(kit.lanes.state(ORDER.lane).get("acknowledged") or "{}")
        run.acknowledged = acknowledged.get("status") or acknowledged.get("state") or ""


def _append(step: str, kit: Kit) -> None:
    kit.order_updates.append(ORDER, order_ended(step) if step == "completed" else order_progress(step))


def judge_outbox(run: OutboxRun) -> list[str]:
    """Return what contradicts ``outbox.md``: each update once or more, in order, none back, none left."""
    complaints = []
    if run.received[-1:] != ["completed"] or run.acknowledged != "completed":
        complaints.append(f"Gett got {run.received}, and {run.acknowledged or 'nothing'} is recorded")
    if run.waiting:
        complaints.append(f"{run.waiting} lanes still wait")
    if run.schedule.lost_at is not None:
        return complaints  # what Gett has taken is sent once more, and an update of the last second may be lost
    if (ranks := [STEPS.index(step) for step in run.received]) != sorted(ranks):
        complaints.append(f"the order goes back at Gett: {run.received}")
    if (again := len(run.received) - len(set(run.received))) > run.stopped + (run.schedule.gett is not Gett.TAKES):
        complaints.append(f"{again} updates were sent again, after {run.stopped} stops")
    ended = sum(run.counts.get(name, 0) for name in ("sent", "merged"))
    if not run.counts["appended"] == ended == len(STEPS):
        complaints.append(f"not every update is counted once: {run.counts}")
    return complaints


def one_stop(schedule: OutboxSchedule, run: Callable[[OutboxSchedule], OutboxRun]) -> Iterator[OutboxRun]:
    """Stop one actor at each point."""
    yield run(schedule)
    for actor in range(len(ACTORS)):
        for point in count():
            seen = run(replace(schedule, stops=((actor, point),)))
            if not seen.stopped:
                break
            yield seen


def two_stops(schedule: OutboxSchedule, run: Callable[[OutboxSchedule], OutboxRun]) -> Iterator[OutboxRun]:
    """Stop two actors, each at each point."""
    for first, second in combinations(range(len(ACTORS)), 2):
        for point in count():
            if not run(replace(schedule, stops=((first, point),))).stopped:
                break
            for other in count():
                seen = run(replace(schedule, stops=((first, point), (second, other))))
                if seen.stopped < 2:
                    break
                yield seen


def interleaved(schedule: OutboxSchedule, run: Callable[[OutboxSchedule], OutboxRun]) -> Iterator[OutboxRun]:
    """Let a second sender, or the next update, come at each point of a sender that goes on or is stopped at a later point."""
    points = run(schedule).points
    for actor in (1, 3):
        for point in range(points[actor]):
            for name in ("second", "early"):
                there = replace(schedule, **{name: (actor, point)})  # type: ignore[arg-type]
                yield run(there)
                for stop in count(point):
                    seen = run(replace(there, stops=((actor, stop),)))
                    if not seen.stopped:
                        break
                    yield seen


def losses(schedule: OutboxSchedule, run: Callable[[OutboxSchedule], OutboxRun]) -> Iterator[OutboxRun]:
    """Let Redis go back from each point of a sender to each earlier point, or empty it; the sender goes on or is stopped there."""
    points = run(schedule).points
    order = [(actor, point) for actor in range(4) for point in range(points[actor])]
    for at, lost_at in enumerate(order):
        for back_to in [None, *order[: at + 1]]:
            for stops in ((), (lost_at,)):
                yield run(replace(schedule, lost_at=lost_at, back_to=back_to, stops=stops))


OUTBOX_FAMILIES = {
    "updates: one stop": one_stop,
    "updates: two stops": two_stops,
    "updates: a second sender, or the next update": interleaved,
    "updates: loss of Redis": losses,
}


def _gett(behaviour: Gett) -> Callable[[int], ApiResponse]:
    def answer(number: int) -> ApiResponse:
        if number == 1 and behaviour is Gett.FAILS:
            return ApiResponse(503, {}, b"{}")
        if number == 1 and behaviour is Gett.REPLY_LOST:
            raise GettUnreachable("the reply was lost")
        return ApiResponse(202, {}, b'{"status": "online"}')

    return answer


def _send_all(kit: Kit) -> None:
    while leases := kit.lanes.lease(1, 30_000).leases:
        kit.dispatcher.send(leases[0])


def _send_the_rest(installation: SimulatedInstallation, kit: Kit) -> None:
    for _ in range(20):
        _send_all(kit)
        wait = kit.lanes.lease(1, 30_000).wait
        if wait < 0:
            return
        installation.clock.sleep(wait + 0.001)
