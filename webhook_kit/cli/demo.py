"""``webhook-kit demo``: an order's whole life between a local Gett and a POS, on real processes."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click
from rich.console import Console

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.menu import Menu
from webhook_kit.errors import Impossible, WebhookKitError
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
    """Start Redis, a local Gett, the web server and workers; an order is placed, progresses, and is completed.

    Another one is cancelled, and the store is paused and resumed.

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
    """Two dishes of the menu that are served now and need no choices."""
    compiled = Menu.compile(menu)
    opened = compiled.open_catalogs(datetime.now(UTC), UTC)  # the zone of a store that names none
    plain = [dish for dish in compiled.items.values() if dish.catalogs & opened and not dish.groups][:2]
    if not plain:
        raise _DemoFailed("the menu has no dish that is served now and can be ordered without choosing modifiers")
    lines = [{"lineItemId": str(n), "itemId": dish.id, "quantity": n} for n, dish in enumerate(plain, 1)]
    return {"lineItems": lines}


def _tour(console: Console, stack: Stack, cart: dict[str, Any]) -> None:
    gett, kit = stack.gett, stack.kit()
    console.rule("an order's way into the POS")
    first = _place(console, gett, cart)
    _told(console, gett, first, {"status": "confirmed"})
    console.rule("its progress, back to Gett")
    for status in ("preparing", "ready"):
        kit.orders.progress(first, status)
        _told(console, gett, first, {"status": status})
    kit.orders.complete(first)
    _told(console, gett, first, {"state": "completed"})
    try:
        kit.orders.progress(first, "preparing")
    except Impossible as refused:
        _say(console, f"an older status is refused at the door: {refused}")
    console.rule("an order that will not be made")
    second = _place(console, gett, cart)
    _told(console, gett, second, {"status": "confirmed"})
    kit.orders.cancel(second, "the oven is broken")
    _told(console, gett, second, {"state": "cancelled"})
    console.rule("the store, paused and resumed")
    kit.stores.pause("main", "operational_issues")
    _told(console, gett, stack.store_id, {"status": "paused"})
    kit.stores.resume("main")
    _told(console, gett, stack.store_id, {"status": "online"})
    console.rule("done: two orders, two tickets, every word in order")


def _place(console: Console, gett: LocalGett, cart: dict[str, Any]) -> str:
    """Place an order; its id at Gett."""
    order = {"cart": cart, "fulfillmentType": "Pickup", "amounts": {"tip": 2.00}}
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
    return gett.order_ids[key]


def _told(console: Console, gett: LocalGett, subject: str, expected: dict[str, str]) -> None:
    """Wait until Gett has been told this of an order or a store."""

    def arrived() -> bool:
        updates = [update for update in gett.ledger.updates(subject) if update.answer < 300]
        return bool(updates) and expected.items() <= updates[-1].body.items()

    said = ", ".join(f"{name} {value}" for name, value in expected.items())
    try:
        wait_until(arrived, timeout=20, message=f"Gett to be told: {said}")
    except TimeoutError as error:
        raise _DemoFailed(str(error)) from error
    console.print(f"[bold]worker → Gett[/] …{subject[-8:]} {said}")


def _step(console: Console, what: str, answer: Answer) -> Answer:
    console.print(f"[bold]{what}[/]: {answer.status}")
    if answer.status != 200:
        raise _DemoFailed(f"{what} was answered {answer.status}: {answer.body}")
    return answer


def _say(console: Console, text: str) -> None:
    console.print(f"   {text}")
