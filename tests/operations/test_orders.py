"""Orders as people see them: found by any of their ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.webhooks.webhook_client import STORE_ID, WebhookClient, order
from webhook_kit.operations import orders
from webhook_kit.operations.timeline import timeline

CONTACT = {"firstName": "Ada", "lastName": "Quist", "email": "ada@example.com", "phone": "+15550100"}


def placed(client: WebhookClient, **members: object) -> dict[str, object]:
    body = client.validated(order(customer=CONTACT), **members)
    assert client.place(body, key="5f0c1e52-6b0f-4b7e-9a53-2b8f1c4e6a91").status_code == 200
    return body


def test_an_order_is_found_by_each_of_its_ids(client: WebhookClient) -> None:
    gett_id = str(placed(client)["gettOrderId"])
    (ticket,) = client.tickets()
    expected = orders.find(client.kit, gett_id)
    assert expected is not None
    assert expected.pos_number is not None
    for name in (gett_id, "5f0c1e52-6b0f-4b7e-9a53-2b8f1c4e6a91", expected.pos_number, f" {gett_id}\n"):
        assert orders.find_any(client.kit, name) == [expected]
    assert orders.find_by_pos_number(client.kit, expected.pos_number, "main") == [expected]
    assert orders.find_by_pos_number(client.kit, expected.pos_number, "other") == []
    assert ticket is not None


def test_the_items_of_an_order_are_told_with_options() -> None:
    small = {"itemId": "small"}
    line = {"itemId": "pizza", "quantity": 2, "modifierGroups": [{"selectedModifiers": [small]}, {}]}
    assert orders.items_of({"cart": {"lineItems": [line, small]}}) == ("2 × pizza (1 × small)", "1 × small")


@pytest.mark.parametrize(
    "order", [None, [], {}, {"cart": None}, {"cart": {"lineItems": [None]}}, {"cart": {"lineItems": 1}}]
)
def test_an_order_without_readable_items_has_none(order: object) -> None:
    assert orders.items_of(order) == ()


def test_the_facts_have_no_data_of_the_customer(client: WebhookClient) -> None:
    gett_id = str(placed(client)["gettOrderId"])
    facts = orders.find(client.kit, gett_id)
    assert facts is not None
    assert (facts.ref, facts.gett_id, facts.store_id, facts.state) == (gett_id, gett_id, "main", "placed")
    assert facts.accepted == Decimal("2.75")
    assert facts.attempts == 1
    assert facts.progress == "confirmed"
    assert [pending.update for pending in facts.pending] == ["confirmed"]
    assert facts.created is not None
    assert timedelta(0) <= datetime.now(UTC) - facts.created < timedelta(minutes=5)
    assert not any(value in repr(facts) for value in CONTACT.values())


def test_an_order_of_which_only_updates_are_kept(client: WebhookClient) -> None:
    kit = client.kit
    kit.order_updates.cancel("lost", "the oven is broken")
    facts = orders.find(kit, "lost")
    assert facts is not None
    assert (facts.ref, facts.state, facts.progress, facts.settled) == ("lost", "unknown", "cancelled", False)
    assert [entry.event for entry in timeline(kit, "lost")] == ["appended"]


def test_an_unknown_name_finds_nothing(client: WebhookClient) -> None:
    for name in ("", " ", "x", "\ud800", "0" * 32, "a" * 100_000, STORE_ID, json.dumps({})):
        assert orders.find_any(client.kit, name) == []
