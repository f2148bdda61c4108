"""The updates of orders and stores that came, in order of arrival."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webhook_kit.sandbox.faults import Fault, Faults

__all__ = ["UPDATES", "RecordedUpdate", "UpdateLog"]

UPDATES = "setOrderStatus,setStoreStatus"
"""The names of the calls that are updates, as a fault has them."""


@dataclass(frozen=True, slots=True)
class RecordedUpdate:
    """One update of an order or a store, as it arrived.

    :ivar order_id: Gett's id of the order, or of the store, it was sent for.
    :ivar arrived_at: when, UTC.
    :ivar status: HTTP status of the response; Gett applied the update only if it is 2xx.
    :ivar body: what was sent, as JSON data; None when it was no JSON.
    """

    order_id: str
    arrived_at: datetime
    status: int
    body: Any

    def to_data(self) -> dict[str, Any]:
        """The update as JSON data."""
        return {
            "orderId": self.order_id,
            "arrivedAt": self.arrived_at.isoformat(),
            "status": self.status,
            "update": self.body,
        }


class UpdateLog:
    """What arrived, and what to answer next. Used by many threads at once."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._updates: list[RecordedUpdate] = []

    def updates(self, order_id: str | None = None) -> list[RecordedUpdate]:
        """Every update that came with the right key, refused ones included, in order of arrival.

        :param order_id: of this order (or store) alone; of all when None.
        """
        with self._lock:
            return [update for update in self._updates if order_id in (None, update.order_id)]

    def fail_with(self, *statuses: int) -> None:
        """Answer the next updates of orders and stores with these HTTP statuses, one each, and do nothing else."""
        self._faults.add(*(Fault(kind="status", status=status, times=1, call=UPDATES) for status in statuses))

    def clear_faults(self) -> None:
        """Answer as usual again."""
        self._faults.replace([])

    def record(self, update: RecordedUpdate) -> None:
        """Keep an update."""
        with self._lock:
            self._updates.append(update)
