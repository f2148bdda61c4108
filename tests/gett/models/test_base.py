from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.base import Id, Listed, Quantity, UtcTime, Wire


class Thing(Wire):
    thing_id: Id = "t"
    quantity: Quantity = 1
    created_at: UtcTime | None = None
    parts: Listed[str] = []  # noqa: RUF012 - pydantic copies it


@pytest.mark.parametrize(
    "written",
    ["2026-01-30T10:00:00Z", "2026-01-30T10:00:00.000Z", "2026-01-30T12:00:00+02:00", "2026-01-30T10:00:00"],
)
def test_times_are_converted_to_utc(written: str) -> None:
    thing = Thing.from_json(f'{{"createdAt": "{written}"}}')
    assert thing.created_at == datetime(2026, 1, 30, 10, tzinfo=UTC)
    assert thing.created_at.tzinfo is UTC
    assert thing.to_json() == b'{"createdAt":"2026-01-30T10:00:00Z"}'


def test_times_in_python_are_converted_to_utc() -> None:
    local = datetime(2026, 1, 30, 10, tzinfo=timezone(timedelta(hours=-8)))
    assert Thing(created_at=local).to_wire() == {"createdAt": "2026-01-30T18:00:00Z"}


@pytest.mark.parametrize(
    "written", ["1700000000", '"yesterday"', '"2026-13-01T00:00:00Z"', '"2026-01-30"', "true", '""']
)
def test_invalid_time_is_rejected(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"createdAt": {written}}}')


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_time_out_of_range_is_rejected(written: str) -> None:
    with pytest.raises(ValidationError, match="out of range"):
        Thing.from_json(f'{{"createdAt": "{written}"}}')


@pytest.mark.parametrize("written", ['"2"', "true", "2.0", "2.5", "0", "-1", "10000", "[]"])
def test_invalid_quantity_is_rejected(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"quantity": {written}}}')


def test_null_equals_absent_where_the_protocol_allows_it() -> None:
    for raw in (b"{}", b'{"quantity": null, "parts": null, "createdAt": null}'):
        thing = Thing.from_json(raw)
        assert (thing.quantity, thing.parts, thing.created_at) == (1, [], None)


def test_only_set_members_are_written() -> None:
    assert Thing().to_json() == b"{}"
    assert Thing.from_json(b'{"createdAt": null}').to_json() == b'{"createdAt":null}'


@pytest.mark.parametrize("written", ['""', "5", "null", f'"{"x" * 256}"'])
def test_invalid_id_is_rejected(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"thingId": {written}}}')


def test_errors_name_the_path_but_not_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.from_json(b'{"quantity": "+15551234567", "createdAt": "jane@example.com"}')
    assert {error["loc"] for error in caught.value.errors()} == {("quantity",), ("createdAt",)}
    assert "5551234567" not in str(caught.value)
    assert "jane" not in str(caught.value)


def test_unknown_members_are_kept_but_not_shown() -> None:
    raw = b'{"quantity":2,"cardNumber":"4111111111111111","nested":{"a":[1,null,true]}}'
    thing = Thing.from_json(raw)
    assert thing.to_json() == raw
    assert "4111" not in repr(thing)
    assert "4111" not in str(thing)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"x": "\\ud800"}', b"[" * 100_000]
)
def test_invalid_object_is_rejected(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(raw)


def test_half_of_a_surrogate_pair_is_replaced_in_python_and_in_answers() -> None:
    half = "\ud83d"
    thing = Thing(thing_id=half, parts=[half], unknown={half: [half]})
    assert thing.to_wire() == {"thingId": "\ufffd", "parts": ["\ufffd"], "unknown": {"\ufffd": ["\ufffd"]}}
    assert (
        Thing.model_validate({"thingId": half, "parts": [half]}).to_json()
        == '{"thingId":"\ufffd","parts":["\ufffd"]}'.encode()
    )
    assert Thing.from_answer(b'{"thingId": "\\ud83d", "parts": ["\\ud83d\\ude00"]}').to_wire() == {
        "thingId": "\ufffd",
        "parts": ["\U0001f600"],
    }


def test_own_constructor_is_not_called_for_what_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thing, "__init__", lambda *_: pytest.fail("called"))
    assert Thing.from_json(b'{"quantity": 2}').quantity == 2
