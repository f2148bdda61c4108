"""The smallest complete adapter: a point of sale that prints its tickets."""

from __future__ import annotations

from decimal import Decimal

from webhook_kit import CatalogSet, Item, Order, Placed, PosAdapter, Refused, Store, simple_catalog

__all__ = ["TinyPos"]

SECTIONS = {
    "Pizza": [
        Item(item_id="margherita", name="Margherita", base_price=Decimal("9.50")),
        Item(item_id="marinara", name="Marinara", base_price=Decimal("8.25")),
    ],
    "Drinks": [Item(item_id="water", name="Water", base_price=Decimal("1.80"))],
}


class TinyPos(PosAdapter):
    """Two pizzas, water and a printer."""

    def fetch_catalog(self, store: Store) -> CatalogSet:  # noqa: ARG002 - every store has the same catalog
        """Return the catalog."""
        return simple_catalog(SECTIONS)

    def place_order(self, store: Store, order: Order, key: str) -> Placed | Refused:
        """Print the ticket."""
        items = ", ".join(f"{line.quantity} × {line.item_id}" for line in order.cart.line_items)
        print(f"{store.id}: {items}")  # noqa: T201 - standard output is the printer
        return Placed(key)  # a real POS returns its own number
