"""``webhook-kit demo``: one order travels from a local Gett into a POS, and its confirmation back. All of it real."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import uuid4

import click
from rich.console import Console

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.errors import WebhookKitError
from webhook_kit.registry import load_adapter
from webhook_kit.sandbox.local_gett import Answer, LocalGett
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.stack import Stack

__all__ = ["command"]


class _DemoFailed(WebhookKitError):
    """A step of the demo did not go as it must."""


@click.command("demo")
@click.argument("adapter", default="bogus")
def command(adapter: str) -> None:
    """Start Redis, a local Gett, the web server and a worker, and place one order.

    ADAPTER is a registered name or module:Class.
    """
    console = Console(highlight=False)
    menu = load_adapter(adapter).fetch_catalog(Store("main", "demo", adapter))
    with console.status("starting Redis, a local Gett, granian and a worker …"):
        stack = Stack(adapter)
        stack.__enter__()
    with closing(stack):
        _tour(console, stack, _cart(menu))


def _cart(menu: CatalogSet) -> dict[str, Any]:
    """Two dishes of the menu that need no choices."""
    dishes = [menu.items[item_id] for section in menu.sections.values() for item_id in section.item_ids]
    plain = [dish for dish in dishes if not dish.modifier_group_ids][:2]
    if not plain:
        raise _DemoFailed("the menu has no dish that can be ordered without choosing modifiers")
    lines = [{"lineItemId": str(n), "itemId": dish.item_id, "quantity": n} for n, dish in enumerate(plain, 1)]
    return {"lineItems": lines}


def _tour(console: Console, stack: Stack, cart: dict[str, Any]) -> None:
    gett = stack.gett
    order = {"cart": cart, "fulfillmentType": "Pickup", "amounts": {"tip": 2.00}}
    console.rule("an order's way")
    validated = _step(console, "Gett → validateOrder", gett.validate(order))
    if not validated.body.get("isValid"):
        raise _DemoFailed(f"validateOrder found the order invalid: {validated.body.get('errors')}")
    _say(console, f"valid, total {validated.body['amounts']['total']:.2f}, a token good for 15 minutes")
    key, token = str(uuid4()), validated.body["validatedOrderToken"]
    placing = {**order, "validatedOrderToken": token}
    placed = _step(console, "Gett → placeOrder", gett.place(placing, key=key))
    _say(console, f"the POS has it as {placed.body['partnerOrderId']}")
    again = _step(console, "Gett → placeOrder once more, as after a lost answer", gett.place(placing, key=key))
    if again.body["partnerOrderId"] != placed.body["partnerOrderId"]:
        raise _DemoFailed("the repeated placeOrder got another answer than the first")
    _say(console, "the same answer, no second ticket")
    _confirmation(console, gett, key)
    console.rule("done: one order, one ticket, one confirmation")


def _confirmation(console: Console, gett: LocalGett, key: str) -> None:
    order_id = gett.order_ids[key]
    try:
        updates = wait_until(lambda: gett.ledger.updates(order_id), timeout=15, message="the confirmation")
    except TimeoutError as error:
        raise _DemoFailed(str(error)) from error
    console.print(f"[bold]worker → Gett[/] POST /v1/commerce/orders/{order_id}/status")
    _say(console, f"Gett knows: {updates[0].body['status']}")


def _step(console: Console, what: str, answer: Answer) -> Answer:
    console.print(f"[bold]{what}[/]: {answer.status}")
    if answer.status != 200:
        raise _DemoFailed(f"{what} was answered {answer.status}: {answer.body}")
    return answer


def _say(console: Console, text: str) -> None:
    console.print(f"   {text}")
