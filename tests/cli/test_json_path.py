"""Assignments to places of a document."""

from __future__ import annotations

import copy
from typing import Any

import click
import pytest

from webhook_kit.cli.json_path import assign
from webhook_kit.gett.models.order import PlaceOrderRequest

SCHEMA = PlaceOrderRequest.model_json_schema(by_alias=True)
ORDER: dict[str, Any] = {"cart": {"storeId": "s", "lineItems": [{"itemId": "cola", "quantity": 1}]}, "mine": {"x": 1}}


def assigned(assignment: str) -> dict[str, Any]:
    order = copy.deepcopy(ORDER)
    assign(order, assignment, SCHEMA)
    return order


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("cart.lineItems[0].quantity=2", 2),
        ("$.cart.lineItems[0].itemId=tea", "tea"),
        ('cart.lineItems[0].itemId="2"', "2"),
        ("cart.lineItems[0].itemId=a=b", "a=b"),
        ("cart.lineItems[0].lineItemId=7b", "7b"),
        ("cart.lineItems=[]", []),
        ("customer.firstName=Zoë \ud83d", "Zoë \ud83d"),
        ("deliveryInfo.address.city=", ""),
        ("amounts.tip=2.5", 2.5),
        ("payment.type=savedCard", "savedCard"),
        ("mine.x=null", None),
    ],
)
def test_a_place_is_set(assignment: str, value: object) -> None:
    node: Any = assigned(assignment)
    for part in assignment.partition("=")[0].removeprefix("$.").replace("[0]", ".0").split("."):
        node = node[int(part)] if part.isdigit() else node[part]
    assert node == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("cart.lineItems[1].quantity=2", "cart.lineItems has 1 entries, so there is no [1]"),
        ("cart.lineItems[0].quantitiy=2", "cart.lineItems[0] has no member 'quantitiy'; it may have itemId, quantity"),
        ("cart[0]=2", "cart is not a list"),
        ("cart.storeId.x=2", "cart.storeId is not an object"),
        ("customer.name.first=2", "customer has no member 'name'"),
        ("mine.y=2", "mine has no member 'y'; it may have x"),
        ("nothing", "PATH=VALUE"),
        ("=2", "PATH=VALUE"),
        ("cart..x=2", "PATH=VALUE"),
        ("cart[-1]=2", "PATH=VALUE"),
        ("cart=" + "[" * 200_000, "nested too deeply"),
    ],
)
def test_a_place_that_does_not_exist_is_named(assignment: str, said: str) -> None:
    with pytest.raises(click.BadParameter) as raised:
        assigned(assignment)
    assert said in raised.value.message
