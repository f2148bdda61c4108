"""Events of the POS: verified as a store's, and parsed."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tests.scripted_pos import SECRET, STORE_ID
from webhook_kit import (
    CatalogChanged,
    InvalidSignature,
    ItemChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    PauseReason,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
    sign_message,
)
from webhook_kit_http import HttpAdapter

STORES = [
    Store("main", STORE_ID, "http", credentials={"secret": SECRET}),
    Store("Łódź/1", "99", "http", credentials={"secret": "next, former"}),
]
UNTIL = datetime(2026, 5, 1, 18, 0, tzinfo=UTC)


def headers(
    body: bytes, *, store: str = "main", secret: str = SECRET, age: float = 0, line: str = "POST /events"
) -> dict[str, str]:
    timestamp = str(int(time.time() - age))
    signature = sign_message(f"{timestamp}\n{store}\n{line}\n".encode() + body, secret)
    return {"signature": signature, "timestamp": timestamp, "store": store, "content-type": "application/json"}


def parse(headers: dict[str, str], body: bytes) -> list[PosEvent]:
    return list(HttpAdapter().parse_event(headers, body, {store.id: store for store in STORES}))


def body(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events}).encode()


CATALOG = body({"type": "catalog"})


@pytest.mark.parametrize(
    ("event", "parsed"),
    [
        ({"type": "order", "id": "7", "status": "ready"}, OrderChanged("main", "7", status=OrderStatus.READY)),
        (
            {"type": "order", "orderRef": "g", "state": "cancelled", "reason": "burnt"},
            OrderChanged("main", order_ref="g", state=OrderState.CANCELLED, reason="burnt"),
        ),
        (
            {"type": "order", "id": "7", "status": "preparing", "estimatedReadyAt": "2026-05-01T20:00:00+02:00"},
            OrderChanged("main", "7", status=OrderStatus.PREPARING, estimated_ready_at=UNTIL),
        ),
        (
            {"type": "store", "state": "closed", "reason": "too_busy"},
            StoreChanged("main", StoreState.CLOSED, PauseReason.TOO_BUSY),
        ),
        ({"type": "store", "state": "open"}, StoreChanged("main", StoreState.OPEN)),
        ({"type": "catalog"}, CatalogChanged("main")),
        ({"type": "item", "itemId": "ham", "available": True}, ItemChanged("main", "ham", available=True)),
        (
            {"type": "item", "itemId": "ham", "available": False, "until": "2026-05-01T18:00:00Z"},
            ItemChanged("main", "ham", available=False, until=UNTIL),
        ),
    ],
)
def test_each_event_is_parsed(event: dict[str, Any], parsed: PosEvent) -> None:
    raw = body(event)
    assert parse(headers(raw), raw) == [parsed]


def test_events_belong_to_the_store_that_signed_them() -> None:
    raw = body({"type": "catalog", "storeId": "main"}, {"type": "catalog"})
    for secret in ("next", "former"):
        assert (
            parse(headers(raw, store="%C5%81%C3%B3d%C5%BA%2F1", secret=secret), raw) == [CatalogChanged("Łódź/1")] * 2
        )


@pytest.mark.parametrize(
    "forged",
    [
        {},
        headers(CATALOG, secret="wrong"),
        headers(CATALOG, secret="next"),
        headers(CATALOG, store="elsewhere"),
        headers(CATALOG, line="POST /orders"),
        headers(CATALOG, age=301),
        headers(CATALOG, age=-3600),
        headers(CATALOG + b" "),
        {**headers(CATALOG), "store": "%C5%81%C3%B3d%C5%BA%2F1"},
        {**headers(CATALOG), "timestamp": str(int(time.time()) + 1)},
        {**headers(CATALOG), "timestamp": "soon"},
        {**headers(CATALOG), "signature": ""},
        {**headers(CATALOG), "signature": "é"},
    ],
)
def test_an_event_without_a_valid_signature_is_refused(forged: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        parse(forged, CATALOG)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"events": 5}',
        body({"type": "weather"}),
        body({"status": "ready"}),
        body({"type": "order", "status": "ready"}),
        body({"type": "order", "id": "7"}),
        body({"type": "order", "id": "7", "status": "burnt"}),
        body({"type": "order", "id": "7", "status": "ready", "state": "completed"}),
        body({"type": "item", "itemId": "ham", "available": "no"}),
    ],
)
def test_a_body_that_is_not_an_event_is_refused(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        parse(headers(raw), raw)
