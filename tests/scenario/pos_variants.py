"""The bogus POS once per level of guarantee, with what only whole flows need.

Further options of the store:

============  ==========================================================================================================
option        meaning
============  ==========================================================================================================
``pause_at``  also ``quote``: there ``quote`` stands still, as at the bogus POS's own gates
``offline``   while this file exists, every call fails with ``ConnectionError``
``off_menu``  items named in this file, one a line, are not on the menu
``terse``     true: ``find_order`` tells number and status of a ticket, and nothing of its price
============  ==========================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import requests

from webhook_kit.adapter import Capability, CatalogSet, Level, Placed, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.bogus import BogusAdapter, BogusClaim, BogusLookUp, BogusNative, _gate


class Both(BogusAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        _reach(store)
        menu = super().fetch_catalog(store)
        for gone in _lines(store.options.get("off_menu")):
            menu.items.pop(gone, None)
            for section in menu.sections.values():
                section.item_ids = [item for item in section.item_ids if item != gone]
        return menu

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        _reach(store)
        _gate(store, "quote")
        return super().quote(store, order)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        _reach(store)
        return super().place_order(store, order, key)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        _reach(store)
        found = super().find_order(store, order_ref)
        return Placed(found.id, found.status) if found and store.options.get("terse") else found


class Native(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusNative.capabilities


class LookUp(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusLookUp.capabilities


class Claim(Both):
    capabilities: ClassVar[Mapping[Capability, Level]] = BogusClaim.capabilities


class Bare(Claim):
    """The first adapter of most vendors: a menu and a ticket, and nothing else."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        **BogusClaim.capabilities,
        Capability.QUOTE: Level.UNSUPPORTED,
    }


def _reach(store: Store) -> None:
    offline = store.options.get("offline")
    if offline and Path(offline).exists():
        raise requests.exceptions.ConnectionError("the POS dropped the connection")


def _lines(file: str | None) -> list[str]:
    return Path(file).read_text().split() if file and Path(file).exists() else []
