"""``kit.stuck_orders``: alerts for orders that a person has to look after, each once per order.

* The POS took the order as pending, and did not confirm it within ``UNCONFIRMED_AFTER`` seconds. With ``CANCEL_UNCONFIRMED`` it
  is cancelled at the POS, and then at Gett.
* Gett has no such order: an update became a dead letter with status 404.
* The POS may have the order twice, has it although it was refused, or uses the id of another order for it: incidents of the
  idempotency store.

The POS is asked at most once to cancel an order, unless it is certain that nothing reached it. If the outcome of that call is
unknown, a person has to find out: because the call failed, or because its worker ended.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import takewhile
from typing import Any

import redis

from webhook_kit.adapter import Placed, PlacedStatus
from webhook_kit.errors import AdapterError, CircuitOpen, ConcurrencyLimit, NotPlaced, OperationRejected, Unsupported
from webhook_kit.logs import logger
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.printing import described
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import OUT_OF_REACH, text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script
from webhook_kit.stores import StoreDirectory

__all__ = ["StuckOrderMonitor"]

log = logger("stuck_orders")

_OVERLAP = 60.0
"""Seconds before the last check that are checked again, in case the clock of the server was set back."""

_INCIDENTS: dict[str, str] = {
    Alert.DUPLICATE: "known as {known}, reported as {reported}",
    Alert.PLACED_AFTER_REFUSAL: "known as {known}, reported as {reported}",
    Alert.POS_ID_REUSED: "the POS's order id {reported} belongs to order {known} too; the orderRef decides",
}
"""Incidents of the idempotency store, with the text of their alert."""

_LEASE_MARGIN = 30.0
"""Seconds beyond the deadline of a POS call after which the process that made it is taken for dead."""

_REASON = "the restaurant did not confirm the order in time"


class StuckOrderMonitor:
    """Detects orders that are stuck without an error. Any number of processes may run it at the same time.

    The first check of a process reads everything; each later one reads what has become due since, and what is still open.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        placement_store: PlacementStore,
        order_updates: OrderUpdates,
        stores: StoreDirectory,
        pos_executor: PosExecutor,
        dead_letters: DeadLetters,
        alerts: Alerts,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._placement_store = placement_store
        self._order_updates = order_updates
        self._stores = stores
        self._pos_executor = pos_executor
        self._dead_letters = dead_letters
        self._alerts = alerts
        self._settings = settings
        self._last_unconfirmed = self._last_dead_letter = 0.0
        self._newest_incident: list[dict[str, Any]] = []
        self._open: set[str] = set()
        self._begin = Script(connection, keys, "webhook_kit.monitoring/begin_cancellation")
        self._end = Script(connection, keys, "webhook_kit.monitoring/end_cancellation")

    def check(self) -> int:
        """Check all orders once.

        :return: the number of alerts that were raised.
        """
        raised = 0
        for check in (self._check_unconfirmed, self._check_dead_letters, self._check_duplicates):
            try:
                raised += check()
            except OUT_OF_REACH:
                raise
            except Exception:  # the other checks are made all the same
                log.exception("stuck_order_check_failed")
        return raised

    def _check_unconfirmed(self) -> int:
        now, key = redis_time(self._redis), self._keys.unconfirmed
        self._redis.zremrangebyscore(key, "-inf", (now - self._settings.order_ttl) * 1000)
        latest = now - self._settings.unconfirmed_after
        still_open = [ref for ref in self._open if self._redis.zscore(key, ref) is not None]
        due = self._redis.zrangebyscore(key, (self._last_unconfirmed - _OVERLAP) * 1000, latest * 1000)
        self._open = set(still_open)
        raised = 0
        for ref in dict.fromkeys([*still_open, *map(text, due)]):
            self._open.add(ref)
            try:
                raised += self._handle_unconfirmed(ref)
            except OUT_OF_REACH:
                raise
            except Exception:  # the other orders are handled all the same
                log.exception("unconfirmed_order_failed", order=ref)
        self._last_unconfirmed = latest
        return raised

    def _handle_unconfirmed(self, ref: str) -> int:
        seconds = f"{self._settings.unconfirmed_after:g} s"
        why = f"the POS took the order as pending and has not confirmed it for {seconds}"
        raised = int(self._alerts.raise_once(Alert.UNCONFIRMED, ref, why))
        cancelled = self._cancel_once(ref) if self._settings.cancel_unconfirmed else 0
        if cancelled is not None:
            self._open.discard(ref)
        return raised + (cancelled or 0)

    def _check_dead_letters(self) -> int:
        now, raised = redis_time(self._redis), 0
        for dead_letter in self._dead_letters.since(self._last_dead_letter - _OVERLAP):
            kind, _, ref = dead_letter.lane.partition(":")
            if kind == Kind.ORDER and dead_letter.status == 404:
                raised += self._alerts.raise_once(Alert.UNKNOWN_ORDER, ref, dead_letter.why)
        self._last_dead_letter = now
        return raised

    def _check_duplicates(self) -> int:
        raised, newest = 0, self._placement_store.incidents(1)
        if newest == self._newest_incident:
            return 0
        for entry in takewhile(lambda entry: [entry] != self._newest_incident, self._placement_store.incidents(1000)):
            if entry["kind"] in _INCIDENTS and "reported" in entry:
                why = _INCIDENTS[entry["kind"]].format(**{**entry, "known": entry["known"] or "none"})
                raised += self._alerts.raise_once(Alert(entry["kind"]), entry["order"], why, incident=False)
        self._newest_incident = newest
        return raised

    # -- cancellation --------------------------------------------------------------------------------------------------

    def _cancel_once(self, ref: str) -> int | None:
        """Cancel an order at the POS, then at Gett. In this order the kitchen never cooks a cancelled order.

        :return: the number of alerts that were raised; None if this has to be tried again.
        """
        owner = os.urandom(8).hex()
        state = self._begin_cancellation(ref, owner)
        if state == "begun":
            try:
                state = self._call_pos(ref, owner)
            except _CancellationInDoubt as error:
                return self._alert_in_doubt(ref, str(error))
        if state == "done":
            self._cancel_at_gett(ref)
        elif state == "in_doubt":
            return self._alert_in_doubt(
                ref, "a worker ended while it cancelled the order at the POS; check the order in the POS"
            )
        return None if state in ("calling", "postponed") else 0

    def _begin_cancellation(self, ref: str, owner: str) -> str:
        key, settings = self._keys.pos_cancellation(ref), self._settings
        lease = int(1000 * (settings.pos_deadline + _LEASE_MARGIN))
        try:
            return text(self._begin(key, ref=ref, owner=owner, lease=lease, ttl=settings.order_ttl))
        except redis.RedisError:
            with suppress(redis.RedisError):  # nothing has reached the POS yet
                self._end(key, owner=owner)
            raise

    def _call_pos(self, ref: str, owner: str) -> str:
        """Cancel an order at the POS and record the outcome; return the state of the cancellation.

        :raises _CancellationInDoubt: the order may not be cancelled, and a person has to act.
        """
        key = self._keys.pos_cancellation(ref)
        try:
            cancelled = self._cancel_at_pos(ref)
        except _CancellationInDoubt:
            # An alert follows now; should this process end before, another one raises it.
            with suppress(redis.RedisError):
                self._end(key, owner=owner, state="in_doubt")
            raise
        except redis.RedisError:
            with suppress(redis.RedisError):  # nothing has reached the POS yet
                self._end(key, owner=owner)
            raise
        self._end(key, owner=owner, state="done" if cancelled else None)
        return "done" if cancelled else "postponed"

    def _alert_in_doubt(self, ref: str, why: str) -> int:
        return int(self._alerts.raise_once(Alert.NOT_CANCELLED, ref, why))

    def _cancel_at_pos(self, ref: str) -> bool:
        """Cancel an order at the POS.

        :return: False if it is certain that the POS was not reached, so that the call may be repeated.
        :raises _CancellationInDoubt: the order may not be cancelled, and a person has to act.
        """
        record = self._placement_store.find(ref) or {}
        store = self._stores.by_id(record.get("store", ""))
        if store is None:
            raise _CancellationInDoubt("its store or its placement record does not exist any more")
        ticket = Placed(record.get("partner_id", ""), PlacedStatus.PENDING)
        owner = self._order_updates.find_by_pos_id(store.id, ticket.id)
        if owner is not None and owner.ref != ref:
            raise _CancellationInDoubt(
                f"the POS's order id {ticket.id} belongs to order {owner.ref} too; cancel it in the POS"
            )
        try:
            adapter = self._stores.adapter(store)
        except AdapterError as error:
            raise _CancellationInDoubt(f"its adapter cannot be used: {error}") from error
        try:
            self._pos_executor.run(store.id, "cancel_order", lambda: adapter.cancel_order(store, ticket, _REASON))
        except (NotPlaced, ConcurrencyLimit, CircuitOpen) as error:
            log.warning("cancellation_postponed", order=ref, store=store.id, why=str(error))
            return False
        except Unsupported:
            raise _CancellationInDoubt("the adapter cannot cancel orders; cancel it in the POS") from None
        except Exception as error:
            raise _CancellationInDoubt(
                f"the POS may have cancelled it, but the call failed ({described(error)}); check the order in the POS"
            ) from error
        return True

    def _cancel_at_gett(self, ref: str) -> None:
        try:
            result = self._order_updates.cancel(ref, _REASON)
        except OperationRejected as error:
            log.warning("cancellation_at_gett_rejected", order=ref, why=str(error))
        else:
            log.info("unconfirmed_order_cancelled", order=ref, result=result)


class _CancellationInDoubt(Exception):
    """A person has to find out if the POS has cancelled an order."""
