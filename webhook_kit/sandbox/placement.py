"""Delivery of placeOrder: the first attempt while the consumer waits, then retries on Gett's schedule."""

from __future__ import annotations

import time
from typing import Any

from webhook_kit.gett.models.store import OrderState
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.mapping import find_inconsistencies
from webhook_kit.sandbox.order_events import OrderEvents
from webhook_kit.sandbox.state import OrderRecord
from webhook_kit.sandbox.webhooks import DeliveryAttempt, Webhook, Webhooks

__all__ = ["PlacementRetries"]


class PlacementRetries:
    """Delivers placeOrder until the store accepts or refuses it, or Gett gives up (``gett-protocol.md §3``)."""

    def __init__(self, context: SandboxContext, webhooks: Webhooks, events: OrderEvents) -> None:
        self._context = context
        self._webhooks = webhooks
        self._events = events
        # In memory only, so that saved state never holds card data. After a load the payment is gettPayment.
        self._payments: dict[str, dict[str, Any]] = {}
        context.scheduler.register("place_order", self.attempt)

    def set_payment(self, order_id: str, payment: dict[str, Any]) -> None:
        """Set the payment of an order."""
        self._payments[order_id] = payment

    def attempt(self, order_id: str) -> None:
        """Deliver once and put the result into the order's record."""
        with self._context.lock:
            record = self._context.state.orders.get(order_id)
            store = self._context.state.stores.get(record.store_id or "") if record else None
            # Not the state: a store can report the whole progress of an order whose receipt was lost on its way.
            if record is None or store is None or record.answered:
                return
            record.attempts += 1
            webhook = Webhook(
                "placeOrder",
                store.webhook_url,
                {**record.order, "payment": self._payments.get(order_id, {"type": "gettPayment"})},
                store_id=record.store_id,
                order_id=order_id,
                headers={"Idempotency-Key": record.key or ""},
                number=record.attempts,
            )
        attempt = self._webhooks.deliver(webhook)
        time.sleep(self._context.options.read_answer_after)
        with self._context.lock:
            self._apply(record, attempt)

    def _apply(self, record: OrderRecord, attempt: DeliveryAttempt) -> None:
        if record.placed is not None:  # another attempt succeeded meanwhile
            return
        if attempt.status == 200 and isinstance(attempt.body, dict) and attempt.body.get("partnerOrderId"):
            record.answered, record.problem = True, None
            record.placed = {**attempt.body, "gettOrderId": record.order_id}
            record.placed.pop("payment", None)
            self._events.created(record)
            self._payments.pop(record.order_id, None)
            for message in find_inconsistencies(attempt.body, validated=False):
                self._context.append_log("finding", orderId=record.order_id, call="placeOrder", message=message)
        elif not attempt.failed and isinstance(attempt.body, dict) and (attempt.status or 0) >= 400:
            record.answered, record.problem = True, attempt.body
            self._close(record, str(attempt.body.get("detail", "refused by the store")))
        else:
            result = "did not respond" if attempt.status is None else f"answered {attempt.status}"
            record.problem = {"detail": f"the store's system {result}"}
            self._schedule_retry(record)

    def _schedule_retry(self, record: OrderRecord) -> None:
        delay = self._context.options.retry_delay(record.attempts, self._context.random.fraction("retry jitter"))
        if delay is None:
            record.answered = True
            record.problem = {"errorCode": "BAD_GATEWAY", "detail": "the store never responded; Gett has given up"}
            self._close(record, "the store never responded")
        else:
            self._context.scheduler.add("place_order", delay=delay, order_id=record.order_id)

    def _close(self, record: OrderRecord, reason: str) -> None:
        # The store's own updates take precedence over Gett's conclusion from a lost response.
        if record.status == "pending" and record.state is OrderState.OPEN:
            record.state, record.cancel_reason = OrderState.CANCELLED, reason
