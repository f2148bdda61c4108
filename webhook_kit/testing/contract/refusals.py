"""What must not be placed: at a price nobody accepted, what has run out, from a store that is closed."""

from __future__ import annotations

from decimal import Decimal

from webhook_kit.adapter import Capability
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.contract.environment import ContractEnvironment, Order
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import offering

__all__ = ["RefusalTests"]

_GONE = {ErrorCode.ITEM_UNAVAILABLE}
# An option that is no longer on the menu is a choice that the group does not have.
_OPTION_GONE = {ErrorCode.ITEM_UNAVAILABLE, ErrorCode.MODIFIER_REQUIRED}


class RefusalTests(ContractHooks):
    """What becomes of orders that the POS cannot take."""

    def test_no_order_at_a_price_that_nobody_accepted(self, bench: ContractEnvironment) -> None:
        """An order whose accepted total is a cent off is refused, and the POS is not called.

        Protects: customers from being charged what they did not see.
        If it fails: quote() agrees with any price it is shown: compute it from the cart.
        """
        total = Decimal(str(bench.validate(bench.order()).body["amounts"]["total"]))
        order = bench.order(amounts={"total": float(total + Decimal("0.01"))}, payment={"type": "gettPayment"})
        with bench.making(0):
            answer = bench.place(order)
        assert (answer.status, answer.code) == (400, ErrorCode.ORDER_TOTAL_DIFFERENT), answer

    def test_no_order_at_a_stale_price(self, bench: ContractEnvironment) -> None:
        """An order that was validated before a price rose is refused, and the refusal says so.

        Protects: the restaurant from selling at yesterday's prices, and the customer from paying today's unasked.
        If it fails: keep no copy of the menu in the adapter, and let quote() price what the POS would charge now.
        """
        bench.need("set_price")
        line = bench.simplest()
        order = bench.validated(bench.order(line))
        price = bench.catalog.items[line["itemId"]].base_price + Decimal("0.50")
        self.set_price(bench.pos_store, line["itemId"], price)
        bench.kit.catalogs.refresh(bench.store)
        with bench.making(0):
            answer = bench.place(order)
        assert (answer.status, answer.code) == (400, ErrorCode.ORDER_TOTAL_DIFFERENT), answer

    def test_an_item_that_ran_out_is_not_placed(self, bench: ContractEnvironment) -> None:
        """An item that ran out after it was validated is refused as such.

        Protects: the guest who waits for a dish that there is none of.
        If it fails: return Refused(Reason.ITEM_UNAVAILABLE, …, item_id=…) from place_order(), and from quote() if there is one.
        """
        bench.need("sell_out")
        line = bench.simplest()
        order = bench.validated(bench.order(line))
        self._refuses(bench, order, line["itemId"], _GONE)

    def test_an_option_that_ran_out_is_not_placed(self, bench: ContractEnvironment) -> None:
        """An option that ran out after it was validated is refused as such.

        Protects: the guest who asked for it; with allergies it matters what comes instead.
        If it fails: look at the selected modifiers, too, before you take an order.
        """
        bench.need("sell_out")
        for found, line in bench.menu.ways():
            if found not in bench.menu.sold_alone:
                order = bench.validated(bench.order(line))
                self._refuses(bench, order, found, _OPTION_GONE)
                return
        bench.skip("the menu has no options")

    @offering(Capability.QUOTE)
    def test_validation_knows_what_ran_out(self, bench: ContractEnvironment) -> None:
        """A cart with an item that ran out is invalid before the customer pays.

        Protects: customers from paying for what they cannot have.
        If it fails: let quote() refuse it with Reason.ITEM_UNAVAILABLE, or take it off the menu.
        """
        bench.need("sell_out")
        line = bench.simplest()
        assert bench.validate(bench.order(line)).body["isValid"]
        self._runs_out(bench, line["itemId"])
        answer = bench.validate(bench.order(line))
        assert answer.status == 200, answer
        assert not answer.valid, f"accepted {line['itemId']}: {answer}"
        assert [error["code"] for error in answer.errors] == [ErrorCode.ITEM_UNAVAILABLE], answer.errors

    def test_a_closed_store_takes_no_order(self, bench: ContractEnvironment) -> None:
        """A store that closed after the cart was validated refuses it as closed.

        Protects: the guest whose dinner nobody cooks.
        If it fails: return Refused(Reason.STORE_CLOSED, …) from place_order(), and from quote() if there is one.
        """
        bench.need("close_store")
        order = bench.validated(bench.order())
        self.close_store(bench.pos_store)
        with bench.making(0):
            answer = bench.place(order)
        assert (answer.status, answer.code) == (400, ErrorCode.STORE_CLOSED), answer

    def _runs_out(self, bench: ContractEnvironment, item_id: str) -> None:
        webhook = self.sell_out(bench.pos_store, item_id)
        if webhook is not None:
            answer = bench.pos_says(webhook)
            assert answer.status == 200, f"the POS was answered {answer}"
        bench.kit.catalogs.refresh(bench.store)

    def _refuses(self, bench: ContractEnvironment, order: Order, item_id: str, codes: set[ErrorCode]) -> None:
        self._runs_out(bench, item_id)
        with bench.making(0):
            answer = bench.place(order)
        assert answer.status == 400, f"{item_id} has run out, and the order was answered {answer}"
        assert answer.code in codes, f"refused with {answer.code}, not with {' or '.join(sorted(codes))}"
