"""The watch: orders that somebody has to look at, each alert once per order.

* The POS took it as pending, and nobody confirmed it within ``UNCONFIRMED_AFTER`` seconds. With ``CANCEL_UNCONFIRMED`` it is
  taken back out of the POS, and then cancelled at Gett.
* Gett does not know it: an update was buried with 404.
* The POS may have it twice, or has it although it was refused: the placement ledger's own incidents.

A POS is asked at most once to take an order back, unless it is certain that nothing reached it: what became of that call is a
person's to find out, and reconciliation's.
"""

from __future__ import annotations

import redis

from webhook_kit.adapter import Placed, PlacedStatus
from webhook_kit.errors import CircuitOpen, ConcurrencyLimit, NotPlaced, OperationRejected, Unsupported
from webhook_kit.logs import logger
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["StuckOrderMonitor"]

log = logger("watch")

_OVERLAP = 60.0
"""Seconds that are looked at twice, should the server's clock have been set back."""

_REASON = "the restaurant did not confirm the order in time"


class StuckOrderMonitor:
    """Looks out for orders that go wrong in silence. Any number of processes may look at the same time."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        ledger: PlacementStore,
        orders: OrderUpdates,
        stores: StoreDirectory,
        calls: PosExecutor,
        dead_letters: DeadLetters,
        alerts: Alerts,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._ledger = ledger
        self._orders = orders
        self._stores = stores
        self._calls = calls
        self._dead_letters = dead_letters
        self._alerts = alerts
        self._settings = settings
        self._seen = 0.0

    def check(self) -> int:
        """Look once.

        :return: how many alerts were given.
        """
        return self._unconfirmed() + self._unknown() + self._duplicates()

    def _unconfirmed(self) -> int:
        now = redis_time(self._redis) * 1000
        self._redis.zremrangebyscore(self._keys.unconfirmed, "-inf", now - self._settings.order_ttl * 1000)
        late = now - self._settings.unconfirmed_after * 1000
        given = 0
        for ref in map(text, self._redis.zrangebyscore(self._keys.unconfirmed, "-inf", late)):
            why = f"the POS took it as pending more than {self._settings.unconfirmed_after:g} s ago"
            given += self._alerts.raise_once(Alert.UNCONFIRMED, ref, why)
            if self._settings.cancel_unconfirmed:
                given += self._cancel(ref)
        return given

    def _unknown(self) -> int:
        given = 0
        for letter in self._dead_letters.since(self._seen - _OVERLAP):
            self._seen = max(self._seen, letter.buried)
            kind, _, ref = letter.lane.partition(":")
            if kind == Kind.ORDER and letter.status == 404:
                given += self._alerts.raise_once(Alert.UNKNOWN, ref, letter.why)
        return given

    def _duplicates(self) -> int:
        given = 0
        for entry in self._ledger.incidents(1000):
            if entry["kind"] in (Alert.DUPLICATE, Alert.AFTER_REFUSAL) and "reported" in entry:
                why = f"known as {entry['known'] or 'none'}, reported as {entry['reported']}"
                given += self._alerts.raise_once(Alert(entry["kind"]), entry["order"], why, incident=False)
        return given

    # -- taking an order back ------------------------------------------------------------------------------------------

    def _cancel(self, ref: str) -> int:
        """Cancel an order at the POS, then at Gett, in this order: the kitchen must not cook for nobody."""
        mark = self._keys.withdrawn(ref)
        if not self._redis.set(mark, "calling", nx=True, ex=self._settings.order_ttl):
            if text(self._redis.get(mark)) == "done":  # whoever asked the POS died before it told Gett
                self._tell_gett(ref)
            return 0
        if self._redis.zscore(self._keys.unconfirmed, ref) is None:  # confirmed in this very moment
            self._redis.delete(mark)
            return 0
        why_not = self._withdraw(ref)
        if why_not is None:
            self._redis.set(mark, "done", keepttl=True)
            self._tell_gett(ref)
            return 0
        if why_not == "":
            self._redis.delete(mark)
            return 0
        return int(self._alerts.raise_once(Alert.NOT_WITHDRAWN, ref, why_not))

    def _withdraw(self, ref: str) -> str | None:
        """Ask the POS to take an order back.

        :return: None when it has; the empty text when it is certain that nothing reached it; else what went wrong.
        """
        record = self._ledger.find(ref) or {}
        store = self._stores.by_id(record.get("store", ""))
        if store is None:
            return "its store or its record is not known here any more"
        ticket = Placed(record.get("partner_id", ""), PlacedStatus.PENDING)
        adapter = self._stores.adapter(store)
        try:
            self._calls.run(store.id, lambda: adapter.cancel_order(store, ticket, _REASON))
        except (NotPlaced, ConcurrencyLimit, CircuitOpen) as error:
            log.warning("pos not reached, will be asked again", order=ref, store=store.id, why=str(error))
            return ""
        except Unsupported:
            return "the adapter cannot cancel orders: a person has to"
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; a person finds out
            return f"the POS was asked to cancel it, and nobody knows whether it did: {error!r}"
        return None

    def _tell_gett(self, ref: str) -> None:
        try:
            said = self._orders.cancel(ref, _REASON)
        except OperationRejected as error:
            log.warning("cancelled at the pos only", order=ref, why=str(error))
        else:
            log.info("unconfirmed order cancelled", order=ref, said=said)
