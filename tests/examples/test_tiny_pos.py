"""The example in examples/tiny_pos is a complete adapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from webhook_kit import Cart, Guarantee, LineItem, Placed, PlaceOrderRequest, PosAdapter, Store, check_catalog
from webhook_kit.stores.adapters import load_adapter

EXAMPLE = Path(__file__).parents[2] / "examples" / "tiny_pos"
STORE = Store("main", "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90", "tiny")


@pytest.fixture
def pos(monkeypatch: pytest.MonkeyPatch) -> PosAdapter:
    monkeypatch.syspath_prepend(EXAMPLE)
    return type(load_adapter("tiny_pos:TinyPos"))()  # without the logging of each call


def test_the_catalog_has_no_findings(pos: PosAdapter) -> None:
    assert pos.guarantee() is Guarantee.CLAIM
    assert check_catalog(pos.fetch_catalog(STORE)) == []


def test_a_ticket_is_printed(pos: PosAdapter, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [LineItem(item_id="margherita", quantity=2), LineItem(item_id="water")]
    order = PlaceOrderRequest(cart=Cart(store_id="s", line_items=lines), fulfillment_type="Pickup")
    assert pos.place_order(STORE, order, "key-1") == Placed("key-1")
    assert capsys.readouterr().out == "main: 2 × margherita, 1 × water\n"


def test_the_class_has_at_most_twenty_lines() -> None:
    source = (EXAMPLE / "tiny_pos.py").read_text().split("class TinyPos")[1]
    assert len(source.splitlines()) <= 20
