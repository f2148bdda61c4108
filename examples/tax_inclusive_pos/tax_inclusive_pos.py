"""An adapter of a POS with tax-inclusive prices, fees, a note per line, and one webhook for several sites."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from webhook_kit import (
    AmountDescription,
    Amounts,
    CatalogSet,
    InvalidSignature,
    Item,
    LineItem,
    ModifierGroup,
    Order,
    OrderChanged,
    OrderStatus,
    Placed,
    PlaceOrderRequest,
    PosAdapter,
    Reason,
    Refusal,
    Refused,
    Store,
    simple_catalog,
)

__all__ = ["TaxInclusivePos"]


class TaxInclusivePos(PosAdapter):
    """One account of the POS has several sites; each is a store."""

    class Config(BaseModel):
        """Options of a store."""

        base_url: str = Field(pattern="^https?://", description="Address of the POS.")
        site: str = Field(description="The site's id in the POS.")

    class Credentials(BaseModel):
        """Credentials of a store."""

        secret: SecretStr = Field(description="Secret with which the account's webhooks are signed.")

    def fetch_catalog(self, store: Store) -> CatalogSet:
        """Return the site's catalog. Its prices contain the tax, as the customer sees and pays them."""
        rows = self._read(store, "items")
        items = [
            Item(
                item_id=row["id"],
                name=row["name"],
                base_price=Decimal(row["price"]),
                modifier_group_ids=[f"wishes-{row['id']}"] if row["wishes"] else [],
            )
            for row in rows
        ]
        return simple_catalog(
            {"Food": items},
            modifier_groups=[_wishes_group(row["id"], row["wishes"]) for row in rows if row["wishes"]],
            options=[_wish(name) for name in sorted({name for row in rows for name in row["wishes"]})],
        )

    def quote(self, store: Store, order: Order) -> Amounts | Refused:
        """Price the order: what it costs, the fees, and the tax that is contained in both."""
        priced = self._write(store, "quotes", {"lines": [_line(line) for line in order.cart.line_items]})
        if priced["soldOut"]:
            return Refused.all(Refusal(Reason.ITEM_UNAVAILABLE, f"{id} is sold out", id) for id in priced["soldOut"])
        fees = [AmountDescription(name=fee["name"], value=Decimal(fee["price"])) for fee in priced["fees"]]
        amounts = Amounts.of(Decimal(priced["price"]), fees=sum((fee.value for fee in fees), Decimal(0)), tip=order.tip)
        amounts.fees_description = fees
        contained = [f"VAT {each['rate']} %, contained: {each['amount']}" for each in priced["vat"]]
        amounts.taxes_description = [AmountDescription(name=name, value=Decimal(0)) for name in contained]
        return amounts

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:  # noqa: ARG002
        """Create the ticket, with the fees that the customer has accepted."""
        amounts = order.amounts or Amounts()
        ticket = {
            "ref": order.order_ref,
            "lines": [_line(line) for line in order.cart.line_items],
            "fees": str(amounts.fees or 0),
            "tip": str(order.tip),
            "total": str(amounts.total),
            "note": (order.delivery_info.instructions if order.delivery_info else None) or "",
        }
        answer = self._write(store, "tickets", ticket)
        if answer["soldOut"]:
            return Refused.all(Refusal(Reason.ITEM_UNAVAILABLE, f"{id} is sold out", id) for id in answer["soldOut"])
        return Placed(answer["id"], amounts=order.amounts)

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        """Return the ticket of an order."""
        tickets = [ticket for ticket in self._read(store, "tickets") if ticket["ref"] == order_ref]
        return Placed(tickets[0]["id"]) if tickets else None

    def parse_event(
        self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]
    ) -> Sequence[OrderChanged]:
        """Parse a webhook of an account, which may speak of several sites."""
        signature = headers.get("x-signature", "")
        signers = [store for store in stores.values() if hmac.compare_digest(signature, self._signature(store, body))]
        if not signers:
            raise InvalidSignature("x-signature is missing or wrong")
        # Only sites whose secret has signed: an account must not speak of the sites of another one.
        sites = {self.config(store).site: store.id for store in signers}
        return [
            OrderChanged(sites[event["site"]], event["id"], event["ref"], status=OrderStatus(event["step"]))
            for event in json.loads(body)["events"]
            if event["site"] in sites
        ]

    def _signature(self, store: Store, body: bytes) -> str:
        return hmac.new(self.credentials(store).secret.get_secret_value().encode(), body, sha256).hexdigest()

    def _read(self, store: Store, what: str) -> Any:
        config = self.config(store)
        response = self.http.get(f"{config.base_url}/sites/{config.site}/{what}")
        response.raise_for_status()
        return response.json()

    def _write(self, store: Store, what: str, content: Mapping[str, Any]) -> Any:
        config = self.config(store)
        response = self.http.post(f"{config.base_url}/sites/{config.site}/{what}", json=content)
        response.raise_for_status()
        return response.json()


def _wishes_group(item: str, names: Sequence[str]) -> ModifierGroup:
    return ModifierGroup(
        modifier_group_id=f"wishes-{item}",
        name="Wishes",
        item_ids=[f"wish-{name}" for name in names],
        minimum_allowed=0,
        maximum_allowed=len(names),
    )


def _wish(name: str) -> Item:
    return Item(item_id=f"wish-{name}", name=name.capitalize(), base_price=Decimal(0))


def _line(line: LineItem) -> dict[str, Any]:
    """Return a line as the POS has it: wishes that the catalog offers, and free text if Gett sends any, are its note."""
    wishes = [wish.item_id.removeprefix("wish-") for group in line.modifier_groups for wish in group.selected_modifiers]
    texts = [value for name, value in sorted((line.model_extra or {}).items()) if isinstance(value, str)]
    return {"id": line.item_id, "count": line.quantity, "note": "; ".join([*wishes, *texts])}
