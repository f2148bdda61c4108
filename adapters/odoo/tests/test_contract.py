"""The contract suite, against a real Odoo."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import pytest

from tests.odoo_pos import SECRET, OdooPos
from tests.odoo_server import OdooServer
from webhook_kit import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook
from webhook_kit_odoo.adapter import OdooAdapter


class TestOdoo(AdapterContract):
    adapter = OdooAdapter
    base_url_option = "url"
    place_order_request = "POST /json/2/pos.order/sync_from_ui "
    signs_events = False
    pos_deadline = 10.0  # the server shares two cores with the tests

    @pytest.fixture(autouse=True)
    def _server(self, odoo_server: OdooServer) -> None:
        self.server = odoo_server

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        self.pos = OdooPos(self.server)
        store = self.pos.store()
        yield self.make_store(credentials=store.credentials, **store.options)

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return self.pos.tickets()

    def sell_out(self, store: Store, item_id: str) -> None:
        self.pos.sell_out(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        self.pos.set_price(item_id, price)

    def close_store(self, store: Store) -> None:
        self.pos.close()

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        if step == "completed":
            self.pos.pay(order_id)
        else:
            self.pos.progress(order_id, step)
        secret = base64.b64encode(f"{store.id}:{SECRET}".encode()).decode()
        body = json.dumps({"_model": "pos.order", "_id": self.pos.number(order_id), "_action": "to Gett(#1)"})
        return PosWebhook({"authorization": f"Basic {secret}", "content-type": "application/json"}, body.encode())
