from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models import Id, Listed, Quantity, UtcTime, Wire


class Thing(Wire):
    thing_id: Id = "t"
    quantity: Quantity = 1
    seen_at: UtcTime | None = None
    parts: Listed[str] = []  # noqa: RUF012 - pydantic copies it


@pytest.mark.parametrize(
    "written",
    ["2026-01-30T10:00:00Z", "2026-01-30T10:00:00.000Z", "2026-01-30T12:00:00+02:00", "2026-01-30T10:00:00"],
)
def test_times_are_read_as_utc(written: str) -> None:
    thing = Thing.from_json(f'{{"seenAt": "{written}"}}')
    assert thing.seen_at == datetime(2026, 1, 30, 10, tzinfo=UTC)
    assert thing.seen_at.tzinfo is UTC
    assert thing.to_json() == b'{"seenAt":"2026-01-30T10:00:00Z"}'


def test_times_given_in_python_are_turned_to_utc() -> None:
    local = datetime(2026, 1, 30, 10, tzinfo=timezone(timedelta(hours=-8)))
    assert Thing(seen_at=local).to_wire() == {"seenAt": "2026-01-30T18:00:00Z"}


@pytest.mark.parametrize(
    "written", ["1700000000", '"yesterday"', '"2026-13-01T00:00:00Z"', '"2026-01-30"', "true", '""']
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"seenAt": {written}}}')


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_beyond_the_calendar_is_a_mistake_and_no_crash(written: str) -> None:
    with pytest.raises(ValidationError, match="outside the calendar"):
        Thing.from_json(f'{{"seenAt": "{written}"}}')


@pytest.mark.parametrize("written", ['"2"', "true", "2.0", "2.5", "0", "-1", "10000", "[]"])
def test_what_is_no_quantity_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"quantity": {written}}}')


def test_null_and_absent_read_alike_where_the_protocol_allows_it() -> None:
    for raw in (b"{}", b'{"quantity": null, "parts": null, "seenAt": null}'):
        thing = Thing.from_json(raw)
        assert (thing.quantity, thing.parts, thing.seen_at) == (1, [], None)


def test_only_what_was_set_is_written() -> None:
    assert Thing().to_json() == b"{}"
    assert Thing.from_json(b'{"seenAt": null}').to_json() == b'{"seenAt":null}'


@pytest.mark.parametrize("written", ['""', "5", "null", f'"{"x" * 256}"'])
def test_what_is_no_id_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(f'{{"thingId": {written}}}')


def test_mistakes_name_the_place_and_never_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing.from_json(b'{"quantity": "+15551234567", "seenAt": "jane@example.com"}')
    assert {mistake["loc"] for mistake in caught.value.errors()} == {("quantity",), ("seenAt",)}
    assert "5551234567" not in str(caught.value)
    assert "jane" not in str(caught.value)


def test_unknown_members_are_kept_and_never_shown() -> None:
    raw = b'{"quantity":2,"cardNumber":"4111111111111111","nested":{"a":[1,null,true]}}'
    thing = Thing.from_json(raw)
    assert thing.to_json() == raw
    assert "4111" not in repr(thing)
    assert "4111" not in str(thing)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"x": "\\ud800"}', b"[" * 100_000]
)
def test_what_is_no_object_is_a_mistake_and_no_crash(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        Thing.from_json(raw)
