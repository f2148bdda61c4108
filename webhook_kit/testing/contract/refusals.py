"""Contract tests of orders that must be refused: at a wrong price, with unavailable items, from a closed store."""

from __future__ import annotations

from decimal import Decimal

from webhook_kit.adapter import Capability
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.contract.environment import ContractEnvironment, Order
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import requires_capability

__all__ = ["RefusalTests"]

_ITEM_CODES = {ErrorCode.ITEM_UNAVAILABLE}
# Without the option in the catalog, the selection is no longer valid for its group.
_OPTION_CODES = {ErrorCode.ITEM_UNAVAILABLE, ErrorCode.MODIFIER_REQUIRED}


class RefusalTests(ContractHooks):
    """Rules for orders that the POS cannot take."""

    def test_wrong_total_is_refused(self, env: ContractEnvironment) -> None:
        """An order whose accepted total differs by a cent is refused, and the POS is not called.

        Protects: customers from paying a price that they did not see.
        If it fails: let quote() compute the price from the cart, not from the amounts in the order.
        """
        total = Decimal(str(env.validate(env.order()).body["amounts"]["total"]))
        order = env.order(amounts={"total": float(total + Decimal("0.01"))}, payment={"type": "gettPayment"})
        with env.expect_new_tickets(0):
            response = env.place(order)
        assert (response.status, response.code) == (400, ErrorCode.ORDER_TOTAL_DIFFERENT), response

    def test_stale_price_is_refused(self, env: ContractEnvironment) -> None:
        """An order that was validated before a price increase is refused with ORDER_TOTAL_DIFFERENT.

        Protects: the restaurant from selling at the old price, and the customer from paying a new one without consent.
        If it fails: keep no copy of the catalog in the adapter, and let quote() return the POS's current price.
        """
        env.require_hook("set_price")
        line = env.simplest_line()
        order = env.validated_order(env.order(line))
        price = env.catalog.items[line["itemId"]].base_price + Decimal("0.50")
        self.set_price(env.pos_store, line["itemId"], price)
        env.kit.catalogs.refresh(env.store)
        with env.expect_new_tickets(0):
            response = env.place(order)
        assert (response.status, response.code) == (400, ErrorCode.ORDER_TOTAL_DIFFERENT), response

    def test_unavailable_item_is_refused(self, env: ContractEnvironment) -> None:
        """An item that became unavailable after validation is refused as unavailable.

        Protects: customers from waiting for an item that the restaurant does not have.
        If it fails: return Refused(Reason.ITEM_UNAVAILABLE, …, item_id=…) from place_order(), and from quote() if defined.
        """
        env.require_hook("sell_out")
        line = env.simplest_line()
        order = env.validated_order(env.order(line))
        _check_refused(env, order, line["itemId"], _ITEM_CODES)

    def test_unavailable_option_is_refused(self, env: ContractEnvironment) -> None:
        """An option that became unavailable after validation is refused.

        Protects: customers who selected it; a replacement can be dangerous with an allergy.
        If it fails: check the selected modifiers as well before placing an order.
        """
        env.require_hook("sell_out")
        for item_id, line in env.orderable.example_lines():
            if item_id not in env.orderable.listed_ids:
                order = env.validated_order(env.order(line))
                _check_refused(env, order, item_id, _OPTION_CODES)
                return
        env.skip("the catalog has no options")

    @requires_capability(Capability.QUOTE)
    def test_validation_refuses_unavailable_items(self, env: ContractEnvironment) -> None:
        """A cart with an unavailable item is invalid before the customer pays.

        Protects: customers from paying for an item that they cannot get.
        If it fails: let quote() return Refused(Reason.ITEM_UNAVAILABLE, …), or remove the item from the catalog.
        """
        env.require_hook("sell_out")
        line = env.simplest_line()
        assert env.validate(env.order(line)).body["isValid"]
        _make_unavailable(env, line["itemId"])
        response = env.validate(env.order(line))
        assert response.status == 200, response
        assert not response.valid, f"{line['itemId']} is unavailable and was accepted: {response}"
        assert [error["code"] for error in response.errors] == [ErrorCode.ITEM_UNAVAILABLE], response.errors

    def test_closed_store_refuses_orders(self, env: ContractEnvironment) -> None:
        """A store that closed after validation refuses the order with STORE_CLOSED.

        Protects: customers from ordering food that nobody prepares.
        If it fails: return Refused(Reason.STORE_CLOSED, …) from place_order(), and from quote() if defined.
        """
        env.require_hook("close_store")
        order = env.validated_order(env.order())
        self.close_store(env.pos_store)
        with env.expect_new_tickets(0):
            response = env.place(order)
        assert (response.status, response.code) == (400, ErrorCode.STORE_CLOSED), response


def _make_unavailable(env: ContractEnvironment, item_id: str) -> None:
    webhook = env.hooks.sell_out(env.pos_store, item_id)
    if webhook is not None:
        response = env.deliver(webhook)
        assert response.status == 200, f"the POS received {response}"
    env.kit.catalogs.refresh(env.store)


def _check_refused(env: ContractEnvironment, order: Order, item_id: str, codes: set[ErrorCode]) -> None:
    _make_unavailable(env, item_id)
    with env.expect_new_tickets(0):
        response = env.place(order)
    assert response.status == 400, f"{item_id} is unavailable, and the order was answered with {response}"
    assert response.code in codes, f"expected the code {' or '.join(sorted(codes))}, not {response.code}"
