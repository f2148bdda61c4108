from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.money import Money, Price, cents

MOST = 10**12 - 1  # cents: twelve digits


class Bill(Wire):
    amount: Money


class Tag(Wire):
    price: Price


@given(st.integers(min_value=-MOST, max_value=MOST))
def test_every_amount_is_exact_as_a_json_number(amount_in_cents: int) -> None:
    amount = Decimal(amount_in_cents).scaleb(-2)
    written = Bill(amount=amount).to_json()
    # Read back by a parser that keeps every digit: what is on the wire is the amount itself.
    on_the_wire = json.loads(written, parse_float=Decimal, parse_int=Decimal)["amount"]
    assert isinstance(on_the_wire, Decimal)
    assert on_the_wire == amount
    assert Bill.from_json(written).amount == amount


@pytest.mark.parametrize(
    ("written", "shown"),
    [("15.1", "15.10"), ("15", "15.00"), ("-0.0", "0.00"), ("1e2", "100.00"), ("15.250", "15.25"), ("-3.5", "-3.50")],
)
def test_amount_always_has_two_decimals(written: str, shown: str) -> None:
    assert str(Bill.from_json(f'{{"amount": {written}}}').amount) == shown


def test_sum_of_binary_fractions_is_exact() -> None:
    total = sum((Bill.from_json(b'{"amount": 0.1}').amount for _ in range(3)), Decimal(0))
    assert total == Decimal("0.3")


@pytest.mark.parametrize(
    "written",
    [
        '"15.25"',
        "true",
        "null",
        "[]",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "15.255",
        "0.001",
        "10000000000.00",
        "1" * 40,
    ],
)
def test_invalid_amount_is_rejected(written: str) -> None:
    with pytest.raises(ValidationError):
        Bill.from_json(f'{{"amount": {written}}}')


def test_text_is_rejected_even_in_lenient_mode() -> None:
    with pytest.raises(ValidationError, match="money must be a JSON number, not text"):
        Bill.model_validate_json(b'{"amount": "15.25"}')


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), True])
def test_invalid_amount_in_python_is_rejected(value: object) -> None:
    with pytest.raises(ValidationError):
        Bill.model_validate({"amount": value})


def test_negative_price_is_rejected() -> None:
    assert Tag.from_json(b'{"price": 0}').price == 0
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Tag.from_json(b'{"price": -0.01}')


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.0049", "0.00"), ("2.675", "2.68"), ("1", "1.00")],
)
def test_cents_rounds_half_away_from_zero(amount: str, rounded: str) -> None:
    assert str(cents(Decimal(amount))) == rounded


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_money_is_a_number_in_the_schema(mode: str) -> None:
    assert TypeAdapter(Money).json_schema(mode=mode) == {"type": "number"}  # type: ignore[arg-type]
    assert TypeAdapter(Price).json_schema(mode=mode) == {"type": "number", "minimum": 0}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price", "read"),
    [
        (2.4900000095, "2.49"),
        (0.1 + 0.2, "0.30"),
        (1234.56005859375, "1234.56"),  # 1234.56 as a number of 32 bits
        (Decimal("2.50009"), "2.50"),
        (2.495, "2.495"),
        (2.4901, "2.4901"),
        (-0.00001, "0.00"),
        ("2.5", "2.50"),
        (9_999_999_999.99, "9999999999.99"),
    ],
)
def test_only_noise_of_binary_floating_point_is_removed_from_a_catalog_price(price: object, read: str) -> None:
    assert str(ExternalItem.model_validate({"itemId": "a", "name": "A", "basePrice": price}).base_price) == read


@pytest.mark.parametrize("price", [math.nan, math.inf, 1e10, None, True, "2,50", "", [], 10**20])
def test_error_of_a_price_in_code_names_the_item(price: object) -> None:
    with pytest.raises(ValidationError, match="item 'soup': "):
        ExternalItem.model_validate({"itemId": "soup", "name": "Soup", "basePrice": price})


def test_error_of_a_price_in_code_shows_the_price() -> None:
    with pytest.raises(ValidationError, match=r"item 'soup': .*'2,50'"):
        ExternalItem.model_validate({"itemId": "soup", "name": "Soup", "basePrice": 1, "startingAt": "2,50"})


@pytest.mark.parametrize("written", ['"2.49"', "null", "true", "1e400", "NaN", "10000000000"])
def test_catalog_price_in_json_is_a_finite_number(written: str) -> None:
    with pytest.raises(ValidationError):
        ExternalItem.from_json(f'{{"itemId": "a", "name": "A", "basePrice": {written}}}')
