"""A whole loop: Gett, the kit, the adapter by its registered name, and the POS in Node, all over HTTP."""

from __future__ import annotations

from decimal import Decimal

import pytest
import requests

from tests.node_pos import NodePos
from tests.scripted_pos import SECRET
from webhook_kit import GettSandbox
from webhook_kit.testing.contract import PosWebhook
from webhook_kit.testing.local_kit import LocalKit
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.redis_server import RedisServer


@pytest.mark.parametrize("adapter", ["http", "http-native"])
def test_an_order_from_placement_to_completion(
    adapter: str, webhook_kit_sandbox: GettSandbox, webhook_kit_redis_server: RedisServer, node: NodePos
) -> None:
    with LocalKit.start(
        webhook_kit_sandbox,
        webhook_kit_redis_server.url,
        adapter,
        options={"base_url": node.url},
        credentials={"secret": SECRET},
        pos_store_id="main",
    ) as kit:

        def deliver(webhook: PosWebhook) -> list[str]:
            url = f"{kit.url}/pos/{adapter}/events"
            response = requests.post(url, data=webhook.body, headers=dict(webhook.headers), timeout=PATIENCE)
            assert response.status_code == 200, response.text
            results: list[str] = response.json()
            return results

        pizza = {
            "itemId": "margherita",
            "quantity": 2,
            "modifierGroups": [{"modifierGroupId": "size", "selectedModifiers": [{"itemId": "large", "quantity": 1}]}],
        }
        order = webhook_kit_sandbox.validate(webhook_kit_sandbox.order(kit.store.gett_id, [pizza]))
        placed = webhook_kit_sandbox.place(order)
        (ticket,) = node.tickets()
        assert placed["partnerOrderId"] == ticket["id"]
        assert ticket["orderRef"] == placed["gettOrderId"]
        assert Decimal(str(placed["amounts"]["total"])) == Decimal("27.06"), "2 × 12.50 and 8.25 % tax, rounded"

        at_gett = webhook_kit_sandbox.context.state.orders[placed["gettOrderId"]]
        assert deliver(node.advance(ticket["id"], "ready")) == ["ok"]
        kit.push()
        assert at_gett.status == "ready"
        assert deliver(node.advance(ticket["id"], "completed")) == ["ok"]
        kit.push()
        assert at_gett.state == "completed"
        assert deliver(node.sell_out("water")) == ["ok"]
        refused = webhook_kit_sandbox.validate(
            webhook_kit_sandbox.order(kit.store.gett_id, [{"itemId": "water", "quantity": 1}])
        )
        assert [error["code"] for error in refused["errors"]] == ["ITEM_UNAVAILABLE"]
