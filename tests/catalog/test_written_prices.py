from __future__ import annotations

import time
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.catalog.written_prices import parse_price
from webhook_kit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("written", "price"),
    [
        (8, "8.00"),
        (8.5, "8.50"),
        (Decimal("8.05"), "8.05"),
        (0.1 + 0.2, "0.30"),
        (2.4900000095, "2.49"),
        ("8", "8.00"),
        ("$8.00", "8.00"),
        ("8,00 €", "8.00"),
        ("USD 8.5", "8.50"),
        ("Rs. 250", "250.00"),
        ("12,50 kr.", "12.50"),
        ("1,50", "1.50"),
        ("8,-", "8.00"),
        ("-$1.50", "-1.50"),
        ("$-1.50", "-1.50"),
        ("1,250.00", "1250.00"),
        ("€ 1.250,50", "1250.50"),
        ("1 250,50", "1250.50"),
        ("1\u202f250,50", "1250.50"),
        ("1'250.00", "1250.00"),
        ("1,234,567", "1234567.00"),
        ("2.4900000095", "2.49"),
        ("１２.５０", "12.50"),
        ("$.50", "0.50"),
        (".5", "0.50"),
        ("Rs.80", "80.00"),
        ("+$1.50", "1.50"),
        ("R$ 8,00", "8.00"),
    ],
)
def test_price_is_read_as_people_and_systems_write_it(written: object, price: str) -> None:
    assert str(parse_price(written)) == price


@pytest.mark.parametrize(
    ("written", "price"),
    [(1250, "12.50"), (1250.0, "12.50"), (Decimal(5), "0.05"), ("1250", "12.50"), ("12.50", "12.50"), ("$12", "12.00")],
)
def test_numbers_are_cents_by_choice(written: object, price: str) -> None:
    assert str(parse_price(written, cents=True)) == price


@pytest.mark.parametrize(
    "written",
    [True, None, [], float("nan"), float("inf"), Decimal("-inf"), 1e300, "", "$", "free", "1.2.3", "1,2,3", "1..5", "1,23.4", "1.5e3", "8 - 9", "5¢", "50 c", "50 ct.", "$8.00/lb", "8 %", "8.5²", "8½", "٨", "8.00-", "8.00\ud83d", "9" * 50],
)  # fmt: skip
def test_what_is_not_a_price_is_refused_with_the_value(written: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_price(written)
    assert repr(written)[:40] in str(caught.value)


@pytest.mark.parametrize("written", ["1,250", "1.250", "12.345 €"])
def test_one_separator_before_three_digits_is_ambiguous(written: str) -> None:
    with pytest.raises(InvalidArgument, match="ambiguous"):
        parse_price(written)


def test_decimal_separator_decides_what_is_ambiguous() -> None:
    assert parse_price("1,250", decimal_separator=".") == 1250
    assert parse_price("1.250", decimal_separator=",") == 1250
    assert parse_price("1,250", decimal_separator=",", rounding=ROUND_DOWN) == Decimal("1.25")


@pytest.mark.parametrize("written", [2.495, "2.495", "0,125", Decimal("0.001")])
def test_price_between_two_cents_is_refused_or_rounded_by_choice(written: Any) -> None:
    options: dict[str, Any] = {"decimal_separator": "."} if written == "2.495" else {}
    with pytest.raises(InvalidArgument, match="between two cents"):
        parse_price(written, **options)
    rounded = parse_price(written, rounding=ROUND_HALF_UP, **options)
    assert rounded in (Decimal("2.50"), Decimal("0.13"), Decimal("0.00"))


@given(st.text(max_size=60) | st.floats() | st.integers() | st.decimals() | st.none())
def test_any_value_is_a_price_or_refused(value: object) -> None:
    choices: list[dict[str, Any]] = [{}, {"cents": True}, {"rounding": ROUND_HALF_UP, "decimal_separator": ","}]
    for options in choices:
        try:
            price = parse_price(value, **options)
        except InvalidArgument:
            continue
        assert price == round(price, 2)


def test_a_long_text_is_refused_before_it_is_composed() -> None:
    started = time.process_time()
    with pytest.raises(InvalidArgument, match="is not a price"):
        parse_price("8" + "\u0300\u0316" * 50_000)  # Python composes such a text in quadratic time: in 8 s
    assert time.process_time() - started < 3
    assert parse_price("8.00" + " " * 10_000) == 8
