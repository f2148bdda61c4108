"""Square's webhooks: genuine ones are read, and only what is about our orders is told."""

from __future__ import annotations

import json

import pytest

from tests.fake_square import LOCATION, SIGNATURE_KEY, FakeSquare, signed
from tests.harbour import order
from webhook_kit.adapter import OrderChanged, Placed, Store
from webhook_kit.errors import ConfigurationError, InvalidSignature
from webhook_kit_square import SquareAdapter


@pytest.fixture
def ticket(adapter: SquareAdapter, harbour: Store) -> str:
    placed = adapter.place_order(harbour, order(), "1b4e28ba-2fa1-51d2-883f-0016d3cca427")
    assert isinstance(placed, Placed)
    return placed.id


@pytest.mark.parametrize(
    ("state", "status", "end"),
    [
        ("RESERVED", "preparing", None),
        ("PREPARED", "ready", None),
        ("COMPLETED", None, "completed"),
        ("CANCELED", None, "cancelled"),
        ("FAILED", None, "cancelled"),
    ],
)
def test_a_fulfillments_state_is_told_in_getts_words(
    adapter: SquareAdapter, square: FakeSquare, ticket: str, state: str, status: str | None, end: str | None
) -> None:
    (told,) = adapter.parse_event(*square.advance(ticket, state), {})
    assert isinstance(told, OrderChanged)
    assert (told.store_id, told.order_id, told.status, told.state) == (LOCATION, ticket, status, end)
    assert bool(told.reason) is (end == "cancelled")


@pytest.mark.parametrize("state", ["PROPOSED", "SOMETHING_NEW"])
def test_an_order_that_has_just_been_made_and_a_state_nobody_knows_say_nothing(
    adapter: SquareAdapter, square: FakeSquare, ticket: str, state: str
) -> None:
    assert adapter.parse_event(*square.advance(ticket, state), {}) == []


def test_other_peoples_orders_say_nothing(adapter: SquareAdapter, square: FakeSquare, ticket: str) -> None:
    square.orders[ticket]["fulfillments"][0]["uid"] = "vyysEynWxh3FS4dn4ai8cD"
    assert adapter.parse_event(*square.advance(ticket, "RESERVED"), {}) == []


def test_other_events_say_nothing(adapter: SquareAdapter) -> None:
    body = json.dumps({"type": "payment.updated", "data": {}}).encode()
    assert adapter.parse_event(signed(body), body, {}) == []


@pytest.mark.parametrize("fault", ["missing", "wrong key", "another body", "not text", "not ascii"])
def test_what_is_not_squares_is_refused(adapter: SquareAdapter, square: FakeSquare, ticket: str, fault: str) -> None:
    headers, body = square.advance(ticket, "RESERVED")
    match fault:
        case "missing":
            headers = {}
        case "wrong key":
            headers = signed(body, "another key")
        case "another body":
            body += b" "
        case "not text":
            body = b"\xff\xfe"
        case "not ascii":
            headers = {"x-square-hmacsha256-signature": "ü"}
    with pytest.raises(InvalidSignature):
        adapter.parse_event(headers, body, {})


def test_while_the_key_is_rotated_both_are_taken(
    adapter: SquareAdapter, square: FakeSquare, ticket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUARE_WEBHOOK_SIGNATURE_KEY", f"new-key,{SIGNATURE_KEY}")
    assert len(adapter.parse_event(*square.advance(ticket, "RESERVED"), {})) == 1


@pytest.mark.parametrize("variable", ["SQUARE_WEBHOOK_SIGNATURE_KEY", "SQUARE_WEBHOOK_URL"])
def test_without_key_or_address_no_webhook_is_taken(
    adapter: SquareAdapter, square: FakeSquare, ticket: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigurationError, match=variable):
        adapter.parse_event(*square.advance(ticket, "RESERVED"), {})
