"""What the POS says against what Gett was last told; what is missing is told.

Gett has no call to read an order's status, so the lanes are what Gett was told. An order whose lane is gone, because Redis was
emptied, is told anew: by its orderRef, which is Gett's id where there was one. A lane never goes back, so a comparison that is
out of date by the time it is written changes nothing. What Gett has refused, or a person has dropped, is not told again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import redis

from webhook_kit.adapter import PosOrder, Store, StoreState
from webhook_kit.errors import OperationRejected, Unsupported
from webhook_kit.gett.models.store import OrderState, PauseReason, StoreAvailability
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.order_updates import KnownOrder, OrderUpdates
from webhook_kit.outbox.updates import Kind, from_pos
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.concurrency import for_each_store
from webhook_kit.stores.status import Owner, StoreStatusService

__all__ = ["Comparison", "ComparisonOutcome", "Reconciler", "ReconciliationReport"]

log = logger("reconcile")

T = TypeVar("T")

_ESTIMATES_AGREE = timedelta(minutes=1)
"""Estimates closer than this are the same: many POS systems compute theirs anew each time they are asked."""


class ComparisonOutcome(StrEnum):
    """What became of one comparison."""

    ALREADY = "already told"
    APPENDED = "appended"
    STALE = "stale"
    """Gett was told more than the POS says now."""
    GIVEN_UP = "given up before"
    """Gett refused this very update, or a person dropped it: see ``webhook-kit outbox dead-letters``."""
    PLACING = "being placed"
    NOT_OURS = "not ours"
    """The POS names no order that is known here."""
    REFUSED = "refused"
    """It cannot be told; the finding says why."""


_BECAME = {
    AppendResult.OK: ComparisonOutcome.APPENDED,
    AppendResult.DUPLICATE: ComparisonOutcome.ALREADY,
    AppendResult.STALE: ComparisonOutcome.STALE,
    AppendResult.CLOSED: ComparisonOutcome.STALE,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison.

    :ivar subject: the order's name, or ``store``.
    :ivar told: what Gett was told last, in words.
    :ivar now: what the POS says, in words.
    :ivar why: more about the outcome, for people.
    """

    subject: str
    told: str
    now: str
    outcome: ComparisonOutcome
    why: str = ""


@dataclass(slots=True)
class ReconciliationReport:
    """What a store's comparison found.

    :ivar remarks: what could not be compared, because the adapter does not offer it.
    :ivar failures: what could not be compared, because something went wrong.
    """

    store_id: str
    findings: list[Comparison] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[ComparisonOutcome]:
        """How many comparisons ended in which way."""
        return Counter(finding.outcome for finding in self.findings)

    def lines(self) -> list[str]:
        """What a person wants to read: every difference, and everything that could not be compared."""
        quiet = (ComparisonOutcome.ALREADY, ComparisonOutcome.NOT_OURS)
        found = [
            f"{self.store_id}  {f.subject}: Gett was told {f.told}, the POS says {f.now}: {f.outcome}"
            + (f" ({f.why})" if f.why else "")
            for f in self.findings
            if f.outcome not in quiet
        ]
        return found + [f"{self.store_id}  {text}" for text in (*self.remarks, *self.failures)]


