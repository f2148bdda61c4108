"""``kit.reconciler``: comparison of the POS with the updates that were sent to Gett. Missing updates are appended.

Gett has no call to read an order's status, so the lanes stand for what Gett has. If Redis was emptied and an order's lane is lost,
its state is appended again under its orderRef, which equals Gett's id where there was one. An adapter that cannot list its orders is
asked (``find_order``) for those that its POS has not confirmed. A lane never goes back, so a
comparison that is out of date when it is written changes nothing. An update that Gett has rejected, or that a person has
discarded, is not appended again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import redis

from webhook_kit.adapter import Capability, Placed, PlacedStatus, PosAdapter, PosOrder, Store, StoreState
from webhook_kit.errors import OperationRejected, Unsupported
from webhook_kit.gett.models.store import OrderState, OrderStatus, PauseReason, StoreAvailability
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.order_updates import KnownOrder, OrderUpdates
from webhook_kit.outbox.updates import Kind, from_pos, order_progress
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.printing import described
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.concurrency import for_each_store
from webhook_kit.stores.status import Owner, StoreStatusService

__all__ = ["Comparison", "ComparisonOutcome", "Reconciler", "ReconciliationReport"]

log = logger("reconciliation")

_Result = TypeVar("_Result")

_ESTIMATE_TOLERANCE = timedelta(minutes=1)
"""Estimates closer than this are equal: many POS systems compute a new estimate for each call."""


class ComparisonOutcome(StrEnum):
    """Outcome of one comparison."""

    UP_TO_DATE = "up to date"
    APPENDED = "appended"
    STALE = "stale"
    """Gett has a later update than the POS reports."""
    GIVEN_UP = "given up"
    """Gett has rejected this update, or a person has discarded it; see ``webhook-kit outbox dead-letters``."""
    PLACING = "being placed"
    UNKNOWN_ORDER = "unknown order"
    """The order did not come from Gett, or belongs to another store."""
    MISSING = "not at the POS"
    """The POS has no ticket of an order that it took as pending."""
    REJECTED = "rejected"
    """The update cannot be sent; the comparison says why."""


_OUTCOMES = {
    AppendResult.OK: ComparisonOutcome.APPENDED,
    AppendResult.DUPLICATE: ComparisonOutcome.UP_TO_DATE,
    AppendResult.STALE: ComparisonOutcome.STALE,
    AppendResult.CLOSED: ComparisonOutcome.STALE,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of one order, or of the store's status.

    :ivar subject: the order's name, or ``store``.
    :ivar last_sent: the last update to Gett, as text.
    :ivar reported: the report of the POS, as text.
    :ivar why: explanation of the outcome, for people.
    """

    subject: str
    last_sent: str
    reported: str
    outcome: ComparisonOutcome
    why: str = ""


@dataclass(slots=True)
class ReconciliationReport:
    """Result of the reconciliation of one store.

    :ivar remarks: comparisons that were skipped because the adapter does not offer them.
    :ivar failures: comparisons that failed.
    """

    store_id: str
    comparisons: list[Comparison] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[ComparisonOutcome]:
        """Number of comparisons by outcome."""
        return Counter(comparison.outcome for comparison in self.comparisons)

    def lines(self) -> list[str]:
        """Return the text for people: every difference, remark and failure."""
        uninteresting = (ComparisonOutcome.UP_TO_DATE, ComparisonOutcome.UNKNOWN_ORDER)
        differences = [
            f"{self.store_id}  {each.subject}: last sent to Gett {each.last_sent}, the POS reports {each.reported}: {each.outcome}"
            + (f" ({each.why})" if each.why else "")
            for each in self.comparisons
            if each.outcome not in uninteresting
        ]
        return differences + [f"{self.store_id}  {text}" for text in (*self.remarks, *self.failures)]


