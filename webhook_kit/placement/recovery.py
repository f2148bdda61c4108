"""Recovery: settle the orders whose POS call died or is in doubt."""

from __future__ import annotations

from typing import Protocol

from webhook_kit.logs import logger
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.printing import described
from webhook_kit.storage.connection import OUT_OF_REACH
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.stores.concurrency import StoreJobs

__all__ = ["OrderLookup", "PlacementRecovery"]

log = logger("placement")

_RETRY_AFTER = 30.0
"""Seconds between two look-ups of the same order."""


class OrderLookup(Protocol):
    """The part of :class:`~webhook_kit.placement.placement.Placement` that looks an order up at the POS."""

    def look_up(self, ref: str) -> bool | None:
        """Settle an order if the POS has it.

        :return: True if it is settled now; None if the POS cannot be asked.
        """
        ...


class PlacementRecovery:
    """Looks up orders in doubt at the POS. It never places an order: Gett may have told the customer that it failed."""

    def __init__(self, records: PlacementStore, placement: OrderLookup) -> None:
        self._records = records
        self._placement = placement

    def run(self) -> int:
        """Look up every order that is in doubt, or whose POS call has outlived its lease.

        :return: the number of orders that are settled now.
        :raises redis.RedisError: Redis is out of reach.
        """
        settled: list[str] = []
        out_of_reach: list[Exception] = []

        def settle(_job: str, ref: str) -> None:
            try:
                if self._settle(ref):
                    settled.append(ref)
            except OUT_OF_REACH as error:
                out_of_reach.append(error)

        # A POS that hangs must not delay the orders of the others.
        lookups = StoreJobs(settle, slow=1.0)
        for ref in self._records.expired():
            if not lookups.start("look_up", ref):
                settle("look_up", ref)
        lookups.wait()
        if out_of_reach:
            raise out_of_reach[0]
        return len(settled)

    def _settle(self, ref: str) -> bool:
        try:
            settled = self._placement.look_up(ref)
        except OUT_OF_REACH:
            raise
        except NewerFormat:
            return False  # a worker of that version settles it
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the order stays in doubt
            log.warning("lookup_failed", order=ref, error=described(error))
            self._records.record_lookup(ref, failed=True)
            self._records.postpone_lookup(ref, _RETRY_AFTER, "failed")
            return False
        self._records.record_lookup(ref, failed=False)
        if settled:
            log.info("order_in_doubt_settled", order=ref)
        else:
            self._records.postpone_lookup(ref, _RETRY_AFTER, "not found" if settled is False else None)
        return bool(settled)
