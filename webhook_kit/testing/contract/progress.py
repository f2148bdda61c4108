"""What the POS says of orders: told to Gett once, in order, from the POS alone, and found out where it was lost."""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

from webhook_kit.adapter import Capability, Placed, placement_key
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.contract.environment import ContractEnvironment, ContractResponse, Order
from webhook_kit.testing.contract.hooks import ContractHooks, PosWebhook
from webhook_kit.testing.contract.rules import offering

__all__ = ["ProgressTests"]


class _Underway(NamedTuple):
    order: Order
    pos_id: str


class ProgressTests(ContractHooks):
    """What becomes of an order after it was placed."""

    @offering(Capability.EVENTS)
    def test_progress_reaches_gett(self, bench: ContractEnvironment) -> None:
        """Each step of an order that the POS sends is told to Gett, once, in order.

        Protects: the customer and the courier, who wait by it.
        If it fails: let parse_event() return an OrderChanged with the order's id at the POS, and the step in Gett's words.
        """
        order, pos_id = self._underway(bench)
        before = bench.told(order)
        for step in self.steps:
            self._deliver(bench, self._sent(bench, pos_id, step))
        told = bench.told(order)[len(before) :]
        assert told == list(self.steps), f"the POS went through {', '.join(self.steps)}; Gett is told {told}"

    @offering(Capability.EVENTS)
    def test_events_out_of_order_and_twice(self, bench: ContractEnvironment) -> None:
        """A newer event before an older one, and each of them twice: Gett is told the newest, and nothing goes back.

        Protects: the courier who would be told "preparing" after "ready".
        If it fails: let parse_event() return what each event says, and keep no memory of earlier ones: the kit orders them.
        """
        order, pos_id = self._underway(bench)
        before = bench.told(order)
        older, newer = (self._sent(bench, pos_id, step) for step in self.steps[-2:])
        for webhook in (newer, older, newer, older):
            self._deliver(bench, webhook)
        told = bench.told(order)[len(before) :]
        assert told == [self.steps[-1]], f"Gett is told {told}, not {self.steps[-1]} once"

    @offering(Capability.EVENTS)
    def test_events_of_unknown_orders(self, bench: ContractEnvironment) -> None:
        """An event of an order that did not come through Gett is taken and changes nothing.

        Protects: every other event: a POS that is answered with an error sends it for ever, or switches its webhooks off.
        If it fails: let parse_event() return the event, or nothing at all; do not raise because an order is not known.
        """
        stranger = _placed_past_the_kit(bench)
        answer = bench.pos_says(self._sent(bench, stranger, self.steps[0]))
        assert answer.status == 200, f"the POS was answered {answer}"
        assert "ok" not in answer.body, f"Gett is told of an order that is not its own: {answer}"
        order, pos_id = self._underway(bench)
        self._deliver(bench, self._sent(bench, pos_id, self.steps[0]))
        assert bench.told(order)[-1] == self.steps[0], "events that follow are lost"

    @offering(Capability.EVENTS)
    def test_forged_events_are_refused(self, bench: ContractEnvironment) -> None:
        """An event without the POS's secret, or with a wrong one, is answered 401 and changes nothing.

        Protects: orders: anybody could cancel them.
        If it fails: check the signature or secret first, with hmac.compare_digest, and raise InvalidSignature.
        """
        order, pos_id = self._underway(bench)
        before = bench.told(order)
        genuine = self._sent(bench, pos_id, self.steps[0])
        forged = {
            "no header at all": PosWebhook({}, genuine.body),
            "every header with another value": PosWebhook(
                {name: _other(name, value) for name, value in genuine.headers.items()}, genuine.body
            ),
        }
        if self.signs_events:
            forged["another body under the same signature"] = PosWebhook(genuine.headers, genuine.body + b" ")
        for how, webhook in forged.items():
            answer = bench.pos_says(webhook)
            assert answer.status == 401, f"{how}: answered {answer}"
        assert bench.told(order) == before, "a forged event was told to Gett"

    @offering(Capability.EVENTS)
    def test_garbage_is_refused(self, bench: ContractEnvironment) -> None:
        """A webhook with a genuine head and a body that is no event is refused with 4xx, never taken and never an error of ours.

        Protects: the operator's night: garbage that is answered 5xx comes back for ever.
        If it fails: let ValueError, KeyError and the like out of parse_event(), or raise InvalidSignature.
        """
        _, pos_id = self._underway(bench)
        genuine = self._sent(bench, pos_id, self.steps[0])
        for garbage in (b"", b"{", b"\xff\xfe", b"[]", b"null"):
            answer = bench.pos_says(PosWebhook(genuine.headers, garbage))
            assert 400 <= answer.status < 500 or (answer.status == 200 and answer.body == []), f"{garbage!r}: {answer}"

    @offering(Capability.ORDERS_SINCE)
    def test_a_lost_event_is_found(self, bench: ContractEnvironment) -> None:
        """A step that no event told of is found by reconciliation, and told to Gett.

        Protects: orders whose webhooks got lost, and all of them after a loss of Redis.
        If it fails: let orders_since() return the order under its POS id or order_ref, with its status in Gett's words.
        """
        order, pos_id = self._underway(bench)
        self._advanced(bench, pos_id, self.steps[0])
        assert self._reconciled(bench, order) == self.steps[0], f"Gett is told {bench.told(order)}"

    @offering(Capability.ORDERS_SINCE)
    def test_a_closed_order_is_found(self, bench: ContractEnvironment) -> None:
        """An order that ended unnoticed is found by reconciliation, and ended at Gett.

        Protects: customers who would wait for an order that was cancelled, or handed over, long ago.
        If it fails: let orders_since() return orders that are closed, too, with their state.
        """
        order, pos_id = self._underway(bench)
        for step in self.steps:
            self._advanced(bench, pos_id, step)
        assert self._reconciled(bench, order) == self.steps[-1], f"Gett is told {bench.told(order)}"

    @offering(Capability.CANCEL_ORDER)
    def test_an_order_is_cancelled_in_time(self, bench: ContractEnvironment) -> None:
        """``cancel_order`` takes an order that was just placed back out of the POS.

        Protects: the kitchen from cooking what nobody will fetch.
        If it fails: void or cancel the ticket at the POS; an order that cannot be cancelled raises.
        """
        with bench.making(1):
            _, pos_id = self._underway(bench)
        bench.adapter.cancel_order(bench.store, Placed(pos_id), "the guest changed their mind")
        (ticket,) = (ticket for ticket in bench.tickets() if ticket.id == pos_id)
        if ticket.cancelled is None:
            bench.skip("tickets() does not tell whether a ticket is cancelled")
        assert ticket.cancelled, "the ticket still stands"

    @offering(Capability.CANCEL_ORDER)
    def test_a_cancellation_that_comes_too_late(self, bench: ContractEnvironment) -> None:
        """``cancel_order`` of an order that has ended raises, and the order stays as it ended.

        Protects: the customer who would be told "cancelled" with the dinner on the table, and the restaurant's money.
        If it fails: raise whatever fits when the POS does not cancel: a return without an exception says that it has.
        """
        _, pos_id = self._underway(bench)
        for step in self.steps:
            self._advanced(bench, pos_id, step)
        try:
            bench.adapter.cancel_order(bench.store, Placed(pos_id), "too late")
        except Exception:  # noqa: BLE001 - any exception says that the order was not cancelled
            failed = True
        else:
            failed = False
        assert failed, "cancel_order() of an order that has ended returns as if it had been cancelled"
        (ticket,) = (ticket for ticket in bench.tickets() if ticket.id == pos_id)
        assert not ticket.cancelled, "an order that had ended was cancelled at the POS"

    # -- steps ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def _underway(bench: ContractEnvironment) -> _Underway:
        order = bench.order()
        return _Underway(order, bench.placed(order).body["partnerOrderId"])

    @staticmethod
    def _advanced(bench: ContractEnvironment, pos_id: str, step: str) -> PosWebhook | None:
        bench.need("advance", required=True)
        return bench.advance(pos_id, step)

    def _sent(self, bench: ContractEnvironment, pos_id: str, step: str) -> PosWebhook:
        webhook = self._advanced(bench, pos_id, step)
        assert webhook is not None, (
            f"{type(self).__name__}.advance() gave no webhook, and the adapter declares parse_event"
        )
        return webhook

    @staticmethod
    def _deliver(bench: ContractEnvironment, webhook: PosWebhook) -> ContractResponse:
        answer = bench.pos_says(webhook)
        assert answer.status == 200, f"the POS was answered {answer}"
        return answer

    @staticmethod
    def _reconciled(bench: ContractEnvironment, order: Order) -> str:
        report = bench.kit.reconciler.reconcile(bench.store)
        assert not report.failures, report.failures
        return bench.told(order)[-1]


def _other(name: str, value: str) -> str:
    """Another value of the same shape; what kind of body it is stays true."""
    if name.lower().startswith("content-"):
        return value
    return "".join(
        "1" if one == "0" else "0" if one.isdigit() else "b" if one == "a" else "a" if one.isalpha() else one
        for one in value
    )


def _placed_past_the_kit(bench: ContractEnvironment) -> str:
    """The POS's id of an order that the kit knows nothing of."""
    order = bench.order()
    request = PlaceOrderRequest.model_validate({**order, "payment": {"type": "gettPayment"}})
    request.amounts = ExternalOrder.model_validate(bench.validate(order).body).amounts
    ref = f"walk-in-{uuid4()}"
    request.gett_order_id = ref
    placed = bench.adapter.place_order(bench.store, request, placement_key(bench.store, ref))
    assert isinstance(placed, Placed), f"place_order() gave {placed!r}"
    return placed.id
