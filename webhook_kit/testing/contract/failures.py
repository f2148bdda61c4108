"""Contract tests of placeOrder with failures: the guarantee of one ticket per order has to hold."""

from __future__ import annotations

from uuid import uuid4

from webhook_kit.adapter import Capability, Guarantee, StoreState
from webhook_kit.testing.contract.environment import ContractEnvironment, ContractResponse, Order
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.rules import requires_capability, requires_guarantee
from webhook_kit.testing.lossy_proxy import Loss
from webhook_kit.testing.processes import wait_until

__all__ = ["FailureTests"]

_RESOLVING = (Guarantee.NATIVE, Guarantee.LOOK_UP)


class FailureTests(ContractHooks):
    """Rules for orders whose placement fails halfway."""

    def test_retry_after_lost_reply_creates_no_second_ticket(self, env: ContractEnvironment) -> None:
        """The order has one ticket, however often Gett retries, if the reply is lost after the POS has the order.

        Protects: customers from paying twice.
        If it fails: let exceptions leave place_order(), do not retry in it, and raise NotPlaced only if nothing was sent;
        let find_order() find the ticket, or send the key to the POS.
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1) as created:
            with env.lose_next(Loss.REPLY):
                first = env.place(order, key)
            assert first.status == 503, f"the result is not known, so Gett has to receive 503, not {first}"
            retry = env.place(order, key)
            _check_retry(env, order, retry)
        if retry.status == 200:
            pos_id = retry.body["partnerOrderId"]
            assert pos_id == created[0].id, f"the receipt has the id {pos_id}, the ticket {created[0].id}"

    def test_retry_after_lost_request_places_the_order(self, env: ContractEnvironment) -> None:
        """Gett's retry places the order once if the POS did not receive it; without a look-up, an operator decides.

        Protects: the order: a customer who received "placed" waits for food that nobody prepares.
        If it fails: let find_order() return None if there is no ticket, and let exceptions leave place_order().
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1 if _resolves_doubt(env) else 0):
            with env.lose_next(Loss.REQUEST):
                first = env.place(order, key)
            assert first.status == 503, f"the order did not reach the POS, so Gett has to receive 503, not {first}"
            _check_retry(env, order, env.place(order, key))

    def test_retry_after_timeout_creates_no_second_ticket(self, env: ContractEnvironment) -> None:
        """The order has one ticket, however often Gett retries, if the POS replies after the timeout.

        Protects: customers from paying twice, and Gett from waiting without end.
        If it fails: make every call with self.http, which respects the deadline, and let its timeout leave place_order().
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        env.start(pos_deadline=self.pos_deadline, webhook_deadline=self.pos_deadline * 5)
        with env.expect_new_tickets(1):
            with env.lose_next(Loss.TIMEOUT):
                first = env.place(order, key)
                assert first.status == 503, f"the POS had not replied, so Gett has to receive 503, not {first}"
            wait_until(lambda: env.placement_state(order) not in ("claimed", "calling"), 20, "the placement to end")
            env.start()  # the short deadline is for the lost reply only
            _check_retry(env, order, env.place(order, key))

    def test_retry_after_gateway_timeout_creates_no_second_ticket(self, env: ContractEnvironment) -> None:
        """The order has one ticket, however often Gett retries, if a gateway replies 504 in place of the POS, which has the order.

        Protects: customers from paying twice: no 5xx of a gateway says if the POS has received the order.
        If it fails: raise NotPlaced or return Refused only for replies of the POS itself that exclude a ticket.
        """
        if not env.has_wire:
            env.skip("the suite cannot replace the POS's reply: the POS has no plain HTTP base URL")
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1):
            with env.lose_next(Loss.GATEWAY_TIMEOUT):
                first = env.place(order, key)
            assert first.status in (200, 503), f"the result is not known, so Gett has to receive 503, not {first}"
            retry = env.place(order, key)
            _check_retry(env, order, retry, resolves=first.status == 200 or None)

    def test_retry_after_outage_places_the_order(self, env: ContractEnvironment) -> None:
        """While the POS is down, Gett receives 503 and nothing is placed; after the outage the order is placed once.

        Protects: the order from being lost or placed twice when the POS restarts.
        If it fails: let connection errors leave place_order(); self.http converts them to NotPlaced if nothing was sent.
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(0), env.lose_next(Loss.CONNECTION):
            first = env.place(order, key)
            assert first.status == 503, f"the POS is down, so Gett has to receive 503, not {first}"
        resolves = _resolves_doubt(env) or env.placement_state(order) != "in_doubt"
        with env.expect_new_tickets(1 if resolves else 0):
            _check_retry(env, order, env.place(order, key), resolves=resolves)

    @requires_guarantee(*_RESOLVING)
    def test_retry_after_redis_loss_creates_no_second_ticket(self, env: ContractEnvironment) -> None:
        """Gett's retry gets the receipt and creates no second ticket if Redis was emptied after the placement.

        Protects: customers from paying twice after the kit has lost its data.
        If it fails: let find_order() find the ticket by a value that the POS stores, or let the POS honour the key.
        """
        key, order = str(uuid4()), env.validated_order(env.order())
        with env.expect_new_tickets(1):
            first = env.place(order, key)
            assert first.status == 200, first
            env.empty_redis()
            retry = env.place(order, key)
        assert retry.status == 200, retry
        first_id, retry_id = first.body["partnerOrderId"], retry.body["partnerOrderId"]
        assert retry_id == first_id, f"the retry returned the id {retry_id}, the first attempt {first_id}"

    @requires_capability(Capability.STORE_STATUS)
    def test_store_status_follows_the_pos(self, env: ContractEnvironment) -> None:
        """``store_status`` returns open while the POS is open, and not while it is down or closed.

        Protects: customers from ordering at a closed store: the kit pauses and resumes the store at Gett by this status.
        If it fails: query the POS itself; return StoreState.DOWN, or let the exception through, if it cannot be reached.
        """
        assert env.adapter.store_status(env.store) is StoreState.OPEN, "the store is open, store_status() disagrees"
        if not (env.can_take_pos_down or self.defines("close_store")):
            env.skip("the suite cannot take the POS down or close the store: define down() or close_store()")
        if env.can_take_pos_down:
            with env.pos_down():
                assert _status(env) is not StoreState.OPEN, "the POS is down, and store_status() returns open"
            status = env.adapter.store_status(env.store)
            assert status is StoreState.OPEN, f"the POS is up again, and store_status() returns {status}"
        if self.defines("close_store"):
            self.close_store(env.pos_store)
            assert _status(env) is not StoreState.OPEN, "the store is closed, and store_status() returns open"


def _status(env: ContractEnvironment) -> StoreState | None:
    try:
        return env.adapter.store_status(env.store)
    except Exception:  # noqa: BLE001 - any exception means that the status is not known, which is correct
        return None


def _resolves_doubt(env: ContractEnvironment) -> bool:
    """Return True if the adapter's guarantee lets the kit find out by itself what became of an order."""
    return env.hooks.adapter.guarantee() in _RESOLVING


def _check_retry(
    env: ContractEnvironment, order: Order, retry: ContractResponse, *, resolves: bool | None = None
) -> None:
    """Check the response to a retry: the receipt, or 503 with the order in doubt."""
    if _resolves_doubt(env) if resolves is None else resolves:
        assert retry.status == 200, f"the retry was answered with {retry}"
    else:
        assert retry.status == 503, f"nobody can determine the result, so Gett has to receive 503, not {retry}"
        state = env.placement_state(order)
        assert state == "in_doubt", f"the order has to be in doubt; its state is {state}"
