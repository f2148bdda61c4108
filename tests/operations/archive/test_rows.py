"""Rows of anything that Redis may hold: always storable, never with a text that is not on the allow-list."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.operations.archive.rows import audit_row, moment, order_row, storable, update_rows

TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "state",
    "store",
    "gett_id",
    "partner_id",
    "keys",
    "created",
    "updated",
    "attempt",
    "replays",
    "accepted",
    "ms",
)
EVENTS = ("appended", "merged", "sent", "postponed", "dead_lettered", "discarded", "received")


def every_text(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in every_text(part)]
    return [text for each in value for text in every_text(each)] if isinstance(value, list) else []


@given(
    st.dictionaries(st.sampled_from(FIELDS), TEXT),
    st.dictionaries(st.sampled_from(["cart", "amounts", "errors", "errorCode", "detail", "x"]), JSON),
    st.dictionaries(st.sampled_from(["last", "acknowledged", "acknowledged_at"]), TEXT),
    st.lists(
        st.fixed_dictionaries({"event": st.sampled_from(EVENTS)}, optional={"update": JSON, "at": JSON, "body": JSON})
    ),
    st.booleans(),
)
def test_whatever_redis_holds_can_be_stored(
    record: dict[str, str], answer: Any, lane: dict[str, str], history: Any, refused: bool
) -> None:
    known = {"answer": json.dumps(answer), "state": "refused" if refused else "placed"}
    row = order_row("ref", record | known, lane, history)
    rows = [row, *update_rows("ref", history)]
    for text in every_text(rows):
        text.encode()
        assert "\0" not in text
    json.dumps([row["answer"], row["history"], row["idempotency_keys"]], allow_nan=False)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("12.30", Decimal("12.30")),
        ("0.1", Decimal("0.1")),
        ("1e999999", None),
        ("NaN", None),
        ("-Infinity", None),
        ("", None),
        ("12,3", None),
    ],
)
def test_amounts_are_exact_or_missing(written: str, amount: Decimal | None) -> None:
    assert order_row("r", {"accepted": written}, {}, [])["accepted"] == amount


def test_money_of_an_answer_keeps_its_cents() -> None:
    answer = '{"amounts": {"total": 1234567.89, "tip": 0.1, "fees": 0.30000000000000004}}'
    row = order_row("r", {"state": "placed", "answer": answer}, {}, [])
    assert (row["total"], row["tip"], row["fees"]) == (
        Decimal("1234567.89"),
        Decimal("0.1"),
        Decimal("0.30000000000000004"),
    )


def test_times_are_utc_or_missing() -> None:
    assert moment("1795976032819") == datetime(2026, 11, 29, 18, 13, 52, 819_000, tzinfo=UTC)
    assert [moment(each) for each in ("", None, "x", "9" * 30, "-" + "9" * 30)] == [None] * 5


def test_an_update_is_told_by_its_last_event() -> None:
    history: list[dict[str, Any]] = [
        {"event": "appended", "update": 1, "at": "1000", "body": {"state": "cancelled", "cancelReason": "Jane"}},
        {"event": "postponed", "update": 1, "at": "2000", "status": 503, "code": "BUSY", "count": 3, "why": "Jane"},
        {"event": "postponed", "update": 1, "at": "3000", "status": 429},
        {"event": "dead_lettered", "update": 1, "at": "4000", "status": 422, "code": "INVALID", "why": "Jane"},
        {"event": "left_out", "at": "4000", "count": 2},
    ]
    [row] = update_rows("r", history)
    assert (row["step"], row["outcome"], row["failures"]) == ("cancelled", "dead_lettered", 4)
    assert (row["http_status"], row["error_code"]) == (422, "INVALID")
    assert (row["appended"], row["ended"]) == (moment(1000), moment(4000))
    assert "Jane" not in str(row)


def test_the_address_of_a_failed_log_in_is_left_out() -> None:
    fields = {"who": "unknown", "via": "console", "action": "log_in", "subject": "192.0.2.1", "failed": "1"}
    assert audit_row("1-0", fields)["subject"] == "removed"
    assert audit_row("1-0", fields | {"action": "retry_now"})["subject"] == "192.0.2.1"


def test_plain_data_stays_as_it_is() -> None:
    data = {"a": [1, 2.5, None, True, "é😀"]}
    assert storable(data) == data
    assert storable(float("inf")) is None
