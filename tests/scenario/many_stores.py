"""10,000 stores, or as many as a test needs, whose POS answers when the test lets it. For processes that a test starts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, PosAdapter, PosOrder, Store, StoreState
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.testing.bogus_catalog import bogus_catalog

ADAPTER = f"{__name__}:PatientPos"
SOURCE = f"{__name__}:ManyStores"


class ManyStores:
    """The vendor's directory: ``MANY_STORES`` stores."""

    def __init__(self) -> None:
        count = int(os.environ["MANY_STORES"])
        self._stores = {f"s{number}": Store(f"s{number}", str(UUID(int=number)), ADAPTER) for number in range(count)}

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores.values())

    def by_id(self, store_id: str) -> Store | None:
        return self._stores.get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        return next((store for store in self._stores.values() if store.gett_id == gett_store_id), None)


class PatientPos(PosAdapter):
    """A POS that records each call as a file in ``MANY_STORES_CALLS`` and answers when the file ``answer`` is there."""

    name = "patient"
    capabilities: ClassVar[dict[Capability, Level]] = {
        Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED,
        Capability.ORDERS_SINCE: Level.SUPPORTED,
        Capability.STORE_STATUS: Level.SUPPORTED,
    }

    def fetch_catalog(self, store: Store) -> CatalogSet:
        _wait("fetch_catalog", store)
        return bogus_catalog()

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed:
        return Placed(key)

    def orders_since(self, store: Store, since: datetime) -> list[PosOrder]:
        _wait("orders_since", store)
        return []

    def store_status(self, store: Store) -> StoreState:
        _wait("store_status", store)
        return StoreState.OPEN


def _wait(call: str, store: Store) -> None:
    calls = Path(os.environ["MANY_STORES_CALLS"])
    (calls / f"{call} {store.id} began").touch()
    while not (calls / "answer").exists():
        time.sleep(0.02)
    (calls / f"{call} {store.id} ended").touch()
