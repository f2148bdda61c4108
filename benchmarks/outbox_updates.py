"""Updates for the outbox's benchmark, and the plain HTTP POST with which the alternatives send them."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import requests

from webhook_kit.outbox.updates import Update, order_ended, order_progress

__all__ = ["API_KEY", "UPDATES_PER_ORDER", "OrderUpdate", "post", "preparing", "session", "updates", "url"]

API_KEY = "benchmark"
UPDATES_PER_ORDER = 10
"""Updates of each order in :func:`updates`."""

_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_local = threading.local()


class OrderUpdate(NamedTuple):
    """One update of one order."""

    order: str
    update: Update


def preparing(number: int) -> Update:
    """Return the update ``preparing`` with an estimate that differs for each number."""
    return order_progress("preparing", _START + timedelta(seconds=number))


def updates(count: int) -> list[OrderUpdate]:
    """Return updates, ten for each order: the first update of each order, then the second of each, and so on."""
    orders = [f"order-{n}" for n in range(-(-count // UPDATES_PER_ORDER))]
    estimates = [preparing(n) for n in range(UPDATES_PER_ORDER - 4)]
    sequence = [order_progress("confirmed"), *estimates, order_progress("ready"), order_progress("inTransit")]
    sequence.append(order_ended("completed"))
    return [OrderUpdate(order, update) for update in sequence for order in orders][:count]


def url(order: str) -> str:
    """Return the URL to which an order's updates are sent."""
    return f"{os.environ['GETT_API_URL']}/v1/commerce/orders/{order}/status"


def session() -> requests.Session:
    """Return this thread's session, which keeps connections open."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    current: requests.Session = _local.session
    return current


def post(order: str, body: dict[str, Any]) -> None:
    """Send a plain POST: the job of all alternatives."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    session().post(url(order), data=json.dumps(body), headers=headers, timeout=(3.05, 10)).raise_for_status()
