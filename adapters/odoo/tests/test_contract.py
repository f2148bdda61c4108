"""The contract, on a real Odoo."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import pytest

from tests.odoo_server import OdooServer
from tests.restaurant import SECRET, Restaurant
from webhook_kit.adapter import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook
from webhook_kit_odoo.adapter import OdooAdapter


class TestOdoo(AdapterContract):
    adapter = OdooAdapter
    base_url_option = "url"
    place_order_request = "POST /json/2/pos.order/sync_from_ui "
    signs_events = False
    pos_deadline = 10.0  # of a server that shares two cores with everything else

    @pytest.fixture(autouse=True)
    def _server(self, odoo_server: OdooServer) -> None:
        self.server = odoo_server

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        self.restaurant = Restaurant(self.server)
        store = self.restaurant.store()
        yield self.make_store(credentials=store.credentials, **store.options)

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return self.restaurant.tickets()

    def sell_out(self, store: Store, item_id: str) -> None:
        self.restaurant.sell_out(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        self.restaurant.set_price(item_id, price)

    def close_store(self, store: Store) -> None:
        self.restaurant.close()

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        if step == "completed":
            self.restaurant.pay(order_id)
        else:
            self.restaurant.progress(order_id, step)
        secret = base64.b64encode(f"{store.id}:{SECRET}".encode()).decode()
        body = json.dumps({"_model": "pos.order", "_id": self.restaurant.number(order_id), "_action": "to Gett(#1)"})
        return PosWebhook({"authorization": f"Basic {secret}", "content-type": "application/json"}, body.encode())
