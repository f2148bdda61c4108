"""A whole loop: Gett, the kit, the adapter under its registered name, and the POS in Node, all over HTTP."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import requests

from tests.node import node_pos
from tests.pos import SECRET
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.contract import PosWebhook
from webhook_kit.testing.local_kit import LocalKit
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.redis_server import RedisServer


@pytest.mark.parametrize("adapter", ["http", "http-native"])
def test_an_orders_whole_life(
    adapter: str, webhook_kit_sandbox: GettSandbox, webhook_kit_redis_server: RedisServer, tmp_path: Path
) -> None:
    with (
        node_pos(tmp_path, "main", SECRET) as till,
        LocalKit.start(
            webhook_kit_sandbox,
            webhook_kit_redis_server.url,
            adapter,
            options={"base_url": till.pos_url},
            credentials={"secret": SECRET},
            pos_store_id="main",
        ) as kit,
    ):

        def tell(webhook: PosWebhook) -> list[str]:
            url = f"{kit.url}/pos/{adapter}/events"
            answer = requests.post(url, data=webhook.body, headers=dict(webhook.headers), timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
            said: list[str] = answer.json()
            return said

        pizza = {
            "itemId": "margherita",
            "quantity": 2,
            "modifierGroups": [{"modifierGroupId": "size", "selectedModifiers": [{"itemId": "large", "quantity": 1}]}],
        }
        order = webhook_kit_sandbox.validate(webhook_kit_sandbox.order(kit.store.gett_id, [pizza]))
        placed = webhook_kit_sandbox.place(order)
        (ticket,) = till.tickets()
        assert placed["partnerOrderId"] == ticket["id"]
        assert ticket["orderRef"] == placed["gettOrderId"]
        assert Decimal(str(placed["amounts"]["total"])) == Decimal("27.06"), "2 × 12.50 and 8.25 % tax, rounded"

        known = webhook_kit_sandbox.context.state.orders[placed["gettOrderId"]]
        assert tell(till.advance(ticket["id"], "ready")) == ["ok"]
        kit.push()
        assert known.status == "ready"
        assert tell(till.advance(ticket["id"], "completed")) == ["ok"]
        kit.push()
        assert known.state == "completed"
        assert tell(till.sell_out("water")) == ["ok"]
        refused = webhook_kit_sandbox.validate(
            webhook_kit_sandbox.order(kit.store.gett_id, [{"itemId": "water", "quantity": 1}])
        )
        assert [error["code"] for error in refused["errors"]] == ["ITEM_UNAVAILABLE"]
