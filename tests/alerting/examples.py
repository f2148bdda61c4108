"""Messages for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.message import AlertEvent, AlertMessage

HOSTILE = '<!channel> *x* [y](http://evil.example) "\\ \ud83d & <b>'

EXAMPLE = AlertMessage(
    AlertEvent.OPENED,
    "order_in_doubt-0123456789",
    3,
    "order_in_doubt",
    AlertSeverity.CRITICAL,
    about="order",
    subject="order-1",
    store="main",
    sentence="the POS may or may not have an order",
    detail="since 18:30",
    todo="check the POS, then settle the order",
    opened=1_700_000_000.0,
    at=1_700_000_060.0,
    link="https://console.example.org/console/order?ref=order-1",
    runbook="docs/runbook.md#order_in_doubt",
)


def message(**changes: Any) -> AlertMessage:
    return replace(EXAMPLE, **changes)
