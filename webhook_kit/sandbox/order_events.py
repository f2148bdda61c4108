"""Order events for distribution partners: signed, retried on Gett's schedule (``gett-protocol.md §3``)."""

from __future__ import annotations

from typing import Any

from webhook_kit.gett.models.store import OrderState
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import OrderRecord
from webhook_kit.sandbox.webhooks import Webhook, Webhooks

__all__ = ["OrderEvents"]

# [D] Names of statuses and states in order events; a status that is missing here causes no event.
_STATUSES = {"pending": "created", "confirmed": "confirmed", "inTransit": "shipped"}
_STATES = {OrderState.COMPLETED: "fulfilled", OrderState.CANCELLED: "canceled"}


class OrderEvents:
    """Sends order events to ``order_events_url``, if it is set."""

    def __init__(self, context: SandboxContext, webhooks: Webhooks) -> None:
        self._context = context
        self._webhooks = webhooks
        context.scheduler.register("send_order_event", self._deliver)

    def created(self, record: OrderRecord) -> None:
        """Send the event of a placed order."""
        self._schedule(record, "order_create", "created")

    def updated(self, record: OrderRecord, before: str | None) -> None:
        """Send an event if the :meth:`status` is not what it was ``before``."""
        status = self.status(record)
        if status is not None and status != before:
            self._schedule(record, "order_update", status)

    @staticmethod
    def status(record: OrderRecord) -> str | None:
        """Return the order's status in events; None if it has none."""
        return _STATES.get(record.state) or _STATUSES.get(record.status)

    def _schedule(self, record: OrderRecord, type: str, status: str) -> None:
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
            "send_order_event",
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
                "send_order_event", delay=delay, order_id=order_id, store_id=store_id, body=body, number=number + 1
            )


def _cents(record: OrderRecord) -> int:
    """Return the paid amount in minor units, which Gett uses in order events only."""
    amounts = (record.placed or {}).get("amounts") or {}
    total = amounts.get("total")
    return max(0, round(total * 100)) if isinstance(total, int | float) else 0
