"""A handler of Gett's order events: ``ORDER_EVENT_HANDLER=order_handler:handle``.

The kit calls it once per event and never with an older event after a newer one. If it raises an exception, Gett sends the event
again. A process that dies after the call has it repeated, so the handler must be idempotent.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from webhook_kit import OrderEvent

__all__ = ["handle", "statuses"]

_TABLE = "CREATE TABLE IF NOT EXISTS orders (session TEXT PRIMARY KEY, status TEXT NOT NULL, refunded_cents INTEGER NOT NULL)"
_UPSERT = """
INSERT INTO orders VALUES (?, ?, ?)
ON CONFLICT (session) DO UPDATE SET status = excluded.status, refunded_cents = excluded.refunded_cents
"""


def handle(event: OrderEvent) -> None:
    """Save the order's status and refunds. Idempotent: each event has the whole state."""
    order = event.data
    refunded = sum(refund.amount for refund in order.refunds)
    with closing(_open()) as database, database:
        database.execute(_UPSERT, (order.checkout_session_id, order.status, refunded))


def statuses() -> dict[str, tuple[str, int]]:
    """Return status and refunded cents of every order."""
    with closing(_open()) as database:
        rows = database.execute("SELECT session, status, refunded_cents FROM orders")
        return {session: (status, refunded) for session, status, refunded in rows}


def _open() -> sqlite3.Connection:
    database = sqlite3.connect(os.environ.get("VENDOR_DATABASE", "vendor.sqlite"))
    database.execute(_TABLE)
    return database
