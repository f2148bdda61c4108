"""Conversion of money without losing a cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from square.types.money import Money
from square.types.order import Order

from webhook_kit_square.money import amounts, has_cents, major, minor


@given(st.integers(-(10**11), 10**11), st.sampled_from(["USD", "CAD", "GBP", "EUR", "AUD", "JPY"]))
def test_a_round_trip_keeps_the_amount(whole: int, currency: str) -> None:
    converted = major(Money(amount=whole, currency=currency))
    assert minor(converted, currency) == {"amount": whole, "currency": currency}
    assert converted.as_tuple().exponent == -2


def test_a_dollar_has_hundredths_a_yen_none_and_a_dinar_thousandths() -> None:
    assert major(Money(amount=1525, currency="USD")) == Decimal("15.25")
    assert major(Money(amount=1525, currency="JPY")) == Decimal(1525)
    assert major(Money(amount=1525, currency="KWD")) == Decimal("1.525")
    assert [has_cents(each) for each in ("USD", "JPY", "KRW", "KWD", "CLF", None)] == [True] * 3 + [False] * 2 + [True]
    assert major(None) == Decimal("0.00")


@pytest.mark.parametrize(("amount", "currency"), [("0.005", "USD"), ("1.50", "JPY")])
def test_a_fraction_of_the_smallest_unit_is_an_error_and_not_rounded(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=currency):
        minor(Decimal(amount), currency)


@given(*[st.integers(0, 10**7) for _ in range(6)])
def test_the_parts_sum_to_squares_total(
    lines: int, fees: int, discount: int, taxes: int, rounding: int, tip: int
) -> None:
    def usd(amount: int) -> dict[str, object]:
        return {"amount": amount, "currency": "USD"}

    order = Order.model_validate(
        {
            "location_id": "L",
            "total_money": usd(lines + fees + taxes + rounding + tip),
            "total_tip_money": usd(tip),
            "total_service_charge_money": usd(fees),
            "total_discount_money": usd(discount),
            "total_tax_money": usd(taxes),
            "rounding_adjustment": {"amount_money": usd(rounding)},
        }
    )
    converted = amounts(order, Decimal("1.00"))
    assert converted.contradictions() == []
    assert converted.total == Decimal(lines + fees + taxes + rounding).scaleb(-2) + Decimal("1.00")
    assert converted.sub_total == Decimal(lines + discount).scaleb(-2)
