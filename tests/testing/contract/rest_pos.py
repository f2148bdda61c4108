"""A POS with HTTP for every method, whose adapter reads in several requests, and adapters that ignore the failure of one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

import requests

from webhook_kit.adapter import (
    CatalogSet,
    NotPlaced,
    OrderChanged,
    OrderState,
    OrderStatus,
    Placed,
    PosAdapter,
    PosEvent,
    PosOrder,
    Reason,
    Refused,
    Store,
    StoreState,
)
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook

FAILURES = (requests.exceptions.RequestException, NotPlaced, LookupError)


class RestPos(PosAdapter):
    """Checks every response."""

    def read(self, store: Store, path: str) -> Any:
        response = self.http.get(f"{store.options['base_url']}{path}")
        response.raise_for_status()
        return response.json()

    def write(self, store: Store, path: str, **content: Any) -> Any:
        response = self.http.post(f"{store.options['base_url']}{path}", json=content)
        response.raise_for_status()
        return response.json()

    def section(self, store: Store, name: str) -> list[ExternalItem]:
        rows = self.read(store, f"/sections/{name}")
        return [ExternalItem(item_id=id, name=id, base_price=Decimal(price)) for id, price in rows.items()]

    def fetch_catalog(self, store: Store) -> CatalogSet:
        return simple_catalog({name: self.section(store, name) for name in self.read(store, "/sections")})

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        sub_total = (order.amounts or Amounts()).sub_total or Decimal(0)
        return Amounts.of(sub_total, taxes=Decimal(self.read(store, "/fee")), tip=order.tip)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        return Placed(self.write(store, "/orders", ref=order.order_ref)["id"])

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        for id in self.read(store, "/orders"):
            if self.read(store, f"/orders/{id}")["ref"] == order_ref:
                return Placed(id)
        return None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [self.pos_order(store, id) for id in self.read(store, "/orders")]

    def pos_order(self, store: Store, id: str) -> PosOrder:
        row = self.read(store, f"/orders/{id}")
        if row["step"] in ("completed", "cancelled"):
            return PosOrder(id, row["ref"], state=OrderState(row["step"]), reason="-")
        return PosOrder(id, row["ref"], status=OrderStatus(row["step"]))

    def store_status(self, store: Store) -> StoreState:
        return StoreState(self.read(store, "/status"))

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        if self.read(store, f"/orders/{order.id}")["step"] == "completed":
            raise LookupError(order.id)
        self.write(store, f"/orders/{order.id}", step="cancelled")

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        if headers.get("x-secret") != "rest-secret":
            raise InvalidSignature("x-secret is wrong")
        (store,) = stores.values()
        id = json.loads(body)["id"]
        order = self.pos_order(store, id)
        return [OrderChanged(store.id, id, order.order_ref, status=order.status, state=order.state)]


class SkipsSections(RestPos):
    def section(self, store: Store, name: str) -> list[ExternalItem]:
        try:
            return super().section(store, name)
        except FAILURES:
            return []


class QuotesWithoutFee(RestPos):
    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except FAILURES:
            return order.amounts or Amounts()


class SkipsOrders(RestPos):
    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        found = []
        for id in self.read(store, "/orders"):
            try:
                found.append(self.pos_order(store, id))
            except FAILURES:
                continue
        return found


class SkipsTickets(RestPos):
    """Ignores a ticket that it cannot read while it searches."""

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        for id in self.read(store, "/orders"):
            try:
                if self.read(store, f"/orders/{id}")["ref"] == order_ref:
                    return Placed(id)
            except FAILURES:
                continue
        return None


class RefusesUnreadableStores(RestPos):
    """Reads the store's status before each ticket, and takes a failure for "closed"."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        try:
            self.store_status(store)
        except FAILURES:
            return Refused(Reason.STORE_CLOSED, "the store is closed")
        return super().place_order(store, order, key)


