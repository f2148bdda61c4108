"""Webhooks of Odoo's own automations, received by a real web server."""

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

from tests.odoo_pos import SECRET, OdooPos, order_of
from webhook_kit import (
    CatalogChanged,
    InvalidSignature,
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
from webhook_kit.testing.processes import PATIENCE
from webhook_kit_odoo.adapter import OdooAdapter


@pytest.fixture
def webhooks() -> Iterator[WebhookServer]:
    with WebhookServer() as running:
        yield running


class WebhookServer:
    """Server that receives Odoo's webhooks."""

    def __init__(self) -> None:
        received: Queue[tuple[dict[str, str], bytes]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.received.get(timeout=PATIENCE)


def automate(pos: OdooPos, model: str, fields: list[str], url: str) -> None:
    """Create an automation as the README describes it."""
    number = pos.server.one("ir.model", [("model", "=", model)], "id")["id"]
    trigger_fields = pos.api.rows("ir.model.fields", [("model", "=", model), ("name", "in", fields)], ["id"])
    (action,) = pos.api.call(
        "ir.actions.server",
        "create",
        vals_list=[{"name": "to Gett", "model_id": number, "state": "webhook", "webhook_url": url}],
    )
    rule = {
        "name": "to Gett",
        "model_id": number,
        "trigger": "on_write",
        "trigger_field_ids": [[6, 0, [each["id"] for each in trigger_fields]]],
        "action_server_ids": [[6, 0, [action]]],
    }
    pos.api.call("base.automation", "create", vals_list=[rule])


def parse(adapter: OdooAdapter, store: Store, headers: Mapping[str, str], body: bytes) -> list[PosEvent]:
    return list(adapter.parse_event(headers, body, {store.id: store}))


def webhook(store: Store, model: str, number: int) -> tuple[dict[str, str], bytes]:
    secret = base64.b64encode(f"{store.id}:{SECRET}".encode()).decode()
    return {"authorization": f"Basic {secret}"}, json.dumps({"_model": model, "_id": number}).encode()


@pytest.fixture
def placed(pos: OdooPos, adapter: OdooAdapter, store: Store) -> tuple[str, Placed]:
    order = order_of({"itemId": pos.item("Water")})
    ticket = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(ticket, Placed)
    return order.order_ref, ticket


def test_a_webhook_names_the_order_and_its_progress_is_read(
    pos: OdooPos, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed], webhooks: WebhookServer
) -> None:
    ref, ticket = placed
    url = f"http://{store.id}:{SECRET}@127.0.0.1:{webhooks.port}/pos/odoo/events"
    automate(pos, "pos.order", ["state", "x_gett_progress"], url)
    pos.progress(ticket.id, "preparing")
    assert parse(adapter, store, *webhooks.next()) == [
        OrderChanged(store.id, ticket.id, ref, status=OrderStatus.PREPARING),
    ]
    pos.pay(ticket.id)
    assert parse(adapter, store, *webhooks.next()) == [
        OrderChanged(store.id, ticket.id, ref, status=OrderStatus.PREPARING, state=OrderState.COMPLETED),
    ]


def test_an_event_has_the_current_progress(
    pos: OdooPos, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed]
) -> None:
    ref, ticket = placed
    event = webhook(store, "pos.order", pos.number(ticket.id))
    adapter.cancel_order(store, ticket, "no cook")
    assert parse(adapter, store, *event) == [
        OrderChanged(
            store.id,
            ticket.id,
            ref,
            status=OrderStatus.CONFIRMED,
            state=OrderState.CANCELLED,
            reason="cancelled at the POS",
        )
    ]


def test_an_order_not_accepted_by_the_staff_is_ignored(pos: OdooPos, adapter: OdooAdapter) -> None:
    store = pos.store(acceptance="staff")
    order = order_of({"itemId": pos.item("Water")})
    ticket = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(ticket, Placed)
    assert parse(adapter, store, *webhook(store, "pos.order", pos.number(ticket.id))) == []


def test_an_order_of_another_channel_is_ignored(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    (other, *_) = pos.api.rows("pos.order", [], ["id"], limit=1)
    assert parse(adapter, store, *webhook(store, "pos.order", other["id"])) == []


def test_closed_sessions_and_changed_products_are_events(pos: OdooPos, adapter: OdooAdapter, store: Store) -> None:
    opened = parse(adapter, store, *webhook(store, "pos.session", pos.session))
    pos.close()
    closed = parse(adapter, store, *webhook(store, "pos.session", pos.session))
    assert (*opened, *closed) == (
        StoreChanged(store.id, StoreState.OPEN, PauseReason.OTHER),
        StoreChanged(store.id, StoreState.CLOSED, PauseReason.OTHER),
    )
    assert CatalogChanged(store.id) in parse(adapter, store, *webhook(store, "product.template", 2))


def test_a_webhook_of_another_model_is_an_error(adapter: OdooAdapter, store: Store) -> None:
    with pytest.raises(ValueError, match=r"model res\.partner"):
        parse(adapter, store, *webhook(store, "res.partner", 1))


@pytest.mark.parametrize(
    "credentials",
    ["{store}:wrong", "{store}:", "unknown:{secret}", ":{secret}", "{store}", ""],
)
def test_a_webhook_without_the_stores_secret_is_refused(credentials: str, adapter: OdooAdapter) -> None:
    store = Store("main", "gett", "odoo", credentials={"api_key": "k", "webhook_secret": SECRET})
    text = credentials.format(store=store.id, secret=SECRET)
    header = f"Basic {base64.b64encode(text.encode()).decode()}"
    for value in (header, header.replace("Basic", "Bearer"), "Basic %%%", ""):
        with pytest.raises(InvalidSignature):
            parse(adapter, store, {"authorization": value}, b"{}")


def test_a_store_without_a_secret_accepts_no_webhooks(adapter: OdooAdapter) -> None:
    store = Store("main", "gett", "odoo", credentials={"api_key": "k"})
    with pytest.raises(InvalidSignature):
        parse(adapter, store, {"authorization": f"Basic {base64.b64encode(b'main:').decode()}"}, b"{}")


def test_polling_finds_changes_without_a_webhook(
    pos: OdooPos, adapter: OdooAdapter, store: Store, placed: tuple[str, Placed]
) -> None:
    since = datetime.now(UTC)
    pos.progress(placed[1].id, "in_transit")
    assert [each.status for each in adapter.orders_since(store, since)] == ["inTransit"]
