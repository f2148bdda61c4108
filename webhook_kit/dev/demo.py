"""The demo: the life of an order from placement to completion, each step checked before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from webhook_kit.dev.environment import DevEnvironment
from webhook_kit.errors import InvalidTransition, WebhookKitError
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.sandbox.faults import Fault
from webhook_kit.testing.processes import wait_until

__all__ = ["Demo", "DemoFailed"]

_POLL_INTERVAL = 0.2
"""Seconds between two checks of a condition by calls, which appear in the log."""


class DemoFailed(WebhookKitError):
    """A step of the demo failed; the message names it."""


class Demo:
    """Runs through everything that the kit does for one store."""

    def __init__(self, environment: DevEnvironment, console: Console) -> None:
        self._environment = environment
        self._console = console

    def run(self) -> None:
        """Run every step.

        :raises DemoFailed: naming the first step that failed.
        """
        with self._step("place an order"):
            order_id = self._place_order()
        with self._step("send its progress to Gett"):
            self._send_progress(order_id)
        with self._step("cancel an order"):
            self._cancel_order()
        with self._step("make an item unavailable"):
            self._make_item_unavailable()
        with self._step("pause and resume the store"):
            self._pause_store()
        self._console.rule("done: every order placed once, every update in order")

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _place_order(self) -> str:
        self._environment.trigger(Fault(kind="duplicate", call="placeOrder", times=1))
        order = self._environment.order()
        self._print(f"delivered twice, one ticket: {order.partner_order_id}, total {_total(order)}")
        order_id = self._gett_id(order)
        self._wait_for_status(order_id, "confirmed")
        return order_id

    def _send_progress(self, order_id: str) -> None:
        updates = self._environment.kit.order_updates
        for status in ("preparing", "ready"):
            updates.progress(order_id, status)
            self._wait_for_status(order_id, status)
        updates.complete(order_id)
        self._wait_for_status(order_id, "completed")
        try:
            updates.progress(order_id, "preparing")
        except InvalidTransition as error:
            self._print(f"an update after the end is rejected: {error}")
        else:
            raise DemoFailed("an update after the end of the order was not rejected")

    def _cancel_order(self) -> None:
        order_id = self._gett_id(self._environment.order())
        self._wait_for_status(order_id, "confirmed")
        self._environment.kit.order_updates.cancel(order_id, "the oven is broken")
        self._wait_for_status(order_id, "cancelled")

    def _make_item_unavailable(self) -> None:
        environment = self._environment
        order = environment.random_order()
        item_id = order["cart"]["lineItems"][0]["itemId"]
        environment.kit.availability.mark_unavailable(environment.store, item_id)
        self._wait(lambda: not self._is_valid(order), f"an order of {item_id} to be refused")
        self._print(f"{item_id} is unavailable, and an order of it is refused")
        environment.kit.availability.mark_available(environment.store, item_id)
        self._wait(lambda: self._is_valid(order), f"an order of {item_id} to be valid again")
        self._print(f"{item_id} is available again")

    def _pause_store(self) -> None:
        environment = self._environment
        environment.kit.store_status.pause(environment.store, "operational_issues")
        self._wait(lambda: not self._is_accepting_orders(), "the store to be paused at Gett")
        self._print("paused: customers see that the store takes no orders")
        environment.kit.store_status.resume(environment.store)
        self._wait(self._is_accepting_orders, "the store to be online at Gett")

    # -- output and checks ---------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._console.rule(name)
        try:
            yield
        except (WebhookKitError, TimeoutError) as error:
            raise DemoFailed(f"{name}: {error}") from error

    def _print(self, text: str) -> None:
        self._console.print(f"   {text}", markup=False)

    def _is_valid(self, order: dict[str, Any]) -> bool:
        return bool(self._environment.marketfront.validate_order(ExternalOrder.model_validate(order)).is_valid)

    def _is_accepting_orders(self) -> bool:
        return self._environment.marketfront.store(self._environment.store.gett_id).is_accepting_orders

    def _gett_id(self, order: ExternalOrder) -> str:
        if not order.gett_order_id:
            raise DemoFailed("Gett's response has no gettOrderId")
        return order.gett_order_id

    def _wait_for_status(self, order_id: str, expected: str) -> None:
        """Wait until the order has this status or state at Gett."""
        orders = self._environment.sandbox.state.orders

        def arrived() -> bool:
            order = orders.get(order_id)
            return order is not None and expected in (order.status, order.state)

        wait_until(arrived, message=f"the order to be {expected} at Gett")

    def _wait(self, condition: Callable[[], bool], description: str) -> None:
        wait_until(condition, message=description, interval=_POLL_INTERVAL)


def _total(order: ExternalOrder) -> str:
    total = order.amounts.total if order.amounts else None
    return "unknown" if total is None else f"{total:.2f}"
