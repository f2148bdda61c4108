"""CornerPos, as webhook_kit asks for it. What is to be replaced is numbered; the README has the whole way.

webhook_kit/adapter.py says of each method what it gets, what it returns, and what it may raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from corner_pos.placeholder import Till
from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Reason, Refusal, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem, ExternalModifierGroup
from webhook_kit.gett.models.order import LineItem, PlaceOrderRequest

__all__ = ["CornerPos"]


class CornerPos(PosAdapter):
    """One object serves many stores from many threads: what belongs to a store arrives in ``store``, and is kept nowhere."""

    name = "corner-pos"

    # STEP 1: the menu. Ask your POS for it, with self.http: a requests session that knows time-outs and the deadline.
    #     answer = self.http.get(f"{store.options['base_url']}/menu", headers={"Authorization": store.credentials["token"]})
    # Ids have to be the POS's own, for carts and tickets name them. Money is Decimal. Every choice that the POS demands is a
    # modifier group with its bounds; webhook_kit then refuses wrong carts by itself.
    def fetch_catalog(self, store: Store) -> CatalogSet:
        """The store's whole menu."""
        prices = _till(store).prices()
        return simple_catalog(
            {
                "Pizza": [
                    _item(prices, "margherita", "9.50", "size", "toppings"),
                    _item(prices, "marinara", "8.25", "size"),
                ],
                "Drinks": [_item(prices, "lemonade", "3.20"), _item(prices, "water", "1.80")],
            },
            modifier_groups=[
                _group("size", "small", "large", least=1, most=1),
                _group("toppings", "olives", "ham", least=0, most=3),
            ],
            options=[
                _item(prices, "small", "0.00"),
                _item(prices, "large", "3.00"),
                _item(prices, "olives", "1.00"),
                _item(prices, "ham", "1.50"),
            ],
        )

    # STEP 2: the ticket. Keep order.order_ref with it, for step 3. If your POS takes an idempotency key, hand it `key` and declare
    #     capabilities = {Capability.NATIVE_IDEMPOTENCY: Level.SUPPORTED}
    # Return Refused when the POS says no. Let every failure out as it is, and never try again here: webhook_kit looks the order
    # up first. self.http itself tells what cannot have reached the POS from what may have.
    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        """Put the ticket into the POS."""
        till = _till(store)
        gone = till.sold_out()
        refusals = [
            Refusal(Reason.ITEM_UNAVAILABLE, f"{line.item_id} has run out", line.item_id)
            for line in _chosen(order.cart.line_items)
            if line.item_id in gone
        ]
        if refusals:
            return Refused.all(refusals)
        wire = {
            name: value for name, value in order.to_wire().items() if name not in ("payment", "validatedOrderToken")
        }
        return Placed(till.print_ticket(store.id, order.order_ref, key, wire), amounts=order.amounts)

    # STEP 3: what became of an order whose answer was lost. Search the POS for exactly this order, and return None only
    # when the POS says that it has none; when it cannot be asked, let the failure out. If the POS has no such search, delete this
    # method: a person then decides about orders in doubt.
    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """The ticket of an order."""
        found = _till(store).find(store.id, order_ref)
        return Placed(found) if found is not None else None

    # STEP 6: each further method of PosAdapter makes the integration better, in about this order:
    #     quote          taxes and fees, and what has run out, before the customer pays
    #     store_status   Gett is paused while the POS is down
    #     parse_event    the POS's own webhooks: progress, what has run out, the menu has changed
    #     orders_since   finds what no webhook told of
    #     cancel_order   takes an order back


def _item(prices: dict[str, Decimal], id: str, price: str, *groups: str) -> ExternalItem:
    now = prices.get(id, Decimal(price))
    return ExternalItem(item_id=id, name=id.capitalize(), base_price=now, modifier_group_ids=list(groups))


def _group(id: str, *items: str, least: int, most: int) -> ExternalModifierGroup:
    return ExternalModifierGroup(
        modifier_group_id=id,
        name=id.capitalize(),
        item_ids=list(items),
        minimum_allowed=least,
        maximum_allowed=most,
        enable_duplicate_items=most > 1,
    )


def _chosen(lines: Iterable[LineItem]) -> Iterator[LineItem]:
    """Every line, and every choice within it at any depth."""
    for line in lines:
        yield line
        for group in line.modifier_groups:
            yield from _chosen(group.selected_modifiers)


def _till(store: Store) -> Till:
    return Till(store.options.get("file", "corner_pos.sqlite"))