class Reconciler:
    """Compares, and appends what is missing."""

    def __init__(
        self,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        orders: OrderUpdates,
        lanes: Lanes,
        calls: PosExecutor,
        settings: Settings,
    ) -> None:
        self._stores = stores
        self._store_status = store_status
        self._orders = orders
        self._lanes = lanes
        self._calls = calls
        self._back = timedelta(seconds=settings.reconcile_window)
        self._ttl = settings.order_ttl

    def reconcile(self, store: Store, *, status: bool = True) -> ReconciliationReport:
        """Compare one store; what its POS or adapter does wrong ends up in the report.

        :param status: False leaves the store's status out, because the monitor looks after it.
        :raises redis.RedisError: when the lanes are out of reach; what was appended by then stays.
        """
        report = ReconciliationReport(store.id)
        self._compare_orders(store, report)
        if status:
            self._compare_status(store, report)
        if appended := report.counts[ComparisonOutcome.APPENDED]:
            log.warning("gett had not been told", store=store.id, updates=appended)
        for failure in report.failures:
            log.warning("not compared", store=store.id, why=failure)
        return report

    def reconcile_all(
        self, stores: Iterable[Store], on_progress: Callable[[ReconciliationReport], object] = lambda _: None
    ) -> list[ReconciliationReport]:
        """Compare many stores, some at a time; one that fails stops no other.

        :param on_progress: called in this thread with each store's report as it is done.
        :return: in the order of the stores.
        """
        return for_each_store(stores, self._guarded, on_progress, name="reconcile")

    def _guarded(self, store: Store) -> ReconciliationReport:
        try:
            return self.reconcile(store)
        except redis.RedisError as error:
            return ReconciliationReport(store.id, failures=[f"Redis is out of reach: {error}"])
        except Exception as error:
            log.exception("comparison failed in an unexpected way", store=store.id)
            return ReconciliationReport(store.id, failures=[repr(error)])

    def _ask(self, store: Store, what: str, call: Callable[[], T], report: ReconciliationReport) -> T | None:
        try:
            return self._calls.run(store.id, call)
        except Unsupported:
            report.remarks.append(f"the adapter does not offer {what}")
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
            report.failures.append(f"{what} failed: {error!r}")
        return None

    # -- orders --------------------------------------------------------------------------------------------------------

    def _compare_orders(self, store: Store, report: ReconciliationReport) -> None:
        adapter, since = self._stores.adapter(store), datetime.now(UTC) - self._back
        found: object = self._ask(store, "orders_since", lambda: list(adapter.orders_since(store, since)), report)
        if not isinstance(found, list):
            return
        for said in found:
            if not isinstance(said, PosOrder):
                report.failures.append(f"orders_since returned a {type(said).__name__}")
                continue
            try:
                report.findings.append(self._compare_order(store, said))
            except redis.RedisError:
                raise
            except Exception as error:  # noqa: BLE001 - members of other types than the contract says
                report.failures.append(f"order {said.id} cannot be compared: {error!r}")

    def _compare_order(self, store: Store, said: PosOrder) -> Comparison:
        now, subject = _words(said.status, said.state, said.reason), said.order_ref or said.id
        order = self._orders.find_by_pos_reference(store.id, said.id, said.order_ref)
        if order is None and said.order_ref and self._orders.find(said.order_ref) is None:
            order = KnownOrder(said.order_ref, said.order_ref, store.id)
        if order is None:
            return Comparison(subject, "nothing", now, ComparisonOutcome.NOT_OURS)
        lane = self._lanes.state(order.lane)
        told = _body(lane, "last") or _body(lane, "acked")
        in_words = _words(told.get("status"), told.get("state"), told.get("cancelReason"))
        outcome, why = self._tell(order, said, told, _body(lane, "given_up"))
        return Comparison(order.ref, in_words, now, outcome, why)

    def _tell(
        self, order: KnownOrder, said: PosOrder, told: dict[str, Any], given_up: dict[str, Any]
    ) -> tuple[ComparisonOutcome, str]:
        if order.placing:
            return ComparisonOutcome.PLACING, ""
        if said.status is None and said.state in (None, OrderState.OPEN):
            return ComparisonOutcome.ALREADY, ""  # pending, as Gett has it from the start
        try:
            update = from_pos(said)
        except OperationRejected as error:
            return ComparisonOutcome.REFUSED, str(error)
        if _same_step(update.body, told) and _same_estimate(update.body, told):
            outcome = ComparisonOutcome.ALREADY
        elif _same_step(update.body, given_up):
            outcome = ComparisonOutcome.GIVEN_UP
        else:
            outcome = _BECAME[self._orders.append(order, update)]
        if said.id:
            self._orders.remember_pos_id(order, said.id, self._ttl)
        return outcome, ""

    # -- the store's status --------------------------------------------------------------------------------------------

    def _compare_status(self, store: Store, report: ReconciliationReport) -> None:
        lane, adapter = lane_name(Kind.STORE, store.id), self._stores.adapter(store)
        before = self._lanes.state(lane)
        state: object = self._ask(store, "store_status", lambda: adapter.store_status(store), report)
        if state is None or state is StoreState.UNKNOWN:
            return
        if not isinstance(state, StoreState):
            report.failures.append(f"store_status returned {type(state).__name__}")
            return
        told = _body(before, "last") or _body(before, "acked")
        paused = told.get("status") == StoreAvailability.PAUSED and not _is_over(told.get("resumeAt"))
        outcome, why = ComparisonOutcome.ALREADY, ""
        if (state is not StoreState.OPEN) is not paused:
            if self._lanes.state(lane).get("last") != before.get("last"):
                outcome, why = ComparisonOutcome.STALE, "somebody said something else meanwhile"
            else:
                outcome, why = self._tell_status(store, state, _body(before, "given_up"))
        report.findings.append(Comparison("store", told.get("status") or "nothing", state, outcome, why))

    def _tell_status(self, store: Store, state: StoreState, given_up: dict[str, Any]) -> tuple[ComparisonOutcome, str]:
        wanted = StoreAvailability.ONLINE if state is StoreState.OPEN else StoreAvailability.PAUSED
        if given_up.get("status") == wanted:
            return ComparisonOutcome.GIVEN_UP, ""
        try:
            if state is StoreState.OPEN:
                return _BECAME[self._store_status.resume(store, owner=Owner.POS)], ""
            reason = PauseReason.OPERATIONAL_ISSUES if state is StoreState.DOWN else PauseReason.OTHER
            return _BECAME[self._store_status.pause(store, reason, owner=Owner.POS)], ""
        except OperationRejected as error:
            return ComparisonOutcome.REFUSED, str(error)


def _body(lane: dict[str, str], which: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lane.get(which) or "{}")
    return found


def _same_step(body: dict[str, Any], told: dict[str, Any]) -> bool:
    return bool(told) and (body.get("status"), body.get("state")) == (told.get("status"), told.get("state"))


def _same_estimate(body: dict[str, Any], told: dict[str, Any]) -> bool:
    now, known = body.get("estimatedReadyAt"), told.get("estimatedReadyAt")
    if now is None or known is None:
        return now is None  # an estimate that the POS no longer gives was none the worse
    return abs(datetime.fromisoformat(now) - datetime.fromisoformat(known)) < _ESTIMATES_AGREE


def _is_over(resume_at: str | None) -> bool:
    return resume_at is not None and datetime.fromisoformat(resume_at) <= datetime.now(UTC)


def _words(status: str | None, state: str | None, reason: str | None) -> str:
    if state not in (None, OrderState.OPEN):
        return f"{state}: {reason}" if reason else str(state)
    return status or "nothing"
