"""The updates of orders and stores that partners sent, in order of arrival."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhook_kit.sandbox.faults import Fault, Faults

__all__ = ["UPDATES", "RecordedUpdate", "UpdateLog"]

UPDATES = "setOrderStatus,setStoreStatus"
"""Names of the calls that are updates, as in :attr:`Fault.call`."""


@dataclass(frozen=True, slots=True)
class RecordedUpdate:
    """An update of an order or a store, as it arrived.

    :ivar order_id: Gett's id of the order or store.
    :ivar arrived_at: time of arrival, UTC.
    :ivar status: HTTP status of the response; Gett applied the update only if it is 2xx.
    :ivar body: its body as JSON data; None if it was not JSON.
    """

    order_id: str
    arrived_at: datetime
    status: int
    body: Any

    def to_data(self) -> dict[str, Any]:
        """Return the update as JSON data."""
        return {
            "orderId": self.order_id,
            "arrivedAt": self.arrived_at.isoformat(),
            "status": self.status,
            "update": self.body,
        }


class UpdateLog:
    """The updates that arrived. Thread-safe."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._updates: list[RecordedUpdate] = []

    def updates(self, order_id: str | None = None) -> list[RecordedUpdate]:
        """Return the updates that carried the right key, refused ones included, in order of arrival.

        :param order_id: return only those of this order or store.
        """
        with self._lock:
            return [update for update in self._updates if order_id in (None, update.order_id)]

    def fail_with(self, *statuses: int) -> None:
        """Answer the next updates of orders and stores with these HTTP statuses, one each, without applying them."""
        self._faults.add(*(Fault(kind="status", status=status, times=1, call=UPDATES) for status in statuses))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.replace([])

    def record(self, update: RecordedUpdate) -> None:
        """Append an update."""
        with self._lock:
            self._updates.append(update)
