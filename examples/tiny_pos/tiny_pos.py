"""The smallest complete adapter: a point of sale that prints its tickets."""

from __future__ import annotations

from decimal import Decimal

from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__ = ["TinyPos"]

MENU = {
    "Pizza": [
        ExternalItem(item_id="margherita", name="Margherita", base_price=Decimal("9.50")),
        ExternalItem(item_id="marinara", name="Marinara", base_price=Decimal("8.25")),
    ],
    "Drinks": [ExternalItem(item_id="water", name="Water", base_price=Decimal("1.80"))],
}


class TinyPos(PosAdapter):
    """Two pizzas, water and a printer."""

    def fetch_catalog(self, store: Store) -> CatalogSet:  # noqa: ARG002 - every store has the same menu
        """The menu."""
        return simple_catalog(MENU)

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Print the ticket."""
        dishes = ", ".join(f"{line.quantity} × {line.item_id}" for line in order.cart.line_items)
        print(f"{store.id}: {dishes}")  # noqa: T201 - standard output is the printer
        return Placed(key)  # a real POS answers with its own number
