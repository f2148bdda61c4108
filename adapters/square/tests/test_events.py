"""Square's webhooks: verified, and parsed if they are about Gett's orders."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.fake_square import FakeSquare
from tests.square_messages import LOCATION, SIGNATURE_KEY, TOKEN, signed
from tests.square_seller import make_store, order
from webhook_kit import ConfigurationError, InvalidSignature, OrderChanged, Placed, Store
from webhook_kit_square import SquareAdapter


@pytest.fixture
def ticket(adapter: SquareAdapter, store: Store) -> str:
    placed = adapter.place_order(store, order(), "1b4e28ba-2fa1-51d2-883f-0016d3cca427")
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
def test_a_fulfillments_state_becomes_progress(
    adapter: SquareAdapter,
    square: FakeSquare,
    store: Store,
    ticket: str,
    state: str,
    status: str | None,
    end: str | None,
) -> None:
    (event,) = adapter.parse_event(*square.advance(ticket, state), {LOCATION: store})
    assert isinstance(event, OrderChanged)
    assert (event.store_id, event.order_id, event.status, event.state) == (LOCATION, ticket, status, end)
    assert bool(event.reason) is (end == "cancelled")


@pytest.mark.parametrize("state", ["PROPOSED", "SOMETHING_NEW"])
def test_a_new_order_and_an_unknown_state_are_ignored(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str, state: str
) -> None:
    assert adapter.parse_event(*square.advance(ticket, state), {LOCATION: store}) == []


def test_orders_of_other_channels_are_ignored(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str
) -> None:
    square.orders[ticket]["fulfillments"][0]["uid"] = "vyysEynWxh3FS4dn4ai8cD"
    assert adapter.parse_event(*square.advance(ticket, "RESERVED"), {LOCATION: store}) == []


def test_other_events_are_ignored(adapter: SquareAdapter, store: Store) -> None:
    body = json.dumps({"type": "payment.updated", "data": {}}).encode()
    assert adapter.parse_event(signed(body), body, {LOCATION: store}) == []


@pytest.mark.parametrize("fault", ["missing", "wrong key", "another body", "not text", "not ascii"])
def test_an_event_without_a_valid_signature_is_refused(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str, fault: str
) -> None:
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
        adapter.parse_event(headers, body, {LOCATION: store})


def test_both_keys_are_accepted_during_a_rotation(adapter: SquareAdapter, square: FakeSquare, ticket: str) -> None:
    rotating = replace(
        make_store(square), credentials={"token": TOKEN, "webhook_signature_key": f"new-key, {SIGNATURE_KEY}"}
    )
    assert len(adapter.parse_event(*square.advance(ticket, "RESERVED"), {LOCATION: rotating})) == 1


def test_the_key_of_another_store_is_refused(adapter: SquareAdapter, square: FakeSquare, ticket: str) -> None:
    own, other = make_store(square), replace(make_store(square), id="LOTHER")
    own = replace(own, credentials={"token": TOKEN, "webhook_signature_key": "own-key"})
    with pytest.raises(InvalidSignature, match="another store"):
        adapter.parse_event(*square.advance(ticket, "RESERVED"), {LOCATION: own, "LOTHER": other})


@pytest.mark.parametrize("member", ["location_id", "order_id"])
def test_an_event_that_names_its_order_by_a_number_is_not_read(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str, member: str
) -> None:
    event = json.loads(square.advance(ticket, "RESERVED")[1])
    event["data"]["object"]["order_fulfillment_updated"][member] = 7
    body = json.dumps(event).encode()
    with pytest.raises(ValueError, match="should be texts"):
        adapter.parse_event(signed(body), body, {LOCATION: store})


@pytest.mark.parametrize("missing", ["webhook_signature_key", "webhook_url"])
def test_without_key_or_address_no_webhook_is_accepted(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str, missing: str
) -> None:
    incomplete = replace(
        store,
        credentials={name: value for name, value in store.credentials.items() if name != missing},
        options={name: value for name, value in store.options.items() if name != missing},
    )
    with pytest.raises(ConfigurationError, match=missing):
        adapter.parse_event(*square.advance(ticket, "RESERVED"), {LOCATION: incomplete})


def test_the_environment_is_not_read(
    adapter: SquareAdapter, square: FakeSquare, store: Store, ticket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUARE_WEBHOOK_SIGNATURE_KEY", "other-key")
    monkeypatch.setenv("SQUARE_WEBHOOK_URL", "https://elsewhere.example")
    assert len(adapter.parse_event(*square.advance(ticket, "RESERVED"), {LOCATION: store})) == 1
