"""The answer for a ticket, and what the record keeps of an order."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

import pytest

from tests.webhooks.webhook_client import order
from webhook_kit.adapter import Placed
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest
from webhook_kit.placement.attempt import accepted_total, receipt, stored_order


def request(**members: Any) -> PlaceOrderRequest:
    return PlaceOrderRequest.from_json(json.dumps(order(**members))).with_ref("g1")


def answered(ticket: Placed, **members: Any) -> dict[str, Any]:
    response = receipt(request(**members), ticket)
    assert (response.status, response.ref) == (200, "g1")
    document: dict[str, Any] = json.loads(response.body)
    return document


def test_receipt_is_the_order_with_its_ticket() -> None:
    document = answered(
        Placed("T1"), amounts={"total": 2.75}, isValid=False, errors=[{"code": "OTHER", "message": "no"}]
    )
    assert (document["partnerOrderId"], document["isValid"], document["errors"]) == ("T1", True, [])
    assert document["amounts"]["total"] == 2.75
    assert document["placedAt"].endswith("Z")


@pytest.mark.parametrize("total", ["2.75", "3.00"])
def test_receipt_has_the_amounts_that_the_pos_charges(total: str, events: list[MutableMapping[str, Any]]) -> None:
    document = answered(Placed("T1", amounts=Amounts.of(Decimal(total))), amounts={"total": 2.75})
    assert document["amounts"]["total"] == float(total)
    differed = [(event["accepted"], event["charged"]) for event in events if event["event"] == "pos_price_differed"]
    assert differed == ([] if total == "2.75" else [("2.75", "3.00")])


def test_amounts_of_the_pos_that_contradict_themselves_are_not_told(events: list[MutableMapping[str, Any]]) -> None:
    contradictory = Amounts(sub_total=Decimal("2.75"), total=Decimal("9.00"))
    assert answered(Placed("T1", amounts=contradictory), amounts={"total": 2.75})["amounts"]["total"] == 2.75
    assert [event["pos_order"] for event in events if event["event"] == "pos_amounts_contradicted"] == ["T1"]


def test_record_contains_only_what_gett_sent() -> None:
    assert set(json.loads(stored_order(request()))) <= {*order(), "orderRef"}


def test_accepted_total_of_an_order_without_one_is_empty() -> None:
    assert [accepted_total(each) for each in (None, request(), request(amounts={"tip": 1}))] == ["", "", ""]
    assert accepted_total(request(amounts={"total": 2.75})) == "2.75"