class Reconciler:
    """Compares stores and their orders, and appends missing updates."""

    def __init__(
        self,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        order_updates: OrderUpdates,
        lanes: Lanes,
        pos_executor: PosExecutor,
        settings: Settings,
    ) -> None:
        self._stores = stores
        self._store_status = store_status
        self._order_updates = order_updates
        self._lanes = lanes
        self._pos_executor = pos_executor
        self._window = timedelta(seconds=settings.reconcile_window)
        self._order_ttl = settings.order_ttl

    def reconcile(self, store: Store, *, status: bool = True) -> ReconciliationReport:
        """Compare one store. Errors of its POS or adapter are part of the report.

        :param status: False skips the store's status, which the health checks take care of.
        :raises redis.RedisError: Redis is out of reach; updates that were appended by then stay.
        """
        report = ReconciliationReport(store.id)
        self._compare_orders(store, report)
        if status:
            self._compare_status(store, report)
        if appended := report.counts[ComparisonOutcome.APPENDED]:
            log.warning("missing_updates_appended", store=store.id, updates=appended)
        for failure in report.failures:
            log.warning("comparison_failed", store=store.id, why=failure)
        return report

    def reconcile_all(
        self, stores: Iterable[Store], on_progress: Callable[[ReconciliationReport], object] = lambda _: None
    ) -> list[ReconciliationReport]:
        """Compare many stores, several at a time. A failure of one store does not affect the others.

        :param on_progress: called in this thread with each store's report as soon as it is complete.
        :return: the reports in the order of the stores.
        """
        return for_each_store(stores, self._guarded, on_progress, name="reconcile")

    def _guarded(self, store: Store) -> ReconciliationReport:
        try:
            return self.reconcile(store)
        except redis.RedisError as error:
            return ReconciliationReport(store.id, failures=[f"Redis is out of reach: {error}"])
        except Exception as error:
            log.exception("comparison_failed", store=store.id)
            return ReconciliationReport(store.id, failures=[described(error)])

    def _call_pos(
        self, store: Store, method: str, call: Callable[[], _Result], report: ReconciliationReport
    ) -> _Result | None:
        try:
            return self._pos_executor.run(store.id, method, call)
        except Unsupported:
            report.remarks.append(f"the adapter does not offer {method}")
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
            report.failures.append(f"{method} failed: {described(error)}")
        return None

    # -- orders --------------------------------------------------------------------------------------------------------

    def _compare_orders(self, store: Store, report: ReconciliationReport) -> None:
        adapter, since = self._stores.adapter(store), datetime.now(UTC) - self._window
        pos_orders: object = self._call_pos(
            store, "orders_since", lambda: list(adapter.orders_since(store, since)), report
        )
        if not isinstance(pos_orders, list):
            if not adapter.offers(Capability.ORDERS_SINCE) and adapter.offers(Capability.FIND_ORDER):
                self._look_up_unconfirmed(store, adapter, since, report)
            return
        ambiguous = _ambiguous_ids(pos_orders)
        for pos_order in pos_orders:
            if isinstance(pos_order, PosOrder) and not pos_order.order_ref and str(pos_order.id) in ambiguous:
                report.failures.append(
                    f"orders_since returned several orders with the id {pos_order.id}; give their order_ref"
                )
                continue
            if not isinstance(pos_order, PosOrder):
                report.failures.append(f"orders_since returned a {type(pos_order).__name__} instead of a PosOrder")
                continue
            try:
                report.comparisons.append(self._compare_order(store, pos_order))
            except redis.RedisError:
                raise
            except Exception as error:  # noqa: BLE001 - an adapter may return fields of any type
                report.failures.append(f"order {pos_order.id} cannot be compared: {described(error)}")

    def _look_up_unconfirmed(
        self, store: Store, adapter: PosAdapter, since: datetime, report: ReconciliationReport
    ) -> None:
        """Ask a POS that cannot list its orders for each one that it has not confirmed: the event may be lost."""
        for order in self._order_updates.unconfirmed(store.id, since.timestamp()):
            failures = len(report.failures)
            ticket: object = self._call_pos(store, "find_order", partial(adapter.find_order, store, order.ref), report)
            if len(report.failures) > failures:
                return  # the POS would fail for the others too
            if isinstance(ticket, Placed) and ticket.status is PlacedStatus.ACCEPTED:
                outcome = _OUTCOMES[self._order_updates.append(order, order_progress(OrderStatus.CONFIRMED))]
                report.comparisons.append(Comparison(order.ref, "nothing", "confirmed", outcome))
            elif ticket is None:
                report.comparisons.append(Comparison(order.ref, "nothing", "nothing", ComparisonOutcome.MISSING))

    def _compare_order(self, store: Store, pos_order: PosOrder) -> Comparison:
        reported = _described(pos_order.status, pos_order.state, pos_order.reason)
        subject = pos_order.order_ref or pos_order.id
        order = self._order_updates.find_by_pos_reference(store.id, pos_order.id, pos_order.order_ref)
        if order is None and pos_order.order_ref and self._order_updates.find(pos_order.order_ref) is None:
            order = KnownOrder(pos_order.order_ref, pos_order.order_ref, store.id)
        if order is None:
            return Comparison(subject, "nothing", reported, ComparisonOutcome.UNKNOWN_ORDER)
        lane = self._lanes.state(order.lane)
        last_sent = _body(lane, "last") or _body(lane, "acknowledged")
        outcome, why = self._append_if_missing(order, pos_order, last_sent, _body(lane, "undelivered"))
        described = _described(last_sent.get("status"), last_sent.get("state"), last_sent.get("cancelReason"))
        return Comparison(order.ref, described, reported, outcome, why)

    def _append_if_missing(
        self, order: KnownOrder, pos_order: PosOrder, last_sent: dict[str, Any], given_up: dict[str, Any]
    ) -> tuple[ComparisonOutcome, str]:
        if order.placing:
            return ComparisonOutcome.PLACING, ""
        if pos_order.status is None and pos_order.state in (None, OrderState.OPEN):
            return ComparisonOutcome.UP_TO_DATE, ""  # pending, which is the state at Gett from the start
        try:
            update = from_pos(pos_order)
        except OperationRejected as error:
            return ComparisonOutcome.REJECTED, str(error)
        if _same_step(update.body, last_sent) and _same_estimate(update.body, last_sent):
            outcome = ComparisonOutcome.UP_TO_DATE
        elif _same_step(update.body, given_up):
            outcome = ComparisonOutcome.GIVEN_UP
        else:
            outcome = _OUTCOMES[self._order_updates.append(order, update)]
        if pos_order.id:
            ended = pos_order.state not in (None, OrderState.OPEN)
            self._order_updates.remember_pos_id(order, pos_order.id, self._order_ttl, ended=ended)
        return outcome, ""

    # -- the store's status --------------------------------------------------------------------------------------------

    def _compare_status(self, store: Store, report: ReconciliationReport) -> None:
        lane, adapter = lane_name(Kind.STORE, store.id), self._stores.adapter(store)
        before = self._lanes.state(lane)
        state: object = self._call_pos(store, "store_status", lambda: adapter.store_status(store), report)
        if state is None or state is StoreState.UNKNOWN:
            return
        if not isinstance(state, StoreState):
            report.failures.append(f"store_status returned a {type(state).__name__} instead of a StoreState")
            return
        last_sent = _body(before, "last") or _body(before, "acknowledged")
        paused = last_sent.get("status") == StoreAvailability.PAUSED and not _is_past(last_sent.get("resumeAt"))
        outcome, why = ComparisonOutcome.UP_TO_DATE, ""
        if (state is not StoreState.OPEN) is not paused:
            if self._lanes.state(lane).get("last") != before.get("last"):
                outcome, why = ComparisonOutcome.STALE, "the status was changed during the comparison"
            else:
                outcome, why = self._append_status(store, state, _body(before, "undelivered"))
        report.comparisons.append(Comparison("store", last_sent.get("status") or "nothing", state, outcome, why))

    def _append_status(
        self, store: Store, state: StoreState, given_up: dict[str, Any]
    ) -> tuple[ComparisonOutcome, str]:
        status = StoreAvailability.ONLINE if state is StoreState.OPEN else StoreAvailability.PAUSED
        if given_up.get("status") == status:
            return ComparisonOutcome.GIVEN_UP, ""
        try:
            if state is StoreState.OPEN:
                return _OUTCOMES[self._store_status.resume(store, owner=Owner.POS)], ""
            reason = PauseReason.OPERATIONAL_ISSUES if state is StoreState.DOWN else PauseReason.OTHER
            return _OUTCOMES[self._store_status.pause(store, reason, owner=Owner.POS)], ""
        except OperationRejected as error:
            return ComparisonOutcome.REJECTED, str(error)


