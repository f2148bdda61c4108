"""Contract tests of a POS that does not answer: an adapter has to report it, and never answers in place of the POS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from webhook_kit.adapter import Capability, Placed, PosOrder, StoreState, Unsupported
from webhook_kit.pos.session import call_deadline
from webhook_kit.testing.contract.environment import ContractEnvironment, Order
from webhook_kit.testing.contract.hooks import ContractHooks, PosWebhook
from webhook_kit.testing.contract.rules import requires_capability
from webhook_kit.testing.contract.spy import lose_session_requests
from webhook_kit.testing.lossy_proxy import Loss

__all__ = ["OutageTests"]

_LOSSES = {
    Loss.REQUEST: "the connection breaks",
    Loss.ERROR: "the POS replies 500",
    Loss.BAD_GATEWAY: "a gateway replies 502",
}
_DELAY = {Loss.TIMEOUT: "the POS does not reply in time"}
_DEADLINES = {Loss.TIMEOUT: 1.0}
"""Deadlines in seconds of calls whose reply does not arrive."""
_DEADLINE = 30.0

_MAX_REQUESTS = 50
"""Requests of one call that are lost in turn."""


@dataclass(frozen=True)
class _FailedCall:
    """A call during which the POS did not answer.

    :ivar failure: the failure, in words.
    """

    failure: str
    result: Any = None
    error: Exception | None = None

    @property
    def reported(self) -> bool:
        """True if the adapter let the failure through."""
        # Unsupported tells the kit to go on without the call, as a wrong result does.
        return self.error is not None and not isinstance(self.error, Unsupported)

    def __str__(self) -> str:
        outcome = f"returned {self.result!r}" if self.error is None else f"raised {self.error!r}"
        return f"{self.failure}: the adapter {outcome}"


class OutageTests(ContractHooks):
    """Rules for a POS that does not answer.

    On the wire every request of a call fails in turn: a call that needs several requests must not ignore the failure of one.
    """

    @requires_capability(Capability.FIND_ORDER)
    def test_find_order_reports_failures(self, env: ContractEnvironment) -> None:
        """``find_order`` raises, or finds the ticket, while the POS does not answer; it never reports the ticket as missing.

        Protects: customers from paying twice: after a lost reply, "no ticket" makes the kit place the order again.
        If it fails: catch no failure in find_order(), check the status of every response, and return None only if the POS
        itself has answered that there is no ticket.
        """
        order = env.order()
        env.adapter.find_order(env.store, order["gettOrderId"])  # an answer that must not be remembered
        pos_id = env.validate_and_place(order).body["partnerOrderId"]
        failed = _failed_calls(env, lambda: env.adapter.find_order(env.store, order["gettOrderId"]), _LOSSES | _DELAY)
        calls = list(_at_least_one(env, failed, declared=True))
        if env.adapter.find_order(env.store, order["gettOrderId"]) is None:
            env.skip("find_order() finds no ticket at any time; test_find_order_finds_the_ticket reports it")
        for call in calls:
            found = isinstance(call.result, Placed) and call.result.id == pos_id
            assert call.reported or found, f"{call}, and the order has the ticket {pos_id}"

    def test_place_order_reports_failures(self, env: ContractEnvironment) -> None:
        """While the POS does not answer a request of a placement, Gett receives 503: the order is not refused.

        Protects: the order: a refusal is final, although the POS would take the order a minute later.
        If it fails: return Refused only for an answer of the POS itself; let every failure leave place_order(), also that of
        a request before or after the one that creates the ticket.
        """
        order: Order = {}

        def validate() -> None:
            nonlocal order
            order = env.validated_order(env.order())

        for call in _at_least_one(env, _failed_calls(env, lambda: env.place(order), _LOSSES, prepare=validate)):
            assert call.result.status in (200, 503), f"{call.failure}: Gett has to receive 503, not {call.result}"

    @requires_capability(Capability.QUOTE)
    def test_quote_reports_failures(self, env: ContractEnvironment) -> None:
        """While the POS does not answer a quote, Gett receives 503: neither another price nor a refusal.

        Protects: the restaurant's taxes, fees and unavailable items, which a price of the adapter's own leaves out; and the
        order, which a refusal ends although the POS would take it a minute later.
        If it fails: let exceptions leave quote(), and check the status of every response.
        """
        order = env.order()
        accepted = env.validate(order)
        assert accepted.valid, f"a valid cart was refused: {accepted}"
        for call in _at_least_one(env, _failed_calls(env, lambda: env.validate(order), _LOSSES)):
            response = call.result
            same = not env.has_wire and response.valid and response.body["amounts"] == accepted.body["amounts"]
            assert response.status == 503 or same, f"{call.failure}: Gett has to receive 503, not {response}"

    @requires_capability(Capability.STORE_STATUS)
    def test_store_status_reports_failures(self, env: ContractEnvironment) -> None:
        """``store_status`` does not return OPEN while the POS does not answer.

        Protects: customers from ordering at a store whose POS is down: the kit would not pause it, or even resume it.
        If it fails: check the status of every response, and return OPEN only if the POS itself has answered so.
        """
        for call in _at_least_one(env, _failed_calls(env, lambda: env.adapter.store_status(env.store), _LOSSES)):
            assert call.reported or call.result in (StoreState.DOWN, StoreState.CLOSED, StoreState.UNKNOWN), str(call)

    @requires_capability(Capability.ORDERS_SINCE)
    def test_orders_since_reports_failures(self, env: ContractEnvironment) -> None:
        """``orders_since`` raises while the POS does not answer, and never returns a part of the orders.

        Protects: orders whose webhooks were lost: reconciliation takes an order that is not listed for unchanged, and
        reports no failure.
        If it fails: let exceptions leave orders_since(), also those of a later page and of a single order.
        """
        since = datetime.now(UTC) - timedelta(hours=1)
        env.validate_and_place(env.order())
        env.adapter.orders_since(env.store, since)  # an answer that must not be repeated for the next one
        env.validate_and_place(env.order())
        failed = _failed_calls(env, lambda: _progress(env.adapter.orders_since(env.store, since)), _LOSSES)
        calls = list(_at_least_one(env, failed))
        complete = _progress(env.adapter.orders_since(env.store, since))
        for call in calls:
            assert call.reported or call.result == complete, f"{call}; complete is {complete!r}"

    @requires_capability(Capability.CANCEL_ORDER)
    def test_cancel_order_reports_failures(self, env: ContractEnvironment) -> None:
        """``cancel_order`` raises while the POS does not answer, unless it has cancelled the ticket.

        Protects: the restaurant from preparing an order that everybody else takes for cancelled.
        If it fails: let exceptions leave cancel_order(), and check the status of every response.
        """
        pos_id = ""

        def place() -> None:
            nonlocal pos_id
            pos_id = env.validate_and_place(env.order()).body["partnerOrderId"]

        def cancel() -> None:
            env.adapter.cancel_order(env.store, Placed(pos_id), "the customer changed their mind")

        for call in _at_least_one(env, _failed_calls(env, cancel, _LOSSES, prepare=place)):
            cancelled = any(ticket.cancelled for ticket in env.tickets() if ticket.id == pos_id)
            assert call.reported or cancelled, f"{call}, and the ticket is not cancelled"

    def test_fetch_catalog_reports_failures(self, env: ContractEnvironment) -> None:
        """``fetch_catalog`` raises while the POS does not answer, and never returns a part of the catalog.

        Protects: the catalog: everything that is not in it disappears at Gett.
        If it fails: let exceptions leave fetch_catalog(), also those of a later page and of a single section or item.
        """
        complete = env.catalog.to_wire()
        for call in _at_least_one(env, _failed_calls(env, lambda: env.adapter.fetch_catalog(env.store), _LOSSES)):
            assert call.reported or call.result.to_wire() == complete, (
                f"{call.failure}: fetch_catalog() returned another catalog, with {len(call.result.items)} items"
            )

    @requires_capability(Capability.EVENTS)
    def test_parse_event_reports_failures(self, env: ContractEnvironment) -> None:
        """An event that needs an answer of the POS is answered with 5xx while there is none, so that the POS sends it again.

        Protects: the progress of orders: a POS forgets an event that was accepted or rejected.
        If it fails: let exceptions leave parse_event(), and check the status of every response.
        """
        env.require_hook("advance")  # the other tests of events fail without it
        order, webhook = env.order(), PosWebhook({}, b"")

        def advance() -> None:
            nonlocal order, webhook
            order = env.order()
            pos_id = env.validate_and_place(order).body["partnerOrderId"]
            webhook = env.advance(pos_id, self.steps[0]) or webhook

        for call in _at_least_one(env, _failed_calls(env, lambda: env.deliver(webhook), _LOSSES, prepare=advance)):
            sent = self.steps[0] in env.sent_statuses(order)
            assert sent or call.result.status >= 500, f"{call.failure}: the POS received {call.result}"


def _progress(orders: Sequence[PosOrder]) -> set[tuple[str, str, Any, Any]]:
    return {(order.id, order.order_ref, order.status, order.state) for order in orders}


def _failed_calls(
    env: ContractEnvironment,
    call: Callable[[], Any],
    losses: dict[Loss, str],
    prepare: Callable[[], object] = lambda: None,
) -> Iterator[_FailedCall]:
    """Make a call in every situation in which the POS does not answer, and yield each result.

    :param prepare: called before each call, while the POS answers.
    """
    if env.hooks.defines("down") and not env.has_wire:
        prepare()
        with env.pos_down():
            failed = _attempt("the POS is down", call)
        yield failed
        return
    situations = [
        (failure, partial(env.lose_all, loss), _DEADLINES.get(loss, _DEADLINE)) for loss, failure in losses.items()
    ]
    # Without waiting: a library's timeout is an exception of its own, which adapters catch apart from others.
    situations.append(("a request times out", partial(lose_session_requests, Loss.TIMEOUT), _DEADLINE))
    for failure, lose, deadline in situations:
        for number in range(_MAX_REQUESTS):
            prepare()
            with lose(after=number) as lost:
                failed = _attempt(f"{failure} at request {number + 1}", call, deadline)
            if not lost.is_set():
                break
            yield failed


def _attempt(failure: str, call: Callable[[], Any], deadline: float = _DEADLINE) -> _FailedCall:
    try:
        with call_deadline(deadline):
            return _FailedCall(failure, call())
    except Exception as error:  # noqa: BLE001 - any exception reports the failure
        return _FailedCall(failure, error=error)


def _at_least_one(
    env: ContractEnvironment, calls: Iterator[_FailedCall], *, declared: bool = False
) -> Iterator[_FailedCall]:
    """Yield the calls; without any, the suite has no means of letting the POS fail, or the call does not need the POS."""
    first = next(calls, None)
    if first is None:
        if not env.has_wire:
            env.require_hook("down", declared=declared)
        env.skip("the call makes no request to the POS")
    yield first
    yield from calls
