"""``kit.data_loss``: notice that Redis has lost data while workers were running, because it was emptied or set back to an earlier state.

Each check increases a number in Redis that can only grow. A process that gets a number it has seen before knows that everything
written in between is lost. A loss while no worker runs, or of less than the few seconds between two checks, is not noticed.
"""

from __future__ import annotations

import time

import redis

from webhook_kit.adapter import Capability, Store
from webhook_kit.errors import AdapterError
from webhook_kit.logs import logger
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import Intervals
from webhook_kit.stores import StoreDirectory

__all__ = ["DataLossDetector"]

log = logger("data_loss")

_ONE_REPORT = 120.0
"""Seconds within which the processes that notice a loss report it once."""

_NAMED_STORES = 20


class DataLossDetector:
    """Notices a loss of data in Redis, and names the stores whose orders a person has to check."""

    def __init__(self, connection: redis.Redis, keys: Keys, stores: StoreDirectory, alerts: Alerts) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._alerts = alerts
        self._last = 0

    def check(self) -> bool:
        """Return True if Redis has lost data since the last check of this process, and no other process has reported it.

        An alert is raised then. The caller has to reconcile every store.
        """
        number = int(self._redis.incr(self._keys.checkpoint))
        before, self._last = self._last, number
        if number > before:
            return False
        log.error("redis_lost_data", checkpoint=number, before=before)
        if Intervals(self._redis, self._keys).claim("data-loss", _ONE_REPORT) is None:
            return False
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        self._alerts.raise_once(Alert.DATA_LOSS, f"REDIS_URL at {moment}", self._report(), about="setting")
        return True

    def _report(self) -> str:
        lines = ["Redis has lost data: it was emptied, or set back to an earlier state"]
        unlisted = [store.id for store in self._stores if not self._lists_orders(store)]
        if unlisted:
            more = f" and {len(unlisted) - _NAMED_STORES} more" if len(unlisted) > _NAMED_STORES else ""
            lines.append(
                f"the adapters of these stores cannot list their orders (orders_since): {', '.join(unlisted[:_NAMED_STORES])}{more}. "
                "Compare the open orders of their POS with Gett, and send what is missing with `webhook-kit order progress`, "
                "`complete` or `cancel`"
            )
        lines.append("the orders of all other stores are compared with their POS now")
        return "; ".join(lines)

    def _lists_orders(self, store: Store) -> bool:
        try:
            return self._stores.adapter(store).offers(Capability.ORDERS_SINCE)
        except AdapterError:
            return False
