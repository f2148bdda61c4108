"""A small POS with HTTP, its adapter, and adapters that react wrongly to a lost connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

import requests

from webhook_kit.adapter import CatalogSet, NotPlaced, Placed, PosAdapter, Reason, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.testing.contract import AdapterContract, PosTicket

ITEMS = [ExternalItem(item_id="soup", name="Soup", base_price=Decimal("4.50"))]


class HttpPos(PosAdapter):
    """Places orders with POST, and finds them with GET."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        return simple_catalog({"Food": ITEMS})

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        return self.post(order, store)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        ticket = self.http.get(f"{store.options['base_url']}/orders/{order_ref}").json()
        return Placed(ticket["id"]) if ticket else None

    def post(self, order: PlaceOrderRequest, store: Store) -> Placed:
        response = self.http.post(f"{store.options['base_url']}/orders", json={"ref": order.order_ref})
        return Placed(response.json()["id"])


class RetriesInPlaceOrder(HttpPos):
    """Repeats the request after a lost connection."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        try:
            return self.post(order, store)
        except requests.exceptions.ConnectionError:
            return self.post(order, store)


class RaisesNotPlaced(HttpPos):
    """Reports every failure as not placed, and has no look-up."""

    find_order = PosAdapter.find_order

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        try:
            return self.post(order, store)
        except requests.exceptions.RequestException as error:
            raise NotPlaced("the POS did not reply") from error


class RefusesOnFailure(HttpPos):
    """Reports every failure as a refusal."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        try:
            return self.post(order, store)
        except (requests.exceptions.RequestException, NotPlaced):
            return Refused(Reason.STORE_UNREACHABLE, "the POS did not reply")


class SearchFailureIsNoTicket(HttpPos):
    """Reports a ticket as missing when its search fails."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        try:
            return super().find_order(store, order_ref)
        except Exception:  # noqa: BLE001 - the mistake itself
            return None


class ErrorIsNoTicket(HttpPos):
    """Reads the search's reply without its status."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        found = self.http.get(f"{store.options['base_url']}/orders/{order_ref}").json() or {}
        return Placed(found["id"]) if "id" in found else None


class DelayIsNoTicket(HttpPos):
    """Reports a ticket as missing when its search takes too long."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        try:
            return super().find_order(store, order_ref)
        except requests.exceptions.ReadTimeout:
            return None


class GatewayErrorIsNotPlaced(HttpPos):
    """Takes every 5xx for an order that the POS does not have."""

    find_order = PosAdapter.find_order

    def post(self, order: PlaceOrderRequest, store: Store) -> Placed:
        response = self.http.post(f"{store.options['base_url']}/orders", json={"ref": order.order_ref})
        if response.status_code >= 500:
            raise NotPlaced(f"HTTP {response.status_code}")
        return Placed(response.json()["id"])


class FakePos:
    """An HTTP server. A context manager; ``orders`` are the refs of its tickets, numbered from 1."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        orders = self.orders

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                orders.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["ref"])
                self.reply({"id": str(len(orders))})

            def do_GET(self) -> None:
                ref = self.path.removeprefix("/api/orders/")
                self.reply({"id": str(orders.index(ref) + 1)} if ref in orders else None)

            def reply(self, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class HttpContract(AdapterContract):
    adapter = HttpPos
    place_order_request: ClassVar[str] = "POST /api/orders"
    pos_deadline = 1.0

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        with FakePos() as self.pos:
            yield self.make_store(base_url=self.pos.url)

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [PosTicket(str(number)) for number, _ in enumerate(self.pos.orders, 1)]
