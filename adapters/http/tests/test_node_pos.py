"""The POS in Node by itself: whom it believes, what it keeps, and how it tells the kit."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.node import Till, node_pos
from tests.pos import SECRET, STORE_ID, ScriptedPos, scripted_pos
from tests.test_calls import order
from webhook_kit.adapter import (
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
)
from webhook_kit.gett.signing import sign
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit_http import HttpAdapter, HttpNativeAdapter
from webhook_kit_http.adapter import HttpPosError

ADAPTER = HttpNativeAdapter()


def store(till: Till, **changes: Any) -> Store:
    made = Store("main", STORE_ID, "http-native", credentials={"secret": SECRET}, options={"base_url": till.pos_url})
    return replace(made, **changes)


def place(till: Till, key: str, item_id: str = "lemonade") -> Placed | Refused:
    wanted = order(ref=f"ref-{key}")
    wanted.cart.line_items[0].item_id = item_id
    return ADAPTER.place_order(store(till), wanted, key)


def headers(
    call: str, *, store_id: str = "main", secret: str = SECRET, age: float = 0, body: bytes = b""
) -> dict[str, str]:
    timestamp = str(int(time.time() - age))
    signature = sign(f"{timestamp}\n{store_id}\n{call}\n".encode() + body, secret)
    return {"Signature": signature, "Timestamp": timestamp, "Store": store_id}


def test_it_believes_nobody_but_the_kit(tmp_path: Path) -> None:
    call = "GET /status"
    with node_pos(tmp_path, "main", SECRET) as till:
        url = f"{till.pos_url}/status"
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
            answer = requests.get(url, headers=forged, timeout=PATIENCE)
            assert answer.status_code == 401, forged


def test_it_takes_either_secret_while_one_is_rotated(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", "next, former") as till:
        for secret in ("next", "former"):
            assert ADAPTER.store_status(store(till, credentials={"secret": secret})) is StoreState.OPEN
        with pytest.raises(HttpPosError, match="401"):
            ADAPTER.store_status(store(till))


def test_a_store_may_be_called_anything(tmp_path: Path) -> None:
    id = "Łódź (no. 1)/it's *new*!"
    with node_pos(tmp_path, id, SECRET) as till:
        called = store(till, id=id)
        assert ADAPTER.store_status(called) is StoreState.OPEN
        webhook = till.sell_out("water")
        said = {name.lower(): value for name, value in webhook.headers.items()}
        assert ADAPTER.parse_event(said, webhook.body, {id: called}) == [ItemChanged(id, "water", available=False)]


def test_what_it_has_answered_survives_a_kill(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", SECRET) as till:
        first = place(till, "k1")
        assert isinstance(first, Placed)
        till.sell_out("water")
        till.advance(first.id, "preparing")
        till.process.kill()
    with node_pos(tmp_path, "main", SECRET) as till:
        assert place(till, "k1") == first
        assert len(till.tickets()) == 1
        assert till.tickets()[0]["status"] == "preparing"
        refused = place(till, "k2", "water")
        assert isinstance(refused, Refused)
        assert refused.refusals[0].reason is Reason.ITEM_UNAVAILABLE


def test_how_an_order_is_paid_is_not_kept(tmp_path: Path) -> None:
    with node_pos(tmp_path, "main", SECRET) as till:
        place(till, "k1")
    assert "lemonade" in (tmp_path / "journal").read_text()
    assert "tok_1" not in (tmp_path / "journal").read_text()


def test_it_tells_the_kit_in_order_and_until_it_is_heard(tmp_path: Path) -> None:
    with scripted_pos() as kit, node_pos(tmp_path, "main", SECRET, KIT_URL=f"{kit.url}/pos/http/events") as till:
        kit.answers["POST /pos/http/events"] = 503, {}
        placed = place(till, "k1")
        assert isinstance(placed, Placed)
        till.advance(placed.id, "preparing")
        till.advance(placed.id, "completed")
        till.set_price("water", Decimal("2.00"))
        wait_until(lambda: len(kit.asked) >= 2, message="a second attempt")
        kit.answers["POST /pos/http/events"] = 200, ["ok"]
        wait_until(lambda: told(kit)[-1:] == [CatalogChanged("main")], message="the last event")
    wanted = [
        OrderChanged("main", placed.id, "ref-k1", status=OrderStatus.PREPARING),
        OrderChanged("main", placed.id, "ref-k1", state=OrderState.COMPLETED),
        CatalogChanged("main"),
    ]
    assert list(dict.fromkeys(told(kit))) == wanted, "said again until it is heard, and never before what came earlier"


def told(kit: ScriptedPos) -> list[Any]:
    """What the POS has said, read as the kit reads it."""
    known = Store("main", STORE_ID, "http", credentials={"secret": SECRET})
    return [
        event
        for asked in list(kit.asked)
        for event in HttpAdapter().parse_event(asked.headers, asked.raw, {known.id: known})
    ]


def test_an_event_that_the_kit_refuses_does_not_hold_up_the_next(tmp_path: Path) -> None:
    with scripted_pos() as kit, node_pos(tmp_path, "main", SECRET, KIT_URL=f"{kit.url}/pos/http/events") as till:
        kit.answers["POST /pos/http/events"] = 400, {}
        till.sell_out("water")
        till.close()
        wait_until(lambda: len(kit.asked) == 2, message="both events")
    assert [json.loads(asked.raw)["events"][0]["type"] for asked in kit.asked] == ["item", "store"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"order": {"cart": {}}}', 400), (b"x" * 2_000_000, 413)],
)
def test_bad_input_is_answered_and_harms_nobody(tmp_path: Path, body: bytes, status: int) -> None:
    with node_pos(tmp_path, "main", SECRET) as till:
        said = headers("POST /quote", body=body)
        assert requests.post(f"{till.pos_url}/quote", data=body, headers=said, timeout=PATIENCE).status_code == status
        assert ADAPTER.store_status(store(till)) is StoreState.OPEN
