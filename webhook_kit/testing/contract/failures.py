"""placeOrder when things break: what "one ticket per order" rests on has to hold."""

from __future__ import annotations

from uuid import uuid4

from webhook_kit.adapter import Capability, Guarantee, StoreState
from webhook_kit.testing.contract.environment import ContractEnvironment, ContractResponse, Order
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import granting, offering
from webhook_kit.testing.lossy_proxy import Loss
from webhook_kit.testing.processes import wait_until

__all__ = ["FailureTests"]

_WORKS_IT_OUT = (Guarantee.NATIVE, Guarantee.LOOK_UP)


class FailureTests(ContractHooks):
    """What becomes of an order whose placement goes wrong half way."""

    def test_a_reply_lost_after_the_pos_committed(self, bench: ContractEnvironment) -> None:
        """When the reply is lost after the POS has the order, it has one ticket, however often Gett tries again.

        Protects: customers from paying twice.
        If it fails: let the failure out of place_order(), never try again in it, and raise NotPlaced only when nothing was sent;
        let find_order() find the ticket, or hand our key to the POS.
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        with bench.making(1) as made:
            with bench.losing(Loss.REPLY):
                lost = bench.place(order, key)
            assert lost.status == 503, f"nobody knows what became of the order, and Gett was told {lost}"
            again = bench.place(order, key)
            self._settled(bench, order, again)
        if again.status == 200:
            assert again.body["partnerOrderId"] == made[0].id, f"{again.body['partnerOrderId']} is not {made[0].id}"

    def test_a_request_lost_before_the_pos_committed(self, bench: ContractEnvironment) -> None:
        """When the POS never got the order, Gett's next attempt places it once; without a look-up a person decides.

        Protects: the order: a customer who was told "placed" waits for a dinner that nobody cooks.
        If it fails: let find_order() find nothing where there is nothing, and let the failure out of place_order().
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        works_it_out = self.adapter.guarantee() in _WORKS_IT_OUT
        with bench.making(1 if works_it_out else 0):
            with bench.losing(Loss.REQUEST):
                lost = bench.place(order, key)
            assert lost.status == 503, f"the order never reached the POS, and Gett was told {lost}"
            self._settled(bench, order, bench.place(order, key))

    def test_a_pos_that_answers_too_late(self, bench: ContractEnvironment) -> None:
        """When the POS answers after Gett has given up, there is one ticket, however often Gett tries again.

        Protects: customers from paying twice, and Gett from waiting for ever.
        If it fails: make every call with self.http, which keeps to the deadline, and let its time-out out of place_order().
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        bench.start(pos_deadline=self.pos_deadline, webhook_deadline=self.pos_deadline * 5)
        with bench.making(1):
            with bench.losing(Loss.TIME):
                late = bench.place(order, key)
                assert late.status == 503, f"the POS had not answered, and Gett was told {late}"
            wait_until(lambda: bench.state(order) not in ("claimed", "calling"), message="the late placement to end")
            bench.start()  # only the late call is to be late
            self._settled(bench, order, bench.place(order, key))

    def test_a_pos_that_is_down(self, bench: ContractEnvironment) -> None:
        """While the POS is down Gett is told to try again, and nothing is placed; when it is back, the order is placed once.

        Protects: the order: it is neither lost nor doubled over a restart of the till.
        If it fails: let connection failures out of place_order() as they are: self.http turns those into NotPlaced that are.
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        with bench.making(0), bench.losing(Loss.CONNECTION):
            down = bench.place(order, key)
            assert down.status == 503, f"the POS is down, and Gett was told {down}"
        works_it_out = self.adapter.guarantee() in _WORKS_IT_OUT or bench.state(order) != "in_doubt"
        with bench.making(1 if works_it_out else 0):
            self._settled(bench, order, bench.place(order, key), works_it_out=works_it_out)

    @granting(*_WORKS_IT_OUT)
    def test_redis_emptied_between_two_attempts(self, bench: ContractEnvironment) -> None:
        """When Redis was emptied after an order was placed, Gett's next attempt gets its receipt and makes no second ticket.

        Protects: customers from paying twice when the kit has forgotten everything.
        If it fails: find_order() has to find the ticket by what the POS keeps, or the POS has to know our key again.
        """
        key, order = str(uuid4()), bench.validated(bench.order())
        with bench.making(1):
            first = bench.place(order, key)
            assert first.status == 200, first
            bench.empty_redis()
            again = bench.place(order, key)
        assert again.status == 200, again
        assert again.body["partnerOrderId"] == first.body["partnerOrderId"], f"another ticket: {again}"

    @offering(Capability.STORE_STATUS)
    def test_the_status_tells_whether_the_pos_takes_orders(self, bench: ContractEnvironment) -> None:
        """``store_status`` says open while it is open, and something else, or nothing, while the POS is down or closed.

        Protects: customers from ordering where nobody cooks: Gett is paused, and resumed, by it.
        If it fails: ask the POS itself; return StoreState.DOWN, or let the failure out, when it cannot be reached.
        """
        assert bench.adapter.store_status(bench.store) is StoreState.OPEN, "the store is open"
        if not (bench.can_be_down or self.defines("close_store")):
            bench.skip("the suite can neither take the POS down nor close the store: define down() or close_store()")
        if bench.can_be_down:
            with bench.down():
                assert self._status(bench) is not StoreState.OPEN, "the POS is down, and store_status() says open"
            assert bench.adapter.store_status(bench.store) is StoreState.OPEN, "the store is open again"
        if self.defines("close_store"):
            self.close_store(bench.pos_store)
            assert self._status(bench) is not StoreState.OPEN, "the store is closed, and store_status() says open"

    @staticmethod
    def _status(bench: ContractEnvironment) -> StoreState | None:
        try:
            return bench.adapter.store_status(bench.store)
        except Exception:  # noqa: BLE001 - a failure says that it is not known, which is true
            return None

    def _settled(
        self, bench: ContractEnvironment, order: Order, again: ContractResponse, *, works_it_out: bool | None = None
    ) -> None:
        """What the next attempt has to be answered: the receipt, or that a person has to decide."""
        if works_it_out is None:
            works_it_out = self.adapter.guarantee() in _WORKS_IT_OUT
        if works_it_out:
            assert again.status == 200, f"the next attempt was answered {again}"
        else:
            assert again.status == 503, f"nobody can know what became of the order, and Gett was told {again}"
            assert bench.state(order) == "in_doubt", f"the order is {bench.state(order)}"
