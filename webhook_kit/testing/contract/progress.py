"""Contract tests of orders after placement: progress from events and reconciliation, and cancellation."""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

from webhook_kit.adapter import Capability, Placed, placement_key
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.testing.contract.environment import ContractEnvironment, ContractResponse, Order
from webhook_kit.testing.contract.hooks import ContractHooks, PosTicket, PosWebhook
from webhook_kit.testing.contract.rules import requires_capability

__all__ = ["ProgressTests"]


class _PlacedOrder(NamedTuple):
    order: Order
    pos_id: str


class ProgressTests(ContractHooks):
    """Rules for orders after placement."""

    @requires_capability(Capability.EVENTS)
    def test_progress_is_sent_to_gett(self, env: ContractEnvironment) -> None:
        """Each step of an order that the POS reports is sent to Gett once, in order.

        Protects: the customer and the courier, who rely on it.
        If it fails: let parse_event() return an OrderChanged with the POS's order id and Gett's status.
        """
        order, pos_id = _place(env)
        before = env.sent_statuses(order)
        for step in self.steps:
            _deliver(env, _webhook(env, pos_id, step))
        sent = env.sent_statuses(order)[len(before) :]
        assert sent == list(self.steps), f"the POS reported {', '.join(self.steps)}; Gett received {sent}"

    @requires_capability(Capability.EVENTS)
    def test_late_and_repeated_events_are_ignored(self, env: ContractEnvironment) -> None:
        """After a newer event, an older one and duplicates of both change nothing at Gett.

        Protects: the courier, who would otherwise see "preparing" after "ready".
        If it fails: let parse_event() return the content of each event, and keep no state between events; the kit orders them.
        """
        order, pos_id = _place(env)
        before = env.sent_statuses(order)
        older, newer = (_webhook(env, pos_id, step) for step in self.steps[-2:])
        for webhook in (newer, older, newer, older):
            _deliver(env, webhook)
        sent = env.sent_statuses(order)[len(before) :]
        assert sent == [self.steps[-1]], f"Gett received {sent}, not {self.steps[-1]} once"

    @requires_capability(Capability.EVENTS)
    def test_events_of_unknown_orders_are_ignored(self, env: ContractEnvironment) -> None:
        """An event of an order that does not come from Gett is accepted and changes nothing.

        Protects: all other events: a POS that receives an error repeats the event, or disables its webhooks.
        If it fails: let parse_event() return the event or an empty list; do not raise because the order is unknown.
        """
        unknown = _place_without_kit(env)
        response = env.deliver(_webhook(env, unknown, self.steps[0]))
        assert response.status == 200, f"the POS received {response}"
        assert "ok" not in response.body, f"Gett received an update of an order that is not from Gett: {response}"
        order, pos_id = _place(env)
        _deliver(env, _webhook(env, pos_id, self.steps[0]))
        assert env.sent_statuses(order)[-1] == self.steps[0], "events after it are lost"

    @requires_capability(Capability.EVENTS)
    def test_forged_events_are_rejected(self, env: ContractEnvironment) -> None:
        """An event without the POS's secret, or with a wrong one, is answered with 401 and changes nothing.

        Protects: orders, which anybody could otherwise cancel.
        If it fails: verify the signature or secret first, with hmac.compare_digest, and raise InvalidSignature.
        """
        order, pos_id = _place(env)
        before = env.sent_statuses(order)
        genuine = _webhook(env, pos_id, self.steps[0])
        forged = {
            "no headers": PosWebhook({}, genuine.body),
            "a different value in every header": PosWebhook(
                {name: _changed(name, value) for name, value in genuine.headers.items()}, genuine.body
            ),
        }
        if self.signs_events:
            forged["a different body with the same signature"] = PosWebhook(genuine.headers, genuine.body + b" ")
        for description, webhook in forged.items():
            response = env.deliver(webhook)
            assert response.status == 401, f"{description}: expected 401, not {response}"
        assert env.sent_statuses(order) == before, "a forged event was sent to Gett"

    @requires_capability(Capability.EVENTS)
    def test_malformed_events_are_rejected(self, env: ContractEnvironment) -> None:
        """A webhook with genuine headers and a malformed body is answered with 4xx; it is neither accepted nor a server error.

        Protects: the operators: the POS repeats a malformed event without end if it is answered with 5xx.
        If it fails: let ValueError, KeyError and similar exceptions leave parse_event(), or raise InvalidSignature.
        """
        _, pos_id = _place(env)
        genuine = _webhook(env, pos_id, self.steps[0])
        for body in (b"", b"{", b"\xff\xfe", b"[]", b"null"):
            response = env.deliver(PosWebhook(genuine.headers, body))
            empty = response.status == 200 and response.body == []
            assert 400 <= response.status < 500 or empty, f"{body!r}: expected 4xx, not {response}"

    @requires_capability(Capability.ORDERS_SINCE)
    def test_reconciliation_finds_a_missed_step(self, env: ContractEnvironment) -> None:
        """Reconciliation finds a step without an event, and sends it to Gett.

        Protects: orders whose webhooks were lost, and all orders after a loss of Redis.
        If it fails: let orders_since() return the order with its POS id or order_ref, and Gett's status.
        """
        order, pos_id = _place(env)
        _advance(env, pos_id, self.steps[0])
        assert _reconcile(env, order) == self.steps[0], f"Gett received {env.sent_statuses(order)}"

    @requires_capability(Capability.ORDERS_SINCE)
    def test_reconciliation_finds_a_closed_order(self, env: ContractEnvironment) -> None:
        """Reconciliation finds an order that ended without an event, and ends it at Gett.

        Protects: customers who would otherwise wait for an order that was cancelled or handed over.
        If it fails: let orders_since() return closed orders as well, with their state.
        """
        order, pos_id = _place(env)
        for step in self.steps:
            _advance(env, pos_id, step)
        assert _reconcile(env, order) == self.steps[-1], f"Gett received {env.sent_statuses(order)}"

    @requires_capability(Capability.CANCEL_ORDER)
    def test_cancel_order_cancels_the_ticket(self, env: ContractEnvironment) -> None:
        """``cancel_order`` cancels the ticket of an order that was just placed.

        Protects: the kitchen from preparing food that nobody collects.
        If it fails: void or cancel the ticket at the POS; raise if the order cannot be cancelled.
        """
        with env.expect_new_tickets(1):
            _, pos_id = _place(env)
        env.adapter.cancel_order(env.store, Placed(pos_id), "the customer changed their mind")
        ticket = _ticket(env, pos_id)
        if ticket.cancelled is None:
            env.skip("tickets() does not provide a ticket's cancellation")
        assert ticket.cancelled, "the ticket is not cancelled"

    @requires_capability(Capability.CANCEL_ORDER)
    def test_cancel_order_fails_for_a_closed_order(self, env: ContractEnvironment) -> None:
        """``cancel_order`` of an order that has ended raises, and does not change the order.

        Protects: the customer, who would see "cancelled" after the meal, and the restaurant's money.
        If it fails: raise any exception if the POS does not cancel; a return means that it has cancelled.
        """
        _, pos_id = _place(env)
        for step in self.steps:
            _advance(env, pos_id, step)
        try:
            env.adapter.cancel_order(env.store, Placed(pos_id), "too late")
        except Exception:  # noqa: BLE001 - any exception means that the order was not cancelled
            raised = True
        else:
            raised = False
        assert raised, "cancel_order() of an order that has ended returned without an exception"
        assert not _ticket(env, pos_id).cancelled, "an order that had ended was cancelled at the POS"


