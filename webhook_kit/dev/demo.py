"""The tour: an order's whole life, step by step, each proven before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from webhook_kit.dev.environment import DevEnvironment
from webhook_kit.errors import OperationRejected, WebhookKitError
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.sandbox.faults import Fault

__all__ = ["Demo", "DemoFailed"]

_PATIENCE = 120.0
_LOOK = 0.2


class DemoFailed(WebhookKitError):
    """A step did not go as it must; the message names it."""


class Demo:
    """Leads through everything that the kit does for one store."""

    def __init__(self, desk: DevEnvironment, console: Console) -> None:
        self._desk = desk
        self._console = console

    def run(self) -> None:
        """Every step.

        :raises TourFailed: naming the first that went wrong.
        """
        with self._step("an order's way into the POS"):
            first = self._placed_twice()
        with self._step("its progress, back to Gett"):
            self._progress(first)
        with self._step("an order that will not be made"):
            self._cancelled()
        with self._step("a dish that runs out"):
            self._runs_out()
        with self._step("the store, paused and resumed"):
            self._paused()
        self._console.rule("done: every order once, every word in order")

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _placed_twice(self) -> str:
        self._desk.trigger(Fault(kind="duplicate", call="placeOrder", times=1))
        placed = self._desk.order()
        self._say(f"delivered twice, and one ticket: {placed.partner_order_id}, total {_total(placed)}")
        order_id = self._id(placed)
        self._until(order_id, "confirmed")
        return order_id

    def _progress(self, order_id: str) -> None:
        orders = self._desk.kit.order_updates
        for status in ("preparing", "ready"):
            orders.progress(order_id, status)
            self._until(order_id, status)
        orders.complete(order_id)
        self._until(order_id, "completed")
        try:
            orders.progress(order_id, "preparing")
        except OperationRejected as error:
            self._say(f"an older status is refused at the door: {error}")
        else:
            raise DemoFailed("a status after the end was not refused")

    def _cancelled(self) -> None:
        order_id = self._id(self._desk.order())
        self._until(order_id, "confirmed")
        self._desk.kit.order_updates.cancel(order_id, "the oven is broken")
        self._until(order_id, "cancelled")

    def _runs_out(self) -> None:
        desk = self._desk
        wanted = desk.random_order()
        dish = wanted["cart"]["lineItems"][0]["itemId"]
        desk.kit.availability.mark_unavailable(desk.store, dish)
        self._wait(lambda: not self._valid(wanted), f"{dish} to be refused")
        self._say(f"{dish} has run out, and is refused")
        desk.kit.availability.mark_available(desk.store, dish)
        self._wait(lambda: self._valid(wanted), f"{dish} to be back")
        self._say(f"{dish} is back")

    def _paused(self) -> None:
        desk = self._desk
        desk.kit.store_status.pause(desk.store, "operational_issues")
        self._wait(lambda: not self._accepting(), "the store to be paused at Gett")
        self._say("paused: customers see that it takes no orders")
        desk.kit.store_status.resume(desk.store)
        self._wait(self._accepting, "the store to be online at Gett")

    # -- how a step is told and proven ---------------------------------------------------------------------------------

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._console.rule(name)
        try:
            yield
        except (WebhookKitError, TimeoutError) as error:
            raise DemoFailed(f"{name}: {error}") from error

    def _say(self, text: str) -> None:
        self._console.print(f"   {text}", markup=False)

    def _valid(self, wanted: dict[str, Any]) -> bool:
        return bool(self._desk.market.validate_order(ExternalOrder.model_validate(wanted)).is_valid)

    def _accepting(self) -> bool:
        return self._desk.market.store(self._desk.store.gett_id).is_accepting_orders

    def _id(self, placed: ExternalOrder) -> str:
        if not placed.gett_order_id:
            raise DemoFailed("the order has no id at Gett")
        return placed.gett_order_id

    def _until(self, order_id: str, expected: str) -> None:
        """Wait until Gett has heard this of an order."""
        orders = self._desk.context.state.orders

        def heard() -> bool:
            order = orders.get(order_id)
            return order is not None and expected in (order.status, order.state)

        self._wait(heard, f"Gett to hear: {expected}")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        # Each look is a call that others see, so not too often.
        until = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"waited {_PATIENCE:g} s in vain for {what}")
            time.sleep(_LOOK)


def _total(order: ExternalOrder) -> str:
    total = order.amounts.total if order.amounts else None
    return "unknown" if total is None else f"{total:.2f}"
