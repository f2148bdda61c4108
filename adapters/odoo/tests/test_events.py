"""What Odoo's own automations send, received by a real web server and believed only so far."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Self

import pytest

from tests.restaurant import SECRET, Restaurant, order_of
from webhook_kit.adapter import (
    CatalogChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    PauseReason,
    Placed,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
    placement_key,
)
from webhook_kit.errors import InvalidSignature
from webhook_kit.testing.processes import PATIENCE
from webhook_kit_odoo.adapter import OdooAdapter


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as listening:
        yield listening


class Inbox:
    """Where Odoo's webhooks arrive."""

    def __init__(self) -> None:
        arrived: Queue[tuple[dict[str, str], bytes]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                arrived.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.arrived = arrived
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.arrived.get(timeout=PATIENCE)


def automate(restaurant: Restaurant, model: str, fields: list[str], url: str) -> None:
    """An automation as the README describes it."""
    number = restaurant.server.one("ir.model", [("model", "=", model)], "id")["id"]
    watched = restaurant.api.rows("ir.model.fields", [("model", "=", model), ("name", "in", fields)], ["id"])
    (action,) = restaurant.api.call(
        "ir.actions.server",
        "create",
        vals_list=[{"name": "to Gett", "model_id": number, "state": "webhook", "webhook_url": url}],
    )
    rule = {
        "name": "to Gett",
        "model_id": number,
        "trigger": "on_write",
        "trigger_field_ids": [[6, 0, [each["id"] for each in watched]]],
        "action_server_ids": [[6, 0, [action]]],
    }
    restaurant.api.call("base.automation", "create", vals_list=[rule])


def read(adapter: OdooAdapter, store: Store, headers: Mapping[str, str], body: bytes) -> list[PosEvent]:
    return list(adapter.parse_event(headers, body, {store.id: store}))


def genuine(store: Store, model: str, number: int) -> tuple[dict[str, str], bytes]:
    secret = base64.b64encode(f"{store.id}:{SECRET}".encode()).decode()
    return {"authorization": f"Basic {secret}"}, json.dumps({"_model": model, "_id": number}).encode()


@pytest.fixture
def placed(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> tuple[str, Placed]:
    order = order_of({"itemId": restaurant.item("Water")})
    answer = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(answer, Placed)
    return order.order_ref, answer


def test_odoos_own_webhook_says_which_order_and_odoo_says_how_far_it_is(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed], inbox: Inbox
) -> None:
    ref, ticket = placed
    url = f"http://{store.id}:{SECRET}@127.0.0.1:{inbox.port}/pos/odoo/events"
    automate(restaurant, "pos.order", ["state", "x_gett_progress"], url)
    restaurant.progress(ticket.id, "preparing")
    assert read(adapter, store, *inbox.next()) == [
        OrderChanged(store.id, ticket.id, ref, status=OrderStatus.PREPARING),
    ]
    restaurant.pay(ticket.id)
    assert read(adapter, store, *inbox.next()) == [
        OrderChanged(store.id, ticket.id, ref, status=OrderStatus.PREPARING, state=OrderState.COMPLETED),
    ]


def test_an_event_says_what_is_and_not_what_was(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed]
) -> None:
    ref, ticket = placed
    event = genuine(store, "pos.order", restaurant.number(ticket.id))
    adapter.cancel_order(store, ticket, "no cook")
    assert read(adapter, store, *event) == [
        OrderChanged(
            store.id,
            ticket.id,
            ref,
            status=OrderStatus.CONFIRMED,
            state=OrderState.CANCELLED,
            reason="cancelled at the POS",
        )
    ]


def test_an_order_that_still_waits_for_the_staff_says_nothing(restaurant: Restaurant, adapter: OdooAdapter) -> None:
    store = restaurant.store(acceptance="staff")
    order = order_of({"itemId": restaurant.item("Water")})
    ticket = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(ticket, Placed)
    assert read(adapter, store, *genuine(store, "pos.order", restaurant.number(ticket.id))) == []


def test_a_guest_at_a_table_says_nothing(restaurant: Restaurant, adapter: OdooAdapter, store: Store) -> None:
    (guest, *_) = restaurant.api.rows("pos.order", [], ["id"], limit=1)
    assert read(adapter, store, *genuine(store, "pos.order", guest["id"])) == []


def test_a_session_that_closes_and_a_product_that_changes_are_told(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store
) -> None:
    opened = read(adapter, store, *genuine(store, "pos.session", restaurant.session))
    restaurant.close()
    closed = read(adapter, store, *genuine(store, "pos.session", restaurant.session))
    assert (*opened, *closed) == (
        StoreChanged(store.id, StoreState.OPEN, PauseReason.OTHER),
        StoreChanged(store.id, StoreState.CLOSED, PauseReason.OTHER),
    )
    assert CatalogChanged(store.id) in read(adapter, store, *genuine(store, "product.template", 2))


def test_a_model_that_means_nothing_here_is_said_to(adapter: OdooAdapter, store: Store) -> None:
    with pytest.raises(ValueError, match=r"an automation on res\.partner"):
        read(adapter, store, *genuine(store, "res.partner", 1))


@pytest.mark.parametrize(
    "credentials",
    ["{store}:wrong", "{store}:", "nobody:{secret}", ":{secret}", "{store}", ""],
)
def test_a_webhook_without_the_stores_secret_is_refused(credentials: str, adapter: OdooAdapter) -> None:
    store = Store("main", "gett", "odoo", credentials={"api_key": "k", "webhook_secret": SECRET})
    told = credentials.format(store=store.id, secret=SECRET)
    header = f"Basic {base64.b64encode(told.encode()).decode()}"
    for value in (header, header.replace("Basic", "Bearer"), "Basic %%%", ""):
        with pytest.raises(InvalidSignature):
            read(adapter, store, {"authorization": value}, b"{}")


def test_a_store_without_a_secret_takes_no_webhooks(adapter: OdooAdapter) -> None:
    store = Store("main", "gett", "odoo", credentials={"api_key": "k"})
    with pytest.raises(InvalidSignature):
        read(adapter, store, {"authorization": f"Basic {base64.b64encode(b'main:').decode()}"}, b"{}")


def test_a_poll_finds_what_no_webhook_told(
    restaurant: Restaurant, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed]
) -> None:
    since = datetime.now(UTC)
    restaurant.progress(placed[1].id, "in_transit")
    assert [each.status for each in adapter.orders_since(store, since)] == ["inTransit"]