def _place(env: ContractEnvironment) -> _PlacedOrder:
    order = env.order()
    return _PlacedOrder(order, env.validate_and_place(order).body["partnerOrderId"])


def _advance(env: ContractEnvironment, pos_id: str, step: str) -> PosWebhook | None:
    env.require_hook("advance", declared=True)
    return env.advance(pos_id, step)


def _webhook(env: ContractEnvironment, pos_id: str, step: str) -> PosWebhook:
    """Move an order to a step, and return the POS's webhook about it."""
    webhook = _advance(env, pos_id, step)
    assert webhook is not None, (
        f"{type(env.hooks).__name__}.advance() returned no webhook; return one, because the adapter defines parse_event()"
    )
    return webhook


def _deliver(env: ContractEnvironment, webhook: PosWebhook) -> ContractResponse:
    response = env.deliver(webhook)
    assert response.status == 200, f"the POS received {response}"
    return response


def _reconcile(env: ContractEnvironment, order: Order) -> str:
    """Reconcile the store, and return the last status sent to Gett."""
    report = env.kit.reconciler.reconcile(env.store)
    assert not report.failures, report.failures
    return env.sent_statuses(order)[-1]


def _ticket(env: ContractEnvironment, pos_id: str) -> PosTicket:
    (ticket,) = (ticket for ticket in env.tickets() if ticket.id == pos_id)
    return ticket


def _changed(name: str, value: str) -> str:
    """Return another header value of the same form. The type and length of the body stay correct."""
    if name.lower().startswith("content-"):
        return value
    return "".join(
        "1" if char == "0" else "0" if char.isdigit() else "b" if char == "a" else "a" if char.isalpha() else char
        for char in value
    )


def _place_without_kit(env: ContractEnvironment) -> str:
    """Place an order that is not from Gett, and return its POS id."""
    order = env.order()
    request = PlaceOrderRequest.model_validate({**order, "payment": {"type": "gettPayment"}})
    request.amounts = ExternalOrder.model_validate(env.validate(order).body).amounts
    ref = f"walk-in-{uuid4()}"
    request.gett_order_id = ref
    result = env.adapter.place_order(env.store, request, placement_key(env.store, ref))
    assert isinstance(result, Placed), f"place_order() returned {result!r}"
    return result.id
