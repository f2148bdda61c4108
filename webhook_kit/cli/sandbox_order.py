"""``webhook-kit sandbox order``: order as a customer of a running sandbox, as its storefront does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from webhook_kit.cli.common import examples
from webhook_kit.cli.sandbox_client import SandboxError, ask_sandbox, sandbox_url
from webhook_kit.errors import GettError

if TYPE_CHECKING:
    from webhook_kit.gett.client import GettClient
    from webhook_kit.gett.marketfront import Marketfront

__all__ = ["order"]

_SECONDS = 60.0
"""Seconds to wait for an answer: Gett answers a customer only after the store has answered, for which it waits 25 s."""

_CUSTOMER = {"email": "sam@example.org", "first_name": "Sam", "last_name": "Sample", "phone": "+15550100"}


@click.command(
    epilog=examples(
        "webhook-kit sandbox order", "webhook-kit sandbox order cola cola --store 5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c11"
    )
)
@sandbox_url
@click.option(
    "--api-key",
    envvar="GETT_API_KEY",
    show_envvar=True,
    help="API key of the partner; the first of several.",
)
@click.option("--store", "store_id", metavar="STORE", help="Gett's id of the store (default: the only one).")
@click.argument("items", nargs=-1, metavar="[ITEM]...")
def order(url: str, api_key: str | None, store_id: str | None, items: tuple[str, ...]) -> None:
    """Order as a customer: have the order checked, then place it.

    ITEM is the id of an item of the store's catalog; its required options are added. Without one, the first that can be ordered is.
    """
    from webhook_kit.gett.client import GettClient
    from webhook_kit.gett.marketfront import Marketfront
    from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
    from webhook_kit.gett.models.session import SessionCreateRequest

    key = (api_key or "").partition(",")[0].strip()
    if not key:
        raise click.UsageError("--api-key is missing; give it, or set GETT_API_KEY")
    store = store_id or _only_store(GettClient(url, key))
    session = Marketfront(url, key).create_session(SessionCreateRequest(**_CUSTOMER))
    marketfront = Marketfront(url, session.token, read_timeout=_SECONDS)
    wanted = {"cart": _cart(marketfront, store, items), "fulfillmentType": "Pickup", "amounts": {"tip": 0}}
    checked = marketfront.validate_order(ExternalOrder.model_validate(wanted))
    if not checked.is_valid:
        raise SandboxError(*(f"refused: {error.message}" for error in checked.errors or []))
    request = {**checked.to_wire(), "payment": {"type": "gettPayment"}}
    key = str(uuid4())
    try:
        placed = marketfront.place_order(PlaceOrderRequest.model_validate(request), key=key)
    except GettError as error:
        raise SandboxError(f"{_order_of(url, key)}{error}") from error
    click.echo(f"order {placed.gett_order_id} is placed; the store's number is {placed.partner_order_id}")


def _order_of(url: str, key: str) -> str:
    """Return the beginning of a message about an order that was not placed: Gett's id of it, which no customer is told."""
    try:
        return f"order {ask_sandbox('GET', f'{url}/__sandbox/state')['state']['placements'][key]['orderId']}: "
    except (SandboxError, KeyError, TypeError):  # refused by Gett itself, or the sandbox has stopped
        return ""


def _only_store(client: GettClient) -> str:
    ids = [store.store_id for store in client.stores()]
    if len(ids) != 1:
        raise click.UsageError(f"--store is missing; the sandbox has {len(ids)} stores: {', '.join(ids[:10])}")
    return ids[0]


def _cart(marketfront: Marketfront, store_id: str, items: tuple[str, ...]) -> dict[str, Any]:
    from webhook_kit.testing.orderable import OrderableCatalog

    catalog_set_id = marketfront.store(store_id).catalog_set_id
    if catalog_set_id is None:
        raise SandboxError(f"store {store_id} has no catalog at the sandbox yet; next: webhook-kit catalog sync --all")
    orderable = OrderableCatalog(marketfront.catalog_set(catalog_set_id))
    if unknown := [item for item in items if item not in orderable.catalog.items or not orderable.selectable(item)]:
        raise click.BadParameter(f"{unknown[0]} is no item that can be ordered", param_hint="ITEM")
    lines = [orderable.minimal_line(item) for item in items or orderable.item_ids[:1]]
    numbered = [{"lineItemId": str(number), **line} for number, line in enumerate(lines, 1)]
    return {"storeId": store_id, "catalogSetId": catalog_set_id, "lineItems": numbered}
