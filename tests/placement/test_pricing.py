"""The price policy: nobody pays what they did not accept, and a refusal explains itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.catalog.cart import PricedLine
from webhook_kit.gett.models.order import Amounts, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement.pricing import apply_policy
from webhook_kit.placement.token import AcceptedPrice
from webhook_kit.settings import PricePolicy

REFUSE, ACCEPTED, POS = PricePolicy.REFUSE, PricePolicy.ACCEPTED, PricePolicy.POS


def d(text: str) -> Decimal:
    return Decimal(text)


def priced(*lines: tuple[str, int, str]) -> list[PricedLine]:
    return [
        PricedLine(index, None, name.lower(), name, quantity, d(total) / quantity, d(total))
        for index, (name, quantity, total) in enumerate(lines)
    ]


@pytest.mark.parametrize(
    ("policy", "difference", "tolerance", "placed_at"),
    [
        (REFUSE, "0.00", "0.00", "10.00"),
        (REFUSE, "0.01", "0.00", None),
        (REFUSE, "0.01", "1.00", None),
        (REFUSE, "-0.01", "1.00", None),
        (ACCEPTED, "0.01", "0.00", None),
        (ACCEPTED, "0.05", "0.05", "10.00"),
        (ACCEPTED, "-0.05", "0.05", "10.00"),
        (ACCEPTED, "0.06", "0.05", None),
        (ACCEPTED, "-0.06", "0.05", None),
        (POS, "0.00", "0.00", "10.00"),
        (POS, "0.01", "0.00", None),
        (POS, "0.05", "0.05", "10.05"),
        (POS, "-0.05", "0.05", "9.95"),
        (POS, "0.06", "0.05", None),
    ],
)
def test_a_difference_within_the_tolerance_is_the_policys_and_any_other_is_refused(
    policy: PricePolicy, difference: str, tolerance: str, placed_at: str | None
) -> None:
    accepted, now = AcceptedPrice(Amounts.of(d("10.00"))), Amounts.of(d("10.00") + d(difference))
    agreed = apply_policy(accepted, now, [], policy=policy, tolerance=d(tolerance))
    if placed_at is None:
        assert isinstance(agreed, ValidationError)
        assert agreed.code == ErrorCode.ORDER_TOTAL_DIFFERENT
    else:
        assert isinstance(agreed, Amounts)
        assert agreed.total == d(placed_at)
        assert agreed.contradictions() == []


@pytest.mark.parametrize(
    "accepted", [None, AcceptedPrice(Amounts()), AcceptedPrice(Amounts(tip=d("1.00"), sub_total=d("10.00")))]
)
@pytest.mark.parametrize("policy", PricePolicy)
def test_without_a_price_that_somebody_accepted_nothing_is_placed(
    accepted: AcceptedPrice | None, policy: PricePolicy
) -> None:
    refused = apply_policy(accepted, Amounts.of(d("10.00")), [], policy=policy, tolerance=d("99.00"))
    assert isinstance(refused, ValidationError)
    assert refused.message.startswith("No price was accepted")
    assert "10.00" in refused.message


def test_an_expired_token_has_no_tolerance() -> None:
    old = AcceptedPrice(Amounts.of(d("10.00")), expired=True)
    for policy in PricePolicy:
        assert isinstance(
            apply_policy(old, Amounts.of(d("10.01")), [], policy=policy, tolerance=d("1.00")), ValidationError
        )
        assert isinstance(apply_policy(old, Amounts.of(d("10.00")), [], policy=policy, tolerance=d("1.00")), Amounts)


def test_where_only_a_total_was_accepted_the_parts_are_todays_and_the_rest_an_adjustment() -> None:
    now = Amounts.of(d("9.00"), taxes=d("0.90"), adjustments=d("0.05"), tip=d("0.10"))
    agreed = apply_policy(AcceptedPrice(Amounts(total=d("10.00"))), now, [], policy=ACCEPTED, tolerance=d("0.10"))
    assert isinstance(agreed, Amounts)
    assert (agreed.total, agreed.taxes, agreed.adjustments) == (d("10.00"), d("0.90"), d("0.00"))
    assert agreed.contradictions() == []


def test_accepted_amounts_that_contradict_themselves_are_not_passed_on() -> None:
    odd = Amounts(sub_total=d("1.00"), total=d("10.00"))
    agreed = apply_policy(AcceptedPrice(odd), Amounts.of(d("10.05")), [], policy=ACCEPTED, tolerance=d("0.10"))
    assert isinstance(agreed, Amounts)
    assert (agreed.total, agreed.contradictions()) == (d("10.00"), [])


def refusal(accepted: AcceptedPrice, now: Amounts, lines: list[PricedLine], tolerance: str = "0.00") -> ValidationError:
    found = apply_policy(accepted, now, lines, policy=REFUSE, tolerance=d(tolerance))
    assert isinstance(found, ValidationError)
    return found


def test_a_refusal_names_the_line_both_figures_and_the_rounding_rule() -> None:
    lines = priced(("Cola", 1, "2.75"), ("Salad", 2, "14.68"))
    accepted = AcceptedPrice(Amounts.of(d("17.41")), (d("2.75"), d("14.66")))
    refused = refusal(accepted, Amounts.of(d("17.43")), lines)
    assert refused.message == (
        "The total is 17.43 now, 17.41 was accepted; line 2 (2 × Salad): 14.68 now, 14.66 accepted. "
        "Amounts are rounded to the cent, half away from zero, per line."
    )
    assert (refused.json_path, refused.item_id) == ("$.cart.lineItems[1]", "salad")


def test_a_refusal_says_how_much_would_have_been_tolerated() -> None:
    assert "(tolerance 0.05)" in refusal(AcceptedPrice(Amounts.of(d("10"))), Amounts.of(d("11")), [], "0.05").message


def test_where_no_line_has_changed_the_part_that_has_is_named() -> None:
    lines = priced(("Cola", 1, "2.75"))
    accepted = AcceptedPrice(Amounts.of(d("2.75"), taxes=d("0.20"), promotions=d("0.10")), (d("2.75"),))
    refused = refusal(accepted, Amounts.of(d("2.75"), taxes=d("0.23"), promotions=d("0.10")), lines)
    assert "; taxes: 0.23 now, 0.20 accepted. Amounts" in refused.message
    assert "line" not in refused.message.split(". ")[0]
    assert refused.json_path == "$.amounts.total"


def test_where_only_a_total_is_known_every_line_is_listed() -> None:
    refused = refusal(
        AcceptedPrice(Amounts(total=d("9.00"))),
        Amounts.of(d("10.08")),
        priced(("Cola", 1, "2.75"), ("Salad", 1, "7.33")),
    )
    assert "line 1 (1 × Cola): 2.75 now; line 2 (1 × Salad): 7.33 now" in refused.message


cents = st.integers(-10_000, 10_000).map(lambda value: Decimal(value) / 100)


@given(now=cents, total=cents, policy=st.sampled_from(PricePolicy), tolerance=cents.map(abs), expired=st.booleans())
def test_whatever_is_placed_is_within_the_tolerance_and_adds_up(
    now: Decimal, total: Decimal, policy: PricePolicy, tolerance: Decimal, expired: bool
) -> None:
    accepted = AcceptedPrice(Amounts(total=total), expired=expired)
    agreed = apply_policy(accepted, Amounts.of(now), [], policy=policy, tolerance=tolerance)
    allowed = Decimal(0) if expired or policy is REFUSE else tolerance
    assert isinstance(agreed, Amounts) is (abs(now - total) <= allowed)
    if isinstance(agreed, Amounts):
        assert agreed.contradictions() == []
        assert agreed.total == (total if policy is ACCEPTED else now)
