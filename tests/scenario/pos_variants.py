"""The fake POS (bogus) once per level of guarantee, with further options for whole flows.

Further options of the store:

============  ==========================================================================================================
option        meaning
============  ==========================================================================================================
``pause_at``  also ``quote``: it pauses there, as ``place_order`` does at the points of the fake POS itself
``offline``   while this file exists, every call fails with ``ConnectionError``
``removed``   items named in this file, one a line, are not in the catalog
``terse``     true: ``find_order`` returns number and status of a ticket, but no amounts
============  ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import requests

from webhook_kit.adapter import Capability, CatalogSet, Level, NotPlaced, Placed, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter, BogusClaim, BogusLookUp, BogusNative, pause


class Both(BogusAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        _fail_if_offline(store)
        catalog = super().fetch_catalog(store)
        for removed in _lines(store.options.get("removed")):
            catalog.items.pop(removed, None)
            for section in catalog.sections.values():
                section.item_ids = [item for item in section.item_ids if item != removed]
        return catalog

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        _fail_if_offline(store)
        pause(store, "quote")
        return super().quote(store, order)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        _fail_if_offline(store)
        return super().place_order(store, order, key)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        _fail_if_offline(store)
        ticket = super().find_order(store, order_ref)
        return Placed(ticket.id, ticket.status) if ticket and store.options.get("terse") else ticket


class Native(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusNative.capabilities


class LookUp(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusLookUp.capabilities


class Claim(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusClaim.capabilities


class Bare(Claim):
    """The first adapter of most vendors: a catalog and tickets, and nothing else."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        **BogusClaim.capabilities,
        Capability.QUOTE: Level.UNSUPPORTED,
    }


def _fail_if_offline(store: Store) -> None:
    offline = store.options.get("offline")
    if offline and Path(offline).exists():
        raise requests.exceptions.ConnectionError("the POS dropped the connection")


def _lines(file: str | None) -> list[str]:
    return Path(file).read_text().split() if file and Path(file).exists() else []


class WithPassword(Both):
    """A POS that needs the password of its store. It is not idempotent, so each second call of it is a second ticket."""

    capabilities: ClassVar[Mapping[Capability, Level]] = BogusLookUp.capabilities

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        if store.credentials.get("password") != "open sesame":
            raise NotPlaced("the password is wrong")
        return super().place_order(store, order, key)
