"""Taxes, fiscal positions, currencies and companies of the tests' Odoo."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.odoo_pos import OdooPos
from webhook_kit_odoo.client import Odoo

__all__ = ["Accounts"]


class Accounts:
    """Creates what a property test of prices needs, in the database of one test."""

    def __init__(self, pos: OdooPos) -> None:
        self.pos = pos
        self.api = pos.api

    def create(self, model: str, **values: Any) -> int:
        """Create a record and return its id."""
        (number,) = self.api.call(model, "create", vals_list=[values])
        return int(number)

    def tax(self, name: str, amount: float, **values: Any) -> int:
        """Create a tax of sales, in percent and added to the price unless ``values`` say otherwise."""
        return self.create("account.tax", **{"name": name, "amount": amount, "type_tax_use": "sale", **values})

    def products(self, *products: dict[str, Any]) -> list[str]:
        """Create products of the category Food and return their ids at Gett."""
        food = self.pos.id_of("pos.category", "Food")
        common = {"available_in_pos": True, "pos_categ_ids": [[6, 0, [food]]]}
        numbers = self.api.call("product.template", "create", vals_list=[{**common, **product} for product in products])
        return [f"product.template,{number}" for number in numbers]

    def position(self, name: str, replacements: Sequence[tuple[int, int]]) -> int:
        """Create a fiscal position that replaces taxes: pairs of the old and the new one."""
        position = self.create("account.fiscal.position", name=name)
        for old, new in replacements:
            self.pos.server.write(
                "account.tax", new, fiscal_position_ids=[[4, position, 0]], original_tax_ids=[[4, old, 0]]
            )
        return position

    def cash_rounding(self, smallest: float, *, only_cash: bool = False) -> None:
        """Make the point of sale round its totals, or only payments in cash."""
        income = self.api.rows("account.account", [("account_type", "=", "income_other")], ["name"], limit=1)[0]["id"]
        method = self.create(
            "account.cash.rounding",
            name=f"to {smallest}",
            rounding=smallest,
            strategy="add_invoice_line",
            rounding_method="HALF-UP",
            profit_account_id=income,
            loss_account_id=income,
        )
        self.configure(cash_rounding=True, only_round_cash_method=only_cash, rounding_method=method)

    def currency(self, name: str, rate: float) -> None:
        """Make the point of sale sell in another currency than its company; ``rate`` units are one of the company's."""
        (row,) = self.api.rows("res.currency", [("name", "=", name)], ["name"], context={"active_test": False})
        currency = row["id"]
        self.pos.server.write("res.currency", currency, active=True)
        self.create("res.currency.rate", currency_id=currency, rate=rate, name="2020-01-01")
        journal, bank, sale = (
            self.create(
                "account.journal", name=f"{kind} {name}", type=kind, code=f"{kind[:2]}{name}", currency_id=currency
            )
            for kind in ("general", "bank", "sale")
        )
        method = self.create("pos.payment.method", name=f"Gett {name}", journal_id=bank)
        self.configure(journal_id=journal, invoice_journal_id=sale, payment_method_ids=[[6, 0, [method]]])

    def branch(self) -> Odoo:
        """Make the point of sale one of a new branch of the company, and return the API in it."""
        company = self.create("res.company", name="Branch", parent_id=1)
        (user,) = self.api.rows("res.users", [("login", "=", "admin")], ["login"])
        self.pos.server.write("res.users", user["id"], company_ids=[[4, company, 0]])
        api = self.api.in_company(company)
        (method,) = api.call("pos.payment.method", "create", vals_list=[{"name": "Gett", "company_id": company}])
        till = {"name": "Branch", "company_id": company, "payment_method_ids": [[6, 0, [method]]]}
        (self.pos.config,) = api.call("pos.config", "create", vals_list=[till])
        self._open(api)
        return api

    def configure(self, **values: Any) -> None:
        """Change the point of sale; its session is closed and opened again."""
        self.pos.close()
        self.pos.server.write("pos.config", self.pos.config, **values)
        self._open(self.api)

    def recomputed(self, uuid: str) -> tuple[Decimal, Decimal]:
        """Return the total and the taxes of a ticket after Odoo has computed it again, as it does when a payment changes."""
        ticket = self.pos.server.one("pos.order", [("uuid", "=", uuid)], "payment_ids")
        (payment,) = ticket["payment_ids"]
        self.pos.server.write("pos.order", ticket["id"], payment_ids=[[1, payment, {"name": "again"}]])
        row = self.pos.server.one("pos.order", [("uuid", "=", uuid)], "amount_total", "amount_tax")
        return Decimal(row["amount_total"]), Decimal(row["amount_tax"])

    def close_till(self) -> dict[str, Any]:
        """Pay every ticket as the staff does, close the session as the till does, and return the session."""
        for ticket in self.pos.orders():
            self.api.call("pos.order", "action_pos_order_paid", ids=[ticket["id"]])
        session = self.pos.session
        result = self.api.call("pos.session", "close_session_from_ui", ids=[session])
        assert result["successful"], result
        return self.pos.server.one("pos.session", [("id", "=", session)], "state", "move_id")

    def _open(self, api: Odoo) -> None:
        api.call("pos.config", "open_ui", ids=[self.pos.config])
        (config,) = api.rows("pos.config", [("id", "=", self.pos.config)], ["current_session_id"])
        self.pos.session = config["current_session_id"]
        api.call("pos.session", "set_opening_control", ids=[self.pos.session], cashbox_value=0, notes="")
