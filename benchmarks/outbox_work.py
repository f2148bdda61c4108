"""The work of the outbox's benchmark: what is told about orders, and the plain HTTP POST that everybody else tells it with."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import requests

from webhook_kit.outbox.updates import Update, order_ended, order_progress

__all__ = ["API_KEY", "EACH", "Told", "post", "preparing", "session", "url", "work"]

API_KEY = "benchmark"
EACH = 10
"""Updates for each order in :func:`work`."""

_BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
_local = threading.local()


class Told(NamedTuple):
    """One update of one order."""

    order: str
    update: Update


def preparing(number: int) -> Update:
    """The kitchen's next estimate: one after the other, all different."""
    return order_progress("preparing", _BEGIN + timedelta(seconds=number))


def work(count: int) -> list[Told]:
    """So many updates, ten for each order: the first of each order, then the second of each, and so on."""
    orders = [f"order-{n}" for n in range(-(-count // EACH))]
    middle = [preparing(n) for n in range(EACH - 4)]
    life = [order_progress("confirmed"), *middle, order_progress("ready"), order_progress("inTransit")]
    life.append(order_ended("completed"))
    return [Told(order, update) for update in life for order in orders][:count]


def url(order: str) -> str:
    """Where an order's updates are told."""
    return f"{os.environ['GETT_API_URL']}/v1/commerce/orders/{order}/status"


def session() -> requests.Session:
    """This thread's; connections are kept."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    current: requests.Session = _local.session
    return current


def post(order: str, body: dict[str, Any]) -> None:
    """A plain POST: the job of all other engines."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    session().post(url(order), data=json.dumps(body), headers=headers, timeout=(3.05, 10)).raise_for_status()