class OpenOnError(RestPos):
    def store_status(self, store: Store) -> StoreState:
        status = self.http.get(f"{store.options['base_url']}/status")
        return StoreState(status.json()) if status.ok else StoreState.OPEN


class CancelsWithoutCheck(RestPos):
    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        if self.read(store, f"/orders/{order.id}")["step"] == "completed":
            raise LookupError(order.id)
        self.http.post(f"{store.options['base_url']}/orders/{order.id}", json={"step": "cancelled"})


class DropsUnreadableEvents(RestPos):
    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        try:
            return super().parse_event(headers, body, stores)
        except FAILURES:
            return []


class RejectsUnreadableEvents(RestPos):
    """Reports the failure as a wrong body, which the POS does not send again."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        try:
            return super().parse_event(headers, body, stores)
        except FAILURES as error:
            raise ValueError("no such order") from error


TIMEOUT = requests.exceptions.Timeout


class DefaultsOnTimeout(RestPos):
    """Takes no answer in time for the usual answer, in every method that changes nothing at the POS by itself."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        try:
            return super().fetch_catalog(store)
        except TIMEOUT:
            return simple_catalog({})

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        try:
            return super().quote(store, order)
        except TIMEOUT:
            return order.amounts or Amounts()

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        try:
            return super().orders_since(store, since)
        except TIMEOUT:
            return []

    def store_status(self, store: Store) -> StoreState:
        try:
            return super().store_status(store)
        except TIMEOUT:
            return StoreState.OPEN

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        with suppress(TIMEOUT):
            super().cancel_order(store, order, reason)

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        try:
            return super().parse_event(headers, body, stores)
        except TIMEOUT:
            return []


class AnswersFromMemory(RestPos):
    """Repeats the last answer of the POS when there is none."""

    last: ClassVar[dict[object, Any]] = {}

    def remembered(self, question: object, ask: Callable[[], Any]) -> Any:
        try:
            self.last[question] = ask()
        except FAILURES:
            if question not in self.last:
                raise
        return self.last[question]

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        found: Placed | None = self.remembered(
            order_ref, lambda: super(AnswersFromMemory, self).find_order(store, order_ref)
        )
        return found

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        found: Sequence[PosOrder] = self.remembered(
            "orders", lambda: super(AnswersFromMemory, self).orders_since(store, since)
        )
        return found


class FakeRestPos:
    """The POS of :class:`RestPos`. A context manager."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, str]] = {}
        self.sections = {"Food": {"soup": "4.50", "rice": "2.10"}, "Drinks": {"tea": "2.00"}}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def get(self, path: list[str]) -> Any:
        match path:
            case ["sections"]:
                return list(self.sections)
            case ["sections", name]:
                return self.sections[name]
            case ["orders"]:
                return list(self.orders)
            case ["orders", id]:
                return self.orders[id]
        return {"fee": "0.40", "status": "open"}[path[0]]

    def post(self, path: list[str], content: dict[str, str]) -> Any:
        id = path[1] if len(path) > 1 else self.next_id()
        self.orders.setdefault(id, {"step": "confirmed"}).update(content)
        return {"id": id}

    def next_id(self) -> str:
        return f"rest-{len(self.orders) + 1}"

    def _handler(pos) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has its own self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply(pos.get(self.path.strip("/").split("/")))

            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.reply(pos.post(self.path.strip("/").split("/"), content))

            def reply(self, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class RestContract(AdapterContract):
    adapter = RestPos
    place_order_request: ClassVar[str] = "POST /orders "
    signs_events = False
    pos_deadline = 1.0

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        with FakeRestPos() as self.pos:
            yield self.make_store(base_url=self.pos.url)

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [PosTicket(id, cancelled=row["step"] == "cancelled") for id, row in self.pos.orders.items()]

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        self.pos.orders[order_id]["step"] = step
        return PosWebhook({"x-secret": "rest-secret"}, json.dumps({"id": order_id}).encode())
