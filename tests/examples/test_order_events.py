"""The example in examples/order_events: a handler of Gett's order events."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.webhook_client import WebhookClient
from webhook_kit import OrderEvent

EXAMPLE = Path(__file__).parents[2] / "examples" / "order_events"


@pytest.fixture
def gett(make_client: Callable[..., WebhookClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebhookClient:
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setenv("VENDOR_DATABASE", str(tmp_path / "vendor.sqlite"))
    return make_client(order_event_handler="order_handler:handle")


def event(session: str, status: str, *refunds: int) -> dict[str, Any]:
    data = {"type": "order", "checkout_session_id": session, "status": status}
    return {
        "type": "order_update",
        "data": {**data, "refunds": [{"type": "store_credit", "amount": r} for r in refunds]},
    }


def test_events_are_saved_and_stale_ones_are_not(gett: WebhookClient) -> None:
    for body in (
        event("cs-1", "confirmed"),
        event("cs-2", "created"),
        event("cs-1", "shipped"),
        event("cs-1", "confirmed"),
    ):
        assert gett.deliver("orderEvents", body).status_code == 200
    assert gett.deliver("orderEvents", event("cs-1", "shipped", 250, 100)).json["outcome"] == "handled"
    statuses = importlib.import_module("order_handler").statuses()
    assert statuses == {"cs-1": ("shipped", 350), "cs-2": ("created", 0)}


@pytest.mark.usefixtures("gett")
def test_the_handler_is_idempotent() -> None:
    handler = importlib.import_module("order_handler")
    for _ in range(2):
        handler.handle(OrderEvent.model_validate(event("cs-1", "fulfilled", 50)))
    assert handler.statuses() == {"cs-1": ("fulfilled", 50)}
