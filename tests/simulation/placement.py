"""One order on its way through stopped processes, duplicates and losses of Redis, as a schedule says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.simulation.installation import STORE_ID, Image, SimulatedInstallation
from tests.simulation.pos import POS, Outcome, Ticket
from tests.simulation.process import SimulatedProcess, Stopped
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.problems import Problem
from webhook_kit.kit import Kit
from webhook_kit.operations import actions
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.storage.connection import text

__all__ = ["AFTER", "EMPTIED", "Answer", "PlacementRun", "Schedule", "run_placement"]

EMPTIED = -1
"""As ``back_to``: everything in Redis is lost."""

AFTER = -2
"""As ``lost_at``: after the first attempt has ended."""

ORDER_ID, KEY, OTHER_KEY = "g1", "k1", "k2"
_RETRY = 30.0
"""Seconds after which Gett tries again: longer than a lease here."""
_ATTEMPTS = 6
"""Attempts of Gett, those that were stopped included, before it gives up."""


@dataclass(frozen=True)
class Schedule:
    """The events of an order. Points are numbered as the process passes them.

    :ivar stops: the points at which the first attempts are stopped; None: that one goes to its end.
    :ivar duplicate_at: point of the first attempt at which a duplicate comes and goes to its end.
    :ivar duplicate_stop: the point at which the duplicate is stopped.
    :ivar other_key: the duplicate has another Idempotency-Key.
    :ivar back_to: Redis goes back to its state at this point of the first attempt; :data:`EMPTIED`: it loses everything.
    :ivar lost_at: the point of the first attempt at which this happens; :data:`AFTER`: after the attempt.
    :ivar runs_out: the item is sold out after the first attempt.
    :ivar recovery: the worker looks up orders in doubt before Gett tries again.
    """

    level: str
    outcome: Outcome = Outcome.ACCEPTED
    stops: tuple[int | None, ...] = ()
    duplicate_at: int | None = None
    duplicate_stop: int | None = None
    other_key: bool = False
    back_to: int | None = None
    lost_at: int | None = None
    runs_out: bool = False
    recovery: bool = False

    def __str__(self) -> str:
        """Return the schedule as Python, without what is as usual."""
        usual = Schedule(self.level)
        changed = {name: value for name, value in vars(self).items() if value != getattr(usual, name)}
        parts = [f"{name}={str(value) if name == 'outcome' else value!r}" for name, value in changed.items()]
        return f"Schedule({', '.join([repr(self.level), *parts])})"


class Answer(NamedTuple):
    """An answer that Gett got: not that of a stopped process."""

    key: str
    status: int
    body: str
    detail: str = ""

    @property
    def final(self) -> bool:
        """True if Gett does not try again."""
        return self.status == 200 or (400 <= self.status < 500 and self.status != 409)

    @property
    def partner_order_id(self) -> str:
        """The POS's order id in a receipt."""
        return str(json.loads(self.body)["partnerOrderId"])


@dataclass
class PlacementRun:
    """The end of a run.

    :ivar attempts: the points that each attempt passed, the duplicate's apart.
    :ivar duplicate: the points that the duplicate passed.
    :ivar answers: what Gett got, in this order.
    :ivar call_lost: True if Redis lost the record that the POS is being called.
    :ivar by_person: True if a person had to settle the order.
    :ivar doubt_reported: True if the order was listed as in doubt then.
    :ivar resolvable: False if the person could not settle it as it is at the POS.
    :ivar updates: what the outbox sent to Gett at the end: path and status.
    :ivar waiting: the number of lanes in which an update still waits.
    :ivar held: True if what the POS reports of the order is held back.
    """

    schedule: Schedule
    attempts: list[list[str]] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    stopped: int = 0
    answers: list[Answer] = field(default_factory=list)
    call_lost: bool = False
    tickets: list[Ticket] = field(default_factory=list)
    by_person: bool = False
    doubt_reported: bool = False
    resolvable: bool = True
    record: dict[str, str] = field(default_factory=dict)
    record_ttl: int = 0
    unsettled: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    updates: list[tuple[str, str]] = field(default_factory=list)
    waiting: int = 0
    held: bool = False


def order() -> PlaceOrderRequest:
    """Return the order: one cola, at the price that the customer accepted."""
    line = {"lineItemId": "1", "itemId": "cola", "quantity": 1}
    cart = {"storeId": STORE_ID, "lineItems": [line]}
    return PlaceOrderRequest.model_validate(
        {"gettOrderId": ORDER_ID, "cart": cart, "fulfillmentType": "Pickup", "amounts": {"total": 2.75}}
    )


def run_placement(installation: SimulatedInstallation, schedule: Schedule) -> PlacementRun:
    """Run a schedule to the end: until Gett has a final answer, or a person has decided."""
    return _Placement(installation, schedule).run()