def _ambiguous_ids(pos_orders: Iterable[object]) -> set[str]:
    """Return the ids that the POS uses for several orders. The same order may be listed twice, by pages that overlap."""
    known: dict[str, PosOrder] = {}
    listed = [order for order in pos_orders if isinstance(order, PosOrder) and isinstance(order.id, str)]
    return {order.id for order in listed if known.setdefault(order.id, order) != order}


def _body(lane: dict[str, str], name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(lane.get(name) or "{}")
    return body


def _same_step(body: dict[str, Any], last_sent: dict[str, Any]) -> bool:
    return bool(last_sent) and (body.get("status"), body.get("state")) == (
        last_sent.get("status"),
        last_sent.get("state"),
    )


def _same_estimate(body: dict[str, Any], last_sent: dict[str, Any]) -> bool:
    reported, sent = body.get("estimatedReadyAt"), last_sent.get("estimatedReadyAt")
    if reported is None or sent is None:
        return reported is None  # a missing estimate is not a difference
    return abs(datetime.fromisoformat(reported) - datetime.fromisoformat(sent)) < _ESTIMATE_TOLERANCE


def _is_past(resume_at: str | None) -> bool:
    return resume_at is not None and datetime.fromisoformat(resume_at) <= datetime.now(UTC)


def _described(status: str | None, state: str | None, reason: str | None) -> str:
    if state not in (None, OrderState.OPEN):
        return f"{state}: {reason}" if reason else str(state)
    return status or "nothing"
