"""What the POS says of its own accord: proven to be a store's, and read."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tests.pos import SECRET, STORE_ID
from webhook_kit.adapter import (
    CatalogChanged,
    ItemChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    PauseReason,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
)
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.signing import sign
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
    signature = sign(f"{timestamp}\n{store}\n{line}\n".encode() + body, secret)
    return {"signature": signature, "timestamp": timestamp, "store": store, "content-type": "application/json"}


def read(said: dict[str, str], body: bytes) -> list[PosEvent]:
    return list(HttpAdapter().parse_event(said, body, {store.id: store for store in STORES}))


def body(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events}).encode()


MENU = body({"type": "menu"})


@pytest.mark.parametrize(
    ("event", "meaning"),
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
        ({"type": "menu"}, CatalogChanged("main")),
        ({"type": "item", "itemId": "ham", "available": True}, ItemChanged("main", "ham", available=True)),
        (
            {"type": "item", "itemId": "ham", "available": False, "until": "2026-05-01T18:00:00Z"},
            ItemChanged("main", "ham", available=False, until=UNTIL),
        ),
    ],
)
def test_each_event_is_read(event: dict[str, Any], meaning: PosEvent) -> None:
    said = body(event)
    assert read(headers(said), said) == [meaning]


def test_events_are_those_of_the_store_that_signed_them() -> None:
    said = body({"type": "menu", "storeId": "main"}, {"type": "menu"})
    for secret in ("next", "former"):
        assert (
            read(headers(said, store="%C5%81%C3%B3d%C5%BA%2F1", secret=secret), said) == [CatalogChanged("Łódź/1")] * 2
        )


@pytest.mark.parametrize(
    "said",
    [
        {},
        headers(MENU, secret="wrong"),
        headers(MENU, secret="next"),
        headers(MENU, store="elsewhere"),
        headers(MENU, line="POST /orders"),
        headers(MENU, age=301),
        headers(MENU, age=-3600),
        headers(MENU + b" "),
        {**headers(MENU), "store": "%C5%81%C3%B3d%C5%BA%2F1"},
        {**headers(MENU), "timestamp": str(int(time.time()) + 1)},
        {**headers(MENU), "timestamp": "soon"},
        {**headers(MENU), "signature": ""},
        {**headers(MENU), "signature": "é"},
    ],
)
def test_what_is_not_proven_is_not_read(said: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        read(said, MENU)


@pytest.mark.parametrize(
    "said",
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
def test_what_is_no_event_is_not_taken_for_one(said: bytes) -> None:
    with pytest.raises(ValidationError):
        read(headers(said), said)
