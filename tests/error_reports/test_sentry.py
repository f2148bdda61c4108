"""Envelopes as a Sentry server gets them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog

from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit import logs
from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until

CARD, EMAIL, PHONE, TOKEN = "4111111111111111", "jane@example.org", "+15550100123", "tok_9f8e7d"


class FakeSentry:
    """An HTTP server that keeps the envelopes which are posted to it."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        envelopes = self.envelopes

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                envelopes.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                envelopes.append(str(self.headers).encode())
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://public@127.0.0.1:{self.server.server_port}/7"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.envelopes[0].splitlines()[2])
        return event


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSentry]:
    server, before = FakeSentry(), structlog.get_config()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    logs.configure("INFO")
    yield server
    logs.on_exception(None)
    structlog.configure(**before)
    server.server.shutdown()
    server.server.server_close()


def test_no_contact_and_no_card_leave_the_process(
    make_kit: Callable[..., Kit], sentry: FakeSentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object, _store: object, placed: Any, *_: object) -> None:
        card, email, phone = CARD, EMAIL, PHONE
        try:
            dict[str, str]()[f"{card} {TOKEN}"]
        except KeyError as error:
            error.add_note(f"card {card}")
            logs.logger("pos").info("call_failed", email=email, order=placed.order_ref)
            raise ValueError(f"no place for {email}, {phone}: {placed.to_wire()}") from ExceptionGroup(phone, [error])

    monkeypatch.setattr(BogusAdapter, "place_order", fail)
    client = WebhookClient(make_kit(sentry_dsn=sentry.dsn))
    body = client.validated(
        order(customer={"firstName": "Jane", "email": EMAIL, "phone": PHONE}),
        payment={"type": "cardOnFile", "cardToken": TOKEN, "processorType": CARD},
        gettOrderId="order-1",
    )
    response = client.place(body, "key-1", {"X-Card": CARD, "User-Agent": EMAIL})
    assert response.status_code == 503
    wait_until(lambda: sentry.envelopes, message="the envelope")
    sent = b"".join(sentry.envelopes).decode()
    for planted in (CARD, EMAIL, PHONE, TOKEN, "Jane", "key-1"):
        assert planted not in sent
    event = sentry.event()
    assert event["logger"] == "placement"
    assert event["transaction"] == "place_order_failed"
    assert event["tags"] == {"order": "order-1", "store": "main"}
    raised = event["exception"]["values"]
    assert {one["type"] for one in raised} == {"ValueError", "ExceptionGroup"}
    assert raised[-1]["stacktrace"]["frames"][-1]["function"] == "fail"
    assert set(event) <= {
        *("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk", "tags"),
        *("transaction", "exception"),
    }


def test_sentry_that_cannot_be_reached_changes_nothing(
    make_kit: Callable[..., Kit], sentry: FakeSentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentry.server.server_close()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BogusAdapter, "place_order", fail)
    client = WebhookClient(make_kit(sentry_dsn=sentry.dsn))
    assert client.place(client.validated(order())).status_code == 503
