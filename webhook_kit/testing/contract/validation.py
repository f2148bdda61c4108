"""validateOrder: legal carts accepted and priced to the cent, wrong ones refused where they are wrong, nothing written."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings

from webhook_kit.adapter import Capability
from webhook_kit.gett.models.order import Amounts
from webhook_kit.testing.carts import MISTAKES, Line, carts
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import offering

__all__ = ["ValidationTests"]

_TIP = 3.21

random_carts = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class ValidationTests(ContractHooks):
    """What becomes of a cart before anyone pays."""

    def test_legal_carts_are_accepted(self, bench: ContractEnvironment) -> None:
        """Random legal carts are valid, and get a token.

        Protects: orders: a cart that the menu allows and the POS refuses is a customer sent away.
        If it fails: let quote() refuse only what the POS really cannot make, and leave everything else off the menu.
        """

        @random_carts
        @given(carts(bench.menu))
        def check(cart: list[Line]) -> None:
            answer = bench.validate(bench.order(*cart))
            assert answer.valid, f"refused a legal cart: {answer}"
            assert answer.body["validatedOrderToken"]

        check()

    def test_prices_are_right_to_the_cent(self, bench: ContractEnvironment) -> None:
        """Whatever is accepted costs what the menu says: modifiers, tiers and quantities included, and the tip as given.

        Protects: the customer's money, and the order: a price that differs at placement refuses it.
        If it fails: compute in Decimal; let quote() return order.amounts with taxes and fees added, never a sub_total of its own.
        """

        @random_carts
        @given(carts(bench.menu))
        def check(cart: list[Line]) -> None:
            answer = bench.validate(bench.order(*cart, amounts={"tip": _TIP}))
            if not answer.valid:
                return  # whether it has to be accepted is another test's
            amounts = Amounts.model_validate(answer.body["amounts"])
            assert amounts.sub_total == bench.menu.price(cart), f"{amounts.sub_total}, not {bench.menu.price(cart)}"
            assert amounts.tip == Decimal(str(_TIP)), f"the tip became {amounts.tip}"
            assert not amounts.contradictions(), amounts.contradictions()

        check()

    def test_wrong_carts_are_refused_where_they_are_wrong(self, bench: ContractEnvironment) -> None:
        """Each kind of wrong cart is refused with the protocol's code and path, and never reaches the POS.

        Protects: the kitchen from orders that cannot be made, and the customer from a refusal that nobody can explain.
        If it fails: give each modifier group the bounds that the POS enforces; the kit then finds these by itself.
        """
        with bench.making(0):
            for kind, spoil in MISTAKES.items():
                mistake = spoil(bench.menu)
                if mistake is None:
                    continue
                order = bench.order(**mistake.more)
                order["cart"]["lineItems"] = mistake.cart
                answer = bench.validate(order)
                found = [(error["code"], error.get("jsonPath")) for error in answer.errors]
                assert answer.status == 200, f"{kind}: {answer}"
                assert not answer.valid, f"{kind} was accepted: {answer}"
                assert (mistake.code, mistake.path) in found, f"{kind}: {mistake.code} at {mistake.path}, not {found}"
                answer = bench.place({**order, "amounts": {"total": 1.0}, "payment": {"type": "gettPayment"}})
                assert answer.status == 400, f"{kind} was placed: {answer}"

    def test_validating_twice_gives_one_answer(self, bench: ContractEnvironment) -> None:
        """The same cart validated twice costs the same.

        Protects: the customer from a price that moves while they look at it.
        If it fails: let quote() depend on the order and the store alone.
        """
        order = {**bench.order(amounts={"tip": _TIP}), "gettOrderId": ""}  # as it often is in requests
        first, second = bench.validate(order), bench.validate(order)
        assert first.body["amounts"] == second.body["amounts"], (
            f"{first.body['amounts']}, then {second.body['amounts']}"
        )

    @offering(Capability.QUOTE)
    def test_a_quote_leaves_the_pos_untouched(self, bench: ContractEnvironment) -> None:
        """Validating makes no ticket, open or draft.

        Protects: the kitchen: carts are validated many times before they are ordered, and most never are.
        If it fails: use a call of the POS that only calculates, or take quote() out: the catalog's prices then hold.
        """
        with bench.making(0):
            for _ in range(3):
                bench.validate(bench.order())
        order = {**bench.order(), "gettOrderId": ""}
        with bench.making(0):
            bench.validate(order)
