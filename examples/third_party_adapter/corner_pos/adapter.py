"""Adapter of CornerPos for webhook_kit. The steps to replace the placeholder are numbered; the README lists them.

webhook_kit/adapter.py describes each method: its arguments, its result, the exceptions that it may raise, and an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from pydantic import BaseModel, Field, SecretStr

from corner_pos.placeholder import PlaceholderPos
from webhook_kit import (
    CatalogSet,
    Item,
    LineItem,
    ModifierGroup,
    Order,
    Placed,
    PosAdapter,
    Reason,
    Refusal,
    Refused,
    Store,
    simple_catalog,
)

__all__ = ["CornerPos"]


class CornerPos(PosAdapter):
    """One object serves many stores from many threads: it keeps no state of a store, which arrives in ``store``."""

    name = "corner-pos"

    # STEP 1: the options and credentials that a store of your POS needs. `webhook-kit check`, `stores add` and `dev` validate
    # them; `webhook-kit adapters show corner-pos` lists them.
    #     base_url: str = Field(pattern="^https?://", description="Address of the POS.")
    class Config(BaseModel):
        """Options of a store."""

        file: str = Field("corner_pos.sqlite", description="SQLite file of the placeholder POS.")

    class Credentials(BaseModel):
        """Credentials of a store."""

        token: SecretStr = Field(SecretStr(""), description="Access token; the placeholder ignores it.")

    # STEP 2: the catalog. Read it from your POS with self.http, a requests session with time-outs and the deadline of the call.
    #     token = self.credentials(store).token.get_secret_value()
    #     rows = self.http.get(f"{self.config(store).base_url}/items", headers={"Authorization": f"Bearer {token}"}).json()
    # Use the POS's own ids, because carts and tickets refer to them. Money is Decimal. Every choice that the POS requires is a
    # modifier group with bounds; webhook_kit then refuses wrong carts by itself.
    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the store's whole catalog."""
        prices = self._pos(store).prices()
        return simple_catalog(
            {
                "Pizza": [
                    _item(prices, "margherita", "9.50", "size", "toppings"),
                    _item(prices, "marinara", "8.25", "size"),
                ],
                "Drinks": [_item(prices, "lemonade", "3.20"), _item(prices, "water", "1.80")],
            },
            modifier_groups=[
                _group("size", "small", "large", minimum=1, maximum=1),
                _group("toppings", "olives", "ham", minimum=0, maximum=3),
            ],
            options=[
                _item(prices, "small", "0.00"),
                _item(prices, "large", "3.00"),
                _item(prices, "olives", "1.00"),
                _item(prices, "ham", "1.50"),
            ],
        )

    # STEP 3: the ticket. Store order.order_ref with it, for step 4. If your POS takes an idempotency key, pass `key` to it and declare
    #     capabilities = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}
    # Return Refused if the POS refuses the order. Do not catch failures and do not retry: webhook_kit looks the order up first.
    # self.http distinguishes requests that cannot have reached the POS from those that may have.
    def place_order(self, store: Store, order: Order, key: str) -> Placed | Refused:
        """Create the ticket in the POS."""
        pos = self._pos(store)
        unavailable = pos.unavailable_items()
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{line.item_id} is unavailable", line.item_id)
            for line in _lines_and_options(order.cart.line_items)
            if line.item_id in unavailable
        ]
        if refusals:
            return Refused.all(refusals)
        content = {
            name: value for name, value in order.to_wire().items() if name not in ("payment", "validatedOrderToken")
        }
        return Placed(pos.add_ticket(store.id, order.order_ref, key, content), amounts=order.amounts)

    # STEP 4: the ticket of an order whose response was lost. Search the POS for exactly this order, and return None only if
    # the POS has none; if it cannot be reached, do not catch the failure. If the POS has no such search, delete this method:
    # a person then resolves orders in doubt.
    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the ticket of an order, or None."""
        number = self._pos(store).find(store.id, order_ref)
        return Placed(number) if number is not None else None

    # STEP 7: each further method of PosAdapter improves the integration, in about this order:
    #     quote          taxes, fees and unavailable items, before the customer pays
    #     store_status   pauses the store at Gett while the POS is down
    #     parse_event    the POS's own webhooks: progress, unavailable items, a changed catalog
    #     orders_since   finds changes that no webhook reported
    #     cancel_order   cancels an order in the POS

    def _pos(self, store: Store) -> PlaceholderPos:
        return PlaceholderPos(self.config(store).file)


def _item(prices: dict[str, Decimal], id: str, price: str, *groups: str) -> Item:
    current = prices.get(id, Decimal(price))
    return Item(item_id=id, name=id.capitalize(), base_price=current, modifier_group_ids=list(groups))


def _group(id: str, *items: str, minimum: int, maximum: int) -> ModifierGroup:
    return ModifierGroup(
        modifier_group_id=id,
        name=id.capitalize(),
        item_ids=list(items),
        minimum_allowed=minimum,
        maximum_allowed=maximum,
        enable_duplicate_items=maximum > 1,
    )


def _lines_and_options(lines: Iterable[LineItem]) -> Iterator[LineItem]:
    """Yield every line, and every option within it at any depth."""
    for line in lines:
        yield line
        for group in line.modifier_groups:
            yield from _lines_and_options(group.selected_modifiers)
