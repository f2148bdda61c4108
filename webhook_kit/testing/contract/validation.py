"""Contract tests of validateOrder: valid carts are accepted at the right price, invalid ones refused, nothing is written."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings

from webhook_kit.adapter import Capability
from webhook_kit.gett.models.order import Amounts
from webhook_kit.testing.carts import carts
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import requires_capability
from webhook_kit.testing.invalid_carts import INVALID_CARTS
from webhook_kit.testing.orderable import CartLine

__all__ = ["ValidationTests"]

_TIP = 3.21

random_carts = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class ValidationTests(ContractHooks):
    """Rules for carts that have not been paid for."""

    def test_valid_carts_are_accepted(self, env: ContractEnvironment) -> None:
        """Random valid carts are accepted and receive a token.

        Protects: orders: a customer leaves when the POS refuses a cart that the catalog allows.
        If it fails: let quote() refuse only what the POS cannot make, and remove everything else from the catalog.
        """

        @random_carts
        @given(carts(env.orderable))
        def check(cart: list[CartLine]) -> None:
            response = env.validate(env.order(*cart))
            assert response.valid, f"a valid cart was refused: {response}"
            assert response.body["validatedOrderToken"]

        check()

    def test_prices_are_exact_to_the_cent(self, env: ContractEnvironment) -> None:
        """An accepted cart costs its catalog price, including modifiers, tiers and quantities; the tip is unchanged.

        Protects: the customer's money, and the order: placeOrder is refused when the price differs.
        If it fails: compute with Decimal; let quote() return order.amounts plus taxes and fees, not its own sub_total.
        """

        @random_carts
        @given(carts(env.orderable))
        def check(cart: list[CartLine]) -> None:
            response = env.validate(env.order(*cart, amounts={"tip": _TIP}))
            if not response.valid:
                return  # test_valid_carts_are_accepted reports it
            amounts = Amounts.model_validate(response.body["amounts"])
            price = env.orderable.price(cart)
            assert amounts.sub_total == price, f"the sub-total is {amounts.sub_total}, the catalog price is {price}"
            assert amounts.tip == Decimal(str(_TIP)), f"the tip of {_TIP} became {amounts.tip}"
            assert not amounts.contradictions(), amounts.contradictions()

        check()

    def test_invalid_carts_are_refused_with_code_and_path(self, env: ContractEnvironment) -> None:
        """Each kind of invalid cart is refused with the protocol's code and path, and does not reach the POS.

        Protects: the kitchen from orders that it cannot make, and the customer from an error without an explanation.
        If it fails: give each modifier group the limits that the POS enforces; the kit then finds these mistakes itself.
        """
        with env.expect_new_tickets(0):
            for kind, build in INVALID_CARTS.items():
                invalid = build(env.orderable)
                if invalid is None:
                    continue
                order = env.order(**invalid.order_members)
                order["cart"]["lineItems"] = invalid.lines
                response = env.validate(order)
                errors = [(error["code"], error.get("jsonPath")) for error in response.errors]
                expected = (invalid.code, invalid.path)
                assert response.status == 200, f"{kind}: {response}"
                assert not response.valid, f"{kind} was accepted: {response}"
                assert expected in errors, f"{kind}: expected {invalid.code} at {invalid.path}, not {errors}"
                response = env.place({**order, "amounts": {"total": 1.0}, "payment": {"type": "gettPayment"}})
                assert response.status == 400, f"{kind} was placed: {response}"

    def test_validating_twice_gives_the_same_price(self, env: ContractEnvironment) -> None:
        """The same cart validated twice has the same price.

        Protects: the customer from a price that changes during the checkout.
        If it fails: let quote() depend on the order and the store alone.
        """
        order = {**env.order(amounts={"tip": _TIP}), "gettOrderId": ""}  # Gett's requests often have an empty id here
        first, second = env.validate(order), env.validate(order)
        assert first.body["amounts"] == second.body["amounts"], (
            f"the first response had {first.body['amounts']}, the second {second.body['amounts']}"
        )

    @requires_capability(Capability.QUOTE)
    def test_quote_creates_no_ticket(self, env: ContractEnvironment) -> None:
        """Validating creates no ticket at the POS, not even a draft.

        Protects: the kitchen: carts are validated many times before an order, and most are never ordered.
        If it fails: use a POS call that only calculates, or remove quote(): the catalog's prices then apply.
        """
        with env.expect_new_tickets(0):
            for _ in range(3):
                env.validate(env.order())
        order = {**env.order(), "gettOrderId": ""}
        with env.expect_new_tickets(0):
            env.validate(order)
