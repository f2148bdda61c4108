"""Pricing: customers pay only what they accepted, and a refusal names the difference."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.webhook_client import order
from webhook_kit.catalog.cart import PricedLine
from webhook_kit.gett.models.order import AmountDescription, Amounts, PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.kit import Kit
from webhook_kit.placement.pricing import Pricing, apply_policy
from webhook_kit.placement.token import AcceptedPrice
from webhook_kit.settings import PricePolicy

REFUSE, ACCEPTED, POS = PricePolicy.REFUSE, PricePolicy.ACCEPTED, PricePolicy.POS


def dec(text: str) -> Decimal:
    return Decimal(text)


def priced(*lines: tuple[str, int, str]) -> list[PricedLine]:
    return [
        PricedLine(index, None, name.lower(), name, quantity, dec(total) / quantity, dec(total))
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
def test_policy_decides_within_the_tolerance_and_refuses_beyond_it(
    policy: PricePolicy, difference: str, tolerance: str, placed_at: str | None
) -> None:
    accepted, now = AcceptedPrice(Amounts.of(dec("10.00"))), Amounts.of(dec("10.00") + dec(difference))
    amounts = apply_policy(accepted, now, [], policy=policy, tolerance=dec(tolerance))
    if placed_at is None:
        assert isinstance(amounts, ValidationError)
        assert amounts.code == ErrorCode.ORDER_TOTAL_DIFFERENT
    else:
        assert isinstance(amounts, Amounts)
        assert amounts.total == dec(placed_at)
        assert amounts.contradictions() == []


@pytest.mark.parametrize(
    "accepted", [None, AcceptedPrice(Amounts()), AcceptedPrice(Amounts(tip=dec("1.00"), sub_total=dec("10.00")))]
)
@pytest.mark.parametrize("policy", PricePolicy)
def test_order_without_an_accepted_price_is_refused(accepted: AcceptedPrice | None, policy: PricePolicy) -> None:
    refused = apply_policy(accepted, Amounts.of(dec("10.00")), [], policy=policy, tolerance=dec("99.00"))
    assert isinstance(refused, ValidationError)
    assert refused.message.startswith("No price was accepted")
    assert "10.00" in refused.message
    assert refused.json_path == "$.amounts.total"


def test_expired_token_has_no_tolerance() -> None:
    old = AcceptedPrice(Amounts.of(dec("10.00")), expired=True)
    for policy in PricePolicy:
        assert isinstance(
            apply_policy(old, Amounts.of(dec("10.01")), [], policy=policy, tolerance=dec("1.00")), ValidationError
        )
        assert isinstance(
            apply_policy(old, Amounts.of(dec("10.00")), [], policy=policy, tolerance=dec("1.00")), Amounts
        )


def test_accepted_parts_are_placed_as_they_were_accepted() -> None:
    accepted = Amounts.of(dec("9.00"), taxes=dec("0.90"))
    amounts = apply_policy(
        AcceptedPrice(accepted), Amounts.of(dec("9.10"), taxes=dec("0.91")), [], policy=ACCEPTED, tolerance=dec("1.00")
    )
    assert amounts == accepted


def test_adjustment_to_the_accepted_total_is_not_described_as_that_of_the_pos() -> None:
    described = [AmountDescription(name="Rounding", value=dec("1.00"))]
    now = Amounts.of(dec("9.00"), adjustments=dec("1.00")).model_copy(update={"adjustments_description": described})
    amounts = apply_policy(AcceptedPrice(Amounts(total=dec("10.05"))), now, [], policy=ACCEPTED, tolerance=dec("0.10"))
    assert isinstance(amounts, Amounts)
    assert (amounts.adjustments, amounts.adjustments_description) == (dec("1.05"), None)


def test_accepted_total_alone_keeps_the_current_parts_and_adds_an_adjustment() -> None:
    now = Amounts.of(dec("9.00"), taxes=dec("0.90"), adjustments=dec("0.05"), tip=dec("0.10"))
    amounts = apply_policy(AcceptedPrice(Amounts(total=dec("10.00"))), now, [], policy=ACCEPTED, tolerance=dec("0.10"))
    assert isinstance(amounts, Amounts)
    assert (amounts.total, amounts.taxes, amounts.adjustments) == (dec("10.00"), dec("0.90"), dec("0.00"))
    assert amounts.contradictions() == []


def test_contradictory_accepted_amounts_keep_only_their_total() -> None:
    contradictory = Amounts(sub_total=dec("1.00"), total=dec("10.00"))
    amounts = apply_policy(
        AcceptedPrice(contradictory), Amounts.of(dec("10.05")), [], policy=ACCEPTED, tolerance=dec("0.10")
    )
    assert isinstance(amounts, Amounts)
    assert (amounts.total, amounts.contradictions()) == (dec("10.00"), [])


def refusal(accepted: AcceptedPrice, now: Amounts, lines: list[PricedLine], tolerance: str = "0.00") -> ValidationError:
    result = apply_policy(accepted, now, lines, policy=REFUSE, tolerance=dec(tolerance))
    assert isinstance(result, ValidationError)
    return result


def test_refusal_names_the_line_both_prices_and_the_rounding_rule() -> None:
    lines = priced(("Cola", 1, "2.75"), ("Salad", 2, "14.68"))
    accepted = AcceptedPrice(Amounts.of(dec("17.41")), (dec("2.75"), dec("14.66")))
    refused = refusal(accepted, Amounts.of(dec("17.43")), lines)
    assert refused.message == (
        "The total is 17.43 now, 17.41 was accepted; line 2 (2 × Salad): 14.68 now, 14.66 accepted. "
        "Amounts are rounded to the cent, half away from zero, per line."
    )
    assert (refused.json_path, refused.item_id) == ("$.cart.lineItems[1]", "salad")


def test_refusal_points_to_the_first_of_several_changed_lines() -> None:
    lines = priced(("Cola", 1, "2.75"), ("Salad", 1, "7.33"), ("Pie", 1, "3.00"))
    accepted = AcceptedPrice(Amounts.of(dec("13.00")), (dec("2.75"), dec("7.30"), dec("2.95")))
    refused = refusal(accepted, Amounts.of(dec("13.08")), lines)
    assert (refused.json_path, refused.item_id) == ("$.cart.lineItems[1]", "salad")


def test_refusal_names_the_tolerance() -> None:
    assert (
        "(tolerance 0.05)" in refusal(AcceptedPrice(Amounts.of(dec("10"))), Amounts.of(dec("11")), [], "0.05").message
    )


def test_refusal_names_the_changed_part_if_no_line_changed() -> None:
    lines = priced(("Cola", 1, "2.75"))
    accepted = AcceptedPrice(Amounts.of(dec("2.75"), taxes=dec("0.20"), promotions=dec("0.10")), (dec("2.75"),))
    refused = refusal(accepted, Amounts.of(dec("2.75"), taxes=dec("0.23"), promotions=dec("0.10")), lines)
    assert "; taxes: 0.23 now, 0.20 accepted. Amounts" in refused.message
    assert "line" not in refused.message.split(". ")[0]
    assert refused.json_path == "$.amounts.total"


def test_refusal_lists_every_line_if_only_a_total_was_accepted() -> None:
    refused = refusal(
        AcceptedPrice(Amounts(total=dec("9.00"))),
        Amounts.of(dec("10.08")),
        priced(("Cola", 1, "2.75"), ("Salad", 1, "7.33")),
    )
    assert "line 1 (1 × Cola): 2.75 now; line 2 (1 × Salad): 7.33 now" in refused.message


cents = st.integers(-10_000, 10_000).map(lambda value: Decimal(value) / 100)


@given(now=cents, total=cents, policy=st.sampled_from(PricePolicy), tolerance=cents.map(abs), expired=st.booleans())
def test_placed_amounts_add_up_and_are_within_the_tolerance(
    now: Decimal, total: Decimal, policy: PricePolicy, tolerance: Decimal, expired: bool
) -> None:
    accepted = AcceptedPrice(Amounts(total=total), expired=expired)
    amounts = apply_policy(accepted, Amounts.of(now), [], policy=policy, tolerance=tolerance)
    allowed = Decimal(0) if expired or policy is REFUSE else tolerance
    assert isinstance(amounts, Amounts) is (abs(now - total) <= allowed)
    if isinstance(amounts, Amounts):
        assert amounts.contradictions() == []
        assert amounts.total == (total if policy is ACCEPTED else now)


# -- the whole decision ------------------------------------------------------------------------------------------------


def request(**members: Any) -> PlaceOrderRequest:
    return PlaceOrderRequest.from_json(json.dumps(order(**members)))


def decide(kit: Kit, requested: PlaceOrderRequest) -> PlaceOrderRequest | Problem:
    (store,) = kit.stores
    pricing = Pricing(kit.order_validator, kit.tokens, kit.settings)
    return pricing.decide(requested, pricing.read_token(requested), store, deadline=time.monotonic() + 30)


def test_decision_is_a_copy_of_the_order_with_its_amounts(kit: Kit) -> None:
    requested = request(amounts={"total": 4.25, "tip": 1.5}, loyalty=7).with_ref("k1")
    decision = decide(kit, requested)
    assert isinstance(decision, PlaceOrderRequest)
    assert decision.amounts == Amounts.of(dec("2.75"), tip=dec("1.50"))
    assert (decision.order_ref, decision.to_wire()["loyalty"]) == ("k1", 7)
    assert requested.amounts == Amounts(total=dec("4.25"), tip=dec("1.50"))


@pytest.mark.parametrize("amounts", [None, {}, {"tip": None}])
def test_tip_of_the_token_is_part_of_the_accepted_price(amounts: Any, kit: Kit) -> None:
    accepted = Amounts.of(dec("2.75"), tip=dec("1.50"))
    requested = request(amounts=amounts, validatedOrderToken=kit.tokens.issue(request(), accepted, []))
    decision = decide(kit, requested)
    assert isinstance(decision, PlaceOrderRequest)
    assert decision.amounts == accepted


def at_accepted_amounts(kit: Kit, requested: PlaceOrderRequest) -> PlaceOrderRequest:
    pricing = Pricing(kit.order_validator, kit.tokens, kit.settings)
    return pricing.at_accepted_amounts(requested, pricing.read_token(requested))


def test_accepted_amounts_are_those_of_the_token(kit: Kit) -> None:
    accepted = Amounts.of(dec("2.75"), taxes=dec("0.25"))
    requested = request(validatedOrderToken=kit.tokens.issue(request(), accepted, []))
    assert at_accepted_amounts(kit, requested).amounts == accepted


@pytest.mark.parametrize("members", [{}, {"amounts": {"total": 2.75}, "validatedOrderToken": "forged"}])
def test_order_whose_accepted_amounts_cannot_be_known_is_unchanged(members: dict[str, Any], kit: Kit) -> None:
    assert at_accepted_amounts(kit, request(**members)) == request(**members)


@pytest.mark.parametrize(
    ("members", "settings", "code", "final"),
    [
        ({"amounts": {"total": 2.75}}, {"require_validated_token": True}, ErrorCode.INVALID_REQUEST, False),
        ({"validatedOrderToken": "forged"}, {}, ErrorCode.INVALID_REQUEST, False),
        ({"amounts": {"total": 2.74}}, {}, ErrorCode.ORDER_TOTAL_DIFFERENT, True),
        ({}, {}, ErrorCode.ORDER_TOTAL_DIFFERENT, True),
    ],
    ids=["token required", "token forged", "other price", "no price"],
)
def test_refusal_is_final_unless_only_the_token_is_wrong(
    members: dict[str, Any],
    settings: dict[str, Any],
    code: ErrorCode,
    final: bool,
    make_kit: Callable[..., Kit],
) -> None:
    decision = decide(make_kit(**settings), request(**members))
    assert isinstance(decision, Problem)
    assert (decision.code, decision.final) == (code, final)