class _Placement:
    def __init__(self, installation: SimulatedInstallation, schedule: Schedule) -> None:
        self._installation = installation
        self._schedule = schedule
        self._level = schedule.level
        self._run = PlacementRun(schedule)
        self._image: Image = {}

    def run(self) -> PlacementRun:
        run, installation, schedule = self._run, self._installation, self._schedule
        installation.reset(self._level)
        POS.reset(schedule.outcome)
        self._until_final(KEY)
        self._work(self._recover)
        if schedule.back_to is None:
            self._attempt(KEY)  # Gett did not get the answer
            if schedule.other_key:
                self._until_final(OTHER_KEY)
        self._work(self._push)
        self._work(self._look)
        run.tickets = list(POS.tickets)
        return run

    def _until_final(self, key: str) -> None:
        """Let Gett try until it has a final answer. If it gives up, a person decides."""
        for _ in range(_ATTEMPTS):
            answer = self._next_attempt(key)
            self._installation.clock.sleep(_RETRY)
            if len(self._run.attempts) == 1:
                self._between()
            if answer is not None and answer.final:
                return
        for _ in range(3):  # the attempt that follows may not reach the POS, or end in doubt again
            if self._installation.field(f"order:{ORDER_ID}", "state") != "released":
                self._decide()
            answer = self._attempt(key)
            self._installation.clock.sleep(_RETRY)
            if answer is not None and answer.final:
                return

    def _next_attempt(self, key: str) -> Answer | None:
        number, stops = len(self._run.attempts), self._schedule.stops
        return self._attempt(
            key, stops[number] if number < len(stops) else None, self._at_point if number == 0 else None
        )

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _attempt(self, key: str, stop: int | None = None, on_point: Any = None) -> Answer | None:
        process = SimulatedProcess(on_point or (lambda _point: None), stop)
        answer = self._place(process, key)
        self._run.attempts.append(process.points)
        return answer

    def _place(self, process: SimulatedProcess, key: str) -> Answer | None:
        def place(kit: Kit) -> Answer:
            store = next(iter(kit.stores))
            try:
                response = kit.placement.place(order(), store, key, instance="/placeOrder", trace_id="0" * 32)
            except Problem as problem:
                return Answer(key, problem.status, "", str(problem))
            return Answer(key, response.status, response.body.decode())

        try:
            answer = self._installation.run(self._level, process, place)
        except Stopped:
            answer = None
        if process.stopped:
            self._run.stopped += 1
            return None
        assert answer is not None
        self._run.answers.append(answer)
        return answer

    def _at_point(self, point: int) -> None:
        schedule = self._schedule
        if point == schedule.back_to:
            self._image = self._installation.image()
        if point == schedule.lost_at:
            self._lose()
        if point == schedule.duplicate_at:
            process = SimulatedProcess(stop_at=schedule.duplicate_stop)
            self._place(process, OTHER_KEY if schedule.other_key else KEY)
            self._run.duplicate = process.points

    def _between(self) -> None:
        schedule = self._schedule
        if schedule.lost_at == AFTER and schedule.back_to is not None:
            self._lose()
        if schedule.runs_out:
            self._work(lambda kit: kit.availability.mark_unavailable(next(iter(kit.stores)), "cola"))
        if schedule.recovery:
            self._work(self._recover)

    def _lose(self) -> None:
        self._installation.restore(self._image)
        self._run.call_lost = self._installation.field(f"order:{ORDER_ID}", "state") in ("", "claimed", "released")

    def _work(self, work: Any) -> None:
        self._installation.run(self._level, SimulatedProcess(), work)

    @staticmethod
    def _recover(kit: Kit) -> None:
        for ref in kit.placement_store.expired():  # one after the other: the worker's threads change nothing else
            kit.placement_recovery._settle(ref)

    def _decide(self) -> None:
        """Let a person look into the POS, and settle the order as it is there."""

        def decide(kit: Kit) -> None:
            if kit.placement_store.find(ORDER_ID) is None:
                return
            self._run.doubt_reported = kit.placement_store.expired() == [ORDER_ID]
            self._run.resolvable = not POS.tickets or bool((kit.placement_store.find(ORDER_ID) or {}).get("order"))
            if not self._run.resolvable:
                return
            actor = Actor("a person", Role.OPERATOR, "cli")
            if POS.tickets:
                actions.settle_placed(kit, actor, ORDER_ID, POS.tickets[0].id)
            else:
                actions.settle_not_placed(kit, actor, ORDER_ID)

        self._run.by_person = True
        self._work(decide)

    def _push(self, kit: Kit) -> None:
        while leases := kit.lanes.lease(1, 30_000).leases:
            kit.dispatcher.send(leases[0])
        self._run.updates = [(path, json.loads(body).get("status", "")) for path, body in self._installation.gett]

    def _look(self, kit: Kit) -> None:
        run = self._run
        run.record = dict(kit.placement_store.find(ORDER_ID) or {})
        run.record_ttl = int(kit.redis.pttl(kit.keys.order(ORDER_ID)))
        run.unsettled = [text(ref) for ref in kit.redis.zrange(kit.keys.unsettled, 0, -1)]
        run.incidents = [incident["kind"] for incident in kit.placement_store.incidents()]
        run.waiting = kit.lanes.count_waiting()
        known = kit.order_updates.find(ORDER_ID)
        run.held = known is not None and known.placing
