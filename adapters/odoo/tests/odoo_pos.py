"""The point of sale of the tests: Odoo's own restaurant scenario, read and changed without the adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from tests.odoo_server import DATABASE, OdooServer
from webhook_kit import Placed, PlaceOrderRequest, Store, cents, placement_key
from webhook_kit.testing.contract import PosTicket, TicketLine
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.client import Row
from webhook_kit_odoo.tickets import wire_order
from webhook_kit_odoo.validation import ValidatedOrder, validate_order

__all__ = ["OdooPos", "order_of", "place", "wire"]

SECRET = "webhook-secret-7d1f0c"


def order_of(*lines: Mapping[str, Any], **members: Any) -> PlaceOrderRequest:
    """Return an order of these lines, for pick-up by default."""
    members = {
        "gettOrderId": str(uuid4()),
        "cart": {"storeId": "gett-store", "lineItems": list(lines)},
        "fulfillmentType": "Pickup",
        "payment": {"type": "gettPayment"},
        **members,
    }
    return PlaceOrderRequest.model_validate(members)


class OdooPos:
    """A point of sale with an open session, in a database for one test."""

    def __init__(self, server: OdooServer) -> None:
        self.server = server
        self.api = server.api
        server.renew()
        config = server.one("pos.config", [("module_pos_restaurant", "=", True)], "current_session_id")
        self.config: int = config["id"]
        self.session: int = config["current_session_id"]

    def store(self, **options: Any) -> Store:
        """Return its store."""
        values = {
            "url": self.server.url,
            "database": DATABASE,
            "point_of_sale": self.config,
            "payment_method": "Gett",
            "progress_field": "x_gett_progress",
            **options,
        }
        return Store(
            id=f"odoo-{uuid4().hex[:8]}",
            gett_id=str(uuid4()),
            adapter="odoo",
            timezone=ZoneInfo("UTC"),
            credentials={"api_key": self.server.key, "webhook_secret": SECRET},
            options={name: value for name, value in values.items() if value is not None},
        )

    def id_of(self, model: str, name: str) -> int:
        """Return the id of the record with this name."""
        return int(self.server.one(model, [("name", "=", name)], "name")["id"])

    def item(self, name: str) -> str:
        """Return Gett's id of a product."""
        return f"product.template,{self.id_of('product.template', name)}"

    def orders(self) -> list[Row]:
        """Return every ticket of Gett's, oldest first."""
        domain = [("config_id", "=", self.config), ("general_customer_note", "=like", "Gett %")]
        return self.api.rows("pos.order", domain, _ORDER, order="id")

    def lines(self, order: Row) -> list[Row]:
        """Return the lines of a ticket."""
        return self.api.rows("pos.order.line", [("order_id", "=", order["id"])], _LINE, order="id")

    def tickets(self) -> list[PosTicket]:
        """Return every ticket for the contract suite."""
        return [self._ticket(order) for order in self.orders()]

    def pay(self, order_id: str) -> None:
        """Close a ticket, as the staff does when the customer has the food."""
        self.api.call("pos.order", "action_pos_order_paid", ids=[self.number(order_id)])

    def number(self, uuid: str) -> int:
        """Return Odoo's own id of a ticket."""
        return int(self.server.one("pos.order", [("uuid", "=", uuid)], "uuid")["id"])

    def progress(self, order_id: str, value: str) -> None:
        """Set the progress field of a ticket, as the staff does."""
        self.server.write("pos.order", self.number(order_id), x_gett_progress=value)

    def close(self) -> None:
        """Close the session."""
        drafts = self.api.rows("pos.order", [("state", "=", "draft")], ["id"])
        self.api.call("pos.order", "write", ids=[each["id"] for each in drafts], vals={"state": "cancel"})
        self.api.call("pos.session", "action_pos_session_closing_control", ids=[self.session])

    def hours(self, preset: str, spans: Mapping[str, Sequence[tuple[float, float]]], **timing: int) -> None:
        """Limit a preset to these hours, by day; Monday is "0"."""
        attendances = [
            [
                0,
                0,
                {
                    "name": f"{day} {start}",
                    "dayofweek": day,
                    "hour_from": start,
                    "hour_to": end,
                    "day_period": "morning",
                },
            ]
            for day, hours in spans.items()
            for start, end in hours
        ]
        (calendar,) = self.api.call(
            "resource.calendar",
            "create",
            vals_list=[{"name": preset, "tz": "UTC", "attendance_ids": [[5, 0, 0], *attendances]}],
        )
        number = self.id_of("pos.preset", preset)
        self.server.write("pos.preset", number, use_timing=True, resource_calendar_id=calendar, **timing)

    def sell_out(self, item_id: str) -> None:
        """Make a product or an attribute value unavailable."""
        model, _, number = item_id.partition(",")
        if model == "product.template.attribute.value":
            self.server.write(model, int(number), ptav_active=False)
        elif model.startswith("product.combo.item"):
            product = self.server.one("product.combo.item", [("id", "=", int(number))], "product_id")["product_id"]
            template = self.server.one("product.product", [("id", "=", product)], "product_tmpl_id")
            self.server.write("product.template", template["product_tmpl_id"], self_order_available=False)
        else:
            self.server.write(model, int(number), self_order_available=False)

    def set_price(self, item_id: str, price: Decimal) -> None:
        """Change the price of a product or an attribute value."""
        model, _, number = item_id.partition(",")
        field = {"product.template": "list_price", "product.template.attribute.value": "price_extra"}[model]
        self.server.write(model, int(number), **{field: price})

    def _ticket(self, order: Row) -> PosTicket:
        return PosTicket(
            order["uuid"],
            lines=list(self._ticket_lines(self.lines(order))),
            total=cents(Decimal(order["amount_total"])),
            tip=cents(Decimal(order["tip_amount"])),
            instructions=order["general_customer_note"],
            cancelled=order["state"] == "cancel",
        )

    def _ticket_lines(self, lines: Sequence[Row]) -> Iterator[TicketLine]:
        products = {
            row["id"]: row["product_tmpl_id"]
            for row in self.api.rows(
                "product.product", [("id", "in", [x["product_id"] for x in lines])], ["product_tmpl_id"]
            )
        }
        tip = self.server.one("pos.config", [("id", "=", self.config)], "tip_product_id")["tip_product_id"]
        parts: dict[int, list[Row]] = {}
        for line in lines:
            if line["combo_parent_id"]:
                parts.setdefault(line["combo_parent_id"], []).append(line)
        for line in lines:
            if line["combo_parent_id"] or line["product_id"] == tip:
                continue
            pieces = [
                TicketLine(self._combo_item(each, parts[line["id"]]), 1, self._values(each))
                for each in parts.get(line["id"], [])
            ]
            item_id = f"product.template,{products[line['product_id']]}"
            yield TicketLine(item_id, int(line["qty"]), [*self._values(line), *pieces])

    def _combo_item(self, line: Row, siblings: Sequence[Row]) -> str:
        """Return the option of a piece: the first pieces are included in the combo's price, the others are extra."""
        item = self.server.one("product.combo.item", [("id", "=", line["combo_item_id"])], "combo_id")
        combo = self.server.one("product.combo", [("id", "=", item["combo_id"])], "combo_item_ids", "qty_free")
        same = [each for each in siblings if each["combo_item_id"] in combo["combo_item_ids"]]
        more = same.index(line) >= combo["qty_free"]
        return f"product.combo.item{'/more' if more else ''},{item['id']}"

    @staticmethod
    def _values(line: Row) -> list[TicketLine]:
        return [TicketLine(f"product.template.attribute.value,{each}") for each in line["attribute_value_ids"]]


def place(adapter: OdooAdapter, store: Store, order: PlaceOrderRequest) -> Placed:
    """Place an order that is not refused."""
    ticket = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(ticket, Placed), ticket
    return ticket


def wire(pos: OdooPos, store: Store, order: PlaceOrderRequest) -> dict[str, Any]:
    """Return the order as the adapter sends it."""
    config = OdooAdapter().config(store)
    validated = validate_order(pos.api, config, store, order)
    assert isinstance(validated, ValidatedOrder)
    return wire_order(pos.api, config, validated, order, UUID(placement_key(store, order.order_ref)))


_ORDER = [
    "uuid",
    "state",
    "pos_reference",
    "amount_total",
    "amount_tax",
    "amount_paid",
    "tip_amount",
    "general_customer_note",
    "floating_order_name",
    "preset_id",
    "preset_time",
    "payment_ids",
    "x_gett_progress",
]
_LINE = [
    "product_id",
    "qty",
    "price_unit",
    "price_extra",
    "price_type",
    "tax_ids",
    "price_subtotal",
    "price_subtotal_incl",
    "full_product_name",
    "attribute_value_ids",
    "combo_parent_id",
    "combo_item_id",
]
