"""Tests of LocalGett over HTTP: signed webhooks and recorded updates."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify, request

from webhook_kit.gett.models.order import Cart, ExternalOrder, LineItem, PlaceOrderRequest
from webhook_kit.gett.signing import verify
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.sandbox.server import server
from webhook_kit.testing.processes import PATIENCE, Process, free_port

STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
ORDER = {"cart": {"lineItems": [{"itemId": "cola", "quantity": 1}]}, "fulfillmentType": "Pickup"}


class EchoPartner:
    """Webhooks that verify the signature and return the request."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.response: Response | None = None
        self.app = Flask("partner")
        self.app.post("/hooks/<webhook>")(self.receive)

    def receive(self, webhook: str) -> Response:
        verify(request.get_data(), request.headers.get("Signature"), request.headers.get("Timestamp"), ["secret"])
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return self.response or jsonify(webhook=webhook, order=request.get_json())


@pytest.fixture
def partner() -> EchoPartner:
    return EchoPartner()


@pytest.fixture
def gett(partner: EchoPartner) -> Iterator[LocalGett]:
    http_server = server(partner.app, 0)
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield LocalGett(f"http://127.0.0.1:{http_server.port}/hooks/", "secret", "key-1", STORE)
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def test_validate_is_signed_and_has_the_store(gett: LocalGett, partner: EchoPartner) -> None:
    response = gett.validate(ORDER)
    assert response.status == 200
    assert response.body == {"webhook": "validateOrder", "order": {**ORDER, "cart": {"storeId": STORE, **_cart()}}}
    (headers,) = partner.headers
    assert headers["api-version"] == "2026-01-30"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])
    assert "idempotency-key" not in headers
    assert ORDER["cart"] == _cart(), "the caller's order is not changed"


def _cart() -> dict[str, Any]:
    return {"lineItems": [{"itemId": "cola", "quantity": 1}]}


def test_place_creates_one_order_id_per_key(gett: LocalGett, partner: EchoPartner) -> None:
    first, repeated, other = gett.place(ORDER, key="k-1"), gett.place(ORDER, key="k-1"), gett.place(ORDER)
    order_id = first.body["order"]["gettOrderId"]
    assert first.body["webhook"] == "placeOrder"
    assert first.body["order"]["payment"] == {"type": "gettPayment"}
    assert repeated.body["order"]["gettOrderId"] == order_id == gett.order_ids["k-1"]
    keys = [headers["idempotency-key"] for headers in partner.headers]
    assert keys[:2] == ["k-1", "k-1"]
    assert gett.order_ids[keys[2]] == other.body["order"]["gettOrderId"] != order_id


@pytest.mark.parametrize("order_id", ["", "gett-7"])
def test_existing_order_id_is_kept(order_id: str, gett: LocalGett) -> None:
    response = gett.place({**ORDER, "gettOrderId": order_id}, key="k-1")
    assert response.body["order"]["gettOrderId"] == order_id
    assert gett.order_ids == {}


def test_models_can_be_delivered(gett: LocalGett) -> None:
    order = PlaceOrderRequest(
        cart=Cart(store_id="s-9", line_items=[LineItem(item_id="cola")]), fulfillment_type="Pickup"
    )
    sent: ExternalOrder = PlaceOrderRequest.model_validate(gett.place(order).body["order"])
    assert (sent.cart.store_id, sent.cart.line_items[0].item_id) == ("s-9", "cola")


def test_response_is_returned_unchanged(gett: LocalGett, partner: EchoPartner) -> None:
    partner.response = Response("not today", 503, {"Retry-After": "7"})
    response = gett.validate(ORDER)
    assert (response.status, response.body, response.headers["retry-after"]) == (503, "not today", "7")


def test_missing_response_raises(gett: LocalGett) -> None:
    gett.webhooks = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(requests.exceptions.ConnectionError):
        gett.validate(ORDER)


def test_updates_are_recorded(gett: LocalGett) -> None:
    gett.update_log.fail_with(503)
    with gett.serve() as url:
        post = [
            requests.post(
                f"{url}/v1/commerce/orders/o-1/status",
                json={"status": "confirmed"},
                headers={"Authorization": "Bearer key-1"},
                timeout=PATIENCE,
            ).status_code
            for _ in range(2)
        ]
    assert post == [503, 202] == [update.status for update in gett.update_log.updates("o-1")]
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=PATIENCE)


def test_command_serves_until_terminated() -> None:
    port = free_port()
    command = [sys.executable, "-c", "from webhook_kit.cli import main; main()", "sandbox", "--port", str(port)]
    with Process(command, env={"GETT_API_KEY": "key-2"}) as sandbox:
        url = f"http://127.0.0.1:{port}"
        sandbox.wait_http(f"{url}/__sandbox/orders")
        assert (
            requests.patch(f"{url}/__sandbox/options", json={"adoptUnknown": True}, timeout=PATIENCE).status_code == 200
        )
        response = requests.post(
            f"{url}/v1/commerce/orders/o-1/status",
            json={"state": "cancelled", "cancelReason": "burnt"},
            headers={"Authorization": "Bearer key-2"},
            timeout=PATIENCE,
        )
        assert response.status_code == 202
        updates = requests.get(f"{url}/__sandbox/orders", timeout=PATIENCE).json()["updates"]
        assert [update["orderId"] for update in updates] == ["o-1"]
        assert f"sandbox and storefront: {url}\n" in sandbox.output()


def test_command_reports_a_used_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = "from webhook_kit.cli import main; main()"
        command = [sys.executable, "-c", code, "sandbox", "--port", str(port), "--api-key", "k"]
        with Process(command) as sandbox:
            assert sandbox.wait() == 1
        assert sandbox.output() == f"webhook-kit: --port {port}: Address already in use; choose another port\n"
