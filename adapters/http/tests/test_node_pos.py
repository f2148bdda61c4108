"""The POS in Node by itself: verification of calls, persistence, and delivery of events."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.node_pos import NodePos, node_pos
from tests.scripted_pos import SECRET, STORE_ID, ScriptedPos, scripted_pos
from tests.test_calls import order
from webhook_kit import (
    CatalogChanged,
    ItemChanged,
    OrderChanged,
    OrderState,
    OrderStatus,
    Placed,
    Reason,
    Refused,
    Store,
    StoreState,
    sign_message,
)
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit_http import HttpAdapter, HttpNativeAdapter
from webhook_kit_http.adapter import HttpPosError

ADAPTER = HttpNativeAdapter()


def store(node: NodePos, **changes: Any) -> Store:
    result = Store("main", STORE_ID, "http-native", credentials={"secret": SECRET}, options={"base_url": node.url})
    return replace(result, **changes)


def place(node: NodePos, key: str, item_id: str = "lemonade") -> Placed | Refused:
    placing = order(ref=f"ref-{key}")
    placing.cart.line_items[0].item_id = item_id
    return ADAPTER.place_order(store(node), placing, key)


def headers(
    call: str, *, store_id: str = "main", secret: str = SECRET, age: float = 0, body: bytes = b""
) -> dict[str, str]:
    timestamp = str(int(time.time() - age))
    signature = sign_message(f"{timestamp}\n{store_id}\n{call}\n".encode() + body, secret)
    return {"Signature": signature, "Timestamp": timestamp, "Store": store_id}


def test_only_calls_of_the_kit_are_accepted(node: NodePos) -> None:
    call = "GET /status"
    url = f"{node.url}/status"
    assert requests.get(url, headers=headers(call), timeout=PATIENCE).json() == {"state": "open"}
    for forged in (
        {},
        headers(call, secret="wrong"),
        headers(call, store_id="elsewhere"),
        headers(call, store_id="%"),
        headers(call, age=301),
        headers(call, age=-360),
        headers("GET /catalog"),
        headers("POST /status"),
        headers(call, body=b"{}"),
        {**headers(call), "Signature": "no hex"},
        {**headers(call), "Timestamp": "soon"},
    ):
        response = requests.get(url, headers=forged, timeout=PATIENCE)
        assert response.status_code == 401, forged


def test_both_secrets_are_accepted_during_a_rotation(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", "next, former") as node:
        for secret in ("next", "former"):
            assert ADAPTER.store_status(store(node, credentials={"secret": secret})) is StoreState.OPEN
        with pytest.raises(HttpPosError, match="401"):
            ADAPTER.store_status(store(node))


def test_a_store_id_may_have_any_characters(tmp_path: Path) -> None:
    id = "Łódź (no. 1)/it's *new*!"
    with node_pos(tmp_path, id, SECRET) as node:
        unusual = store(node, id=id)
        assert ADAPTER.store_status(unusual) is StoreState.OPEN
        webhook = node.sell_out("water")
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        assert ADAPTER.parse_event(headers, webhook.body, {id: unusual}) == [ItemChanged(id, "water", available=False)]


def test_confirmed_changes_survive_a_kill(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", SECRET) as node:
        first = place(node, "k1")
        assert isinstance(first, Placed)
        node.sell_out("water")
        node.advance(first.id, "preparing")
        node.process.kill()
    with node_pos(tmp_path, "main", SECRET) as node:
        assert place(node, "k1") == first
        assert len(node.tickets()) == 1
        assert node.tickets()[0]["status"] == "preparing"
        refused = place(node, "k2", "water")
        assert isinstance(refused, Refused)
        assert refused.refusals[0].reason is Reason.ITEM_UNAVAILABLE


def test_the_payment_is_not_stored(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", SECRET) as node:
        place(node, "k1")
    assert "lemonade" in (tmp_path / "journal").read_text()
    assert "tok_1" not in (tmp_path / "journal").read_text()


def test_events_are_sent_in_order_and_until_they_are_accepted(tmp_path: Path) -> None:
    with (
        scripted_pos() as kit_server,
        node_pos(tmp_path, "main", SECRET, KIT_URL=f"{kit_server.url}/pos/http/events") as node,
    ):
        kit_server.responses["POST /pos/http/events"] = 503, {}
        placed = place(node, "k1")
        assert isinstance(placed, Placed)
        node.advance(placed.id, "preparing")
        node.advance(placed.id, "completed")
        node.set_price("water", Decimal("2.00"))
        wait_until(lambda: len(kit_server.received) >= 2, message="a second attempt")
        kit_server.responses["POST /pos/http/events"] = 200, ["ok"]
        wait_until(lambda: received_events(kit_server)[-1:] == [CatalogChanged("main")], message="the last event")
    expected = [
        OrderChanged("main", placed.id, "ref-k1", status=OrderStatus.PREPARING),
        OrderChanged("main", placed.id, "ref-k1", state=OrderState.COMPLETED),
        CatalogChanged("main"),
    ]
    assert list(dict.fromkeys(received_events(kit_server))) == expected, (
        "repeated until accepted, and never before an earlier event"
    )


def received_events(kit_server: ScriptedPos) -> list[Any]:
    """Return the events that the POS has sent, parsed as the kit does."""
    store = Store("main", STORE_ID, "http", credentials={"secret": SECRET})
    return [
        event
        for request in list(kit_server.received)
        for event in HttpAdapter().parse_event(request.headers, request.raw, {store.id: store})
    ]


def test_a_rejected_event_does_not_block_the_next(tmp_path: Path) -> None:
    with (
        scripted_pos() as kit_server,
        node_pos(tmp_path, "main", SECRET, KIT_URL=f"{kit_server.url}/pos/http/events") as node,
    ):
        kit_server.responses["POST /pos/http/events"] = 400, {}
        node.sell_out("water")
        node.close()
        wait_until(lambda: len(kit_server.received) == 2, message="both events")
    assert [json.loads(request.raw)["events"][0]["type"] for request in kit_server.received] == ["item", "store"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"order": {"cart": {}}}', 400), (b"x" * 2_000_000, 413)],
)
def test_bad_input_is_rejected_and_the_pos_keeps_running(tmp_path: Path, body: bytes, status: int) -> None:
    with node_pos(tmp_path, "main", SECRET) as node:
        signed = headers("POST /quote", body=body)
        assert requests.post(f"{node.url}/quote", data=body, headers=signed, timeout=PATIENCE).status_code == status
        assert ADAPTER.store_status(store(node)) is StoreState.OPEN
