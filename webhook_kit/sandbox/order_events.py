"""Order events for distribution partners: signed, retried on Gett's schedule (``gett-protocol.md §3``)."""

from __future__ import annotations

from typing import Any

from webhook_kit.gett.models.store import OrderState
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import OrderRecord
from webhook_kit.sandbox.webhooks import Webhook, Webhooks

__all__ = ["OrderEvents"]

# [D] What the progress of an order is called in an event; what is not here is no event of its own.
_STATUSES = {"pending": "created", "confirmed": "confirmed", "inTransit": "shipped"}
_STATES = {OrderState.COMPLETED: "fulfilled", OrderState.CANCELLED: "canceled"}


class OrderEvents:
    """Tells ``order_events_url`` what happens to orders, when it is set."""

    def __init__(self, context: SandboxContext, webhooks: Webhooks) -> None:
        self._context = context
        self._webhooks = webhooks
        context.scheduler.register("order event", self._deliver)

    def created(self, record: OrderRecord) -> None:
        """The order was placed."""
        self._tell(record, "order_create", "created")

    def updated(self, record: OrderRecord, before: str | None) -> None:
        """The order went on; ``before`` is its :meth:`status` before that."""
        status = self.status(record)
        if status is not None and status != before:
            self._tell(record, "order_update", status)

    @staticmethod
    def status(record: OrderRecord) -> str | None:
        """What the order is called in an event now."""
        return _STATES.get(record.state) or _STATUSES.get(record.status)

    def _tell(self, record: OrderRecord, type: str, status: str) -> None:
        if not self._context.options.order_events_url:
            return
        canceled = status == "canceled"
        data = {
            "type": "order",
            "checkout_session_id": record.session_id or record.order_id,
            "permalink_url": f"https://sandbox.invalid/orders/{record.order_id}",
            "status": status,
            "refunds": [{"type": "original_payment", "amount": _cents(record)}] if canceled and record.placed else [],
        }
        self._context.scheduler.add(
            "order event",
            order_id=record.order_id,
            store_id=record.store_id,
            body={"type": type, "data": data},
            number=1,
        )

    def _deliver(self, order_id: str, store_id: str | None, body: dict[str, Any], number: int) -> None:
        url = self._context.options.order_events_url
        if not url:
            return
        webhook = Webhook("orderEvent", url, body, store_id=store_id, order_id=order_id, number=number)
        attempt = self._webhooks.deliver(webhook)
        if attempt.status is not None and attempt.status < 300:
            return
        delay = self._context.options.retry_delay(number, self._context.random.fraction("retry jitter"))
        if delay is not None:
            self._context.scheduler.add(
                "order event", delay=delay, order_id=order_id, store_id=store_id, body=body, number=number + 1
            )


def _cents(record: OrderRecord) -> int:
    """What was paid, in minor units: here, and only here, Gett counts so."""
    amounts = (record.placed or {}).get("amounts") or {}
    total = amounts.get("total")
    return max(0, round(total * 100)) if isinstance(total, int | float) else 0
