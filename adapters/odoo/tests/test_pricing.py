"""Every quote and every ticket is what Odoo computes for it, and the till can be closed afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.odoo_accounts import Accounts
from tests.odoo_pos import OdooPos, order_of, place
from webhook_kit import Amounts, Refused, Store
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.client import Odoo
from webhook_kit_odoo.point_of_sale import read_point_of_sale
from webhook_kit_odoo.pricing import compute_totals

PRICES = (0.99, 1.01, 3.33, 7.77, 12.35, 15.5)


@pytest.fixture
def accounts(pos: OdooPos) -> Accounts:
    return Accounts(pos)


def kinds_of_taxes(accounts: Accounts) -> dict[str, list[int]]:
    """Return the taxes of a product, one product for each kind."""
    state, city = accounts.tax("8.25", 8.25), accounts.tax("6.35", 6.35)
    gst = accounts.tax("GST", 5, type_tax_use="none")
    pst = accounts.tax("PST", 9.975, type_tax_use="none")
    included = {"price_include_override": "tax_included"}
    return {
        "untaxed": [],
        "two": [state, city],
        "group": [accounts.tax("GST + PST", 0, amount_type="group", children_tax_ids=[[6, 0, [gst, pst]]])],
        "included": [accounts.tax("21 incl.", 21, **included)],
        "two included": [accounts.tax("8.875 incl.", 8.875, **included), accounts.tax("3 incl.", 3, **included)],
        "included and added": [accounts.tax("7 incl.", 7, **included), city],
        "deposit": [accounts.tax("deposit", 0.15, amount_type="fixed"), state],
        "base": [
            accounts.tax("10 in base", 10, include_base_amount=True, sequence=1),
            accounts.tax("5.5", 5.5, sequence=2),
        ],
        "division": [accounts.tax("17 div", 17, amount_type="division", **included)],
        "withheld": [accounts.tax("-4", -4)],
    }


def taxes_in_odoo(accounts: Accounts, rounding: str) -> dict[str, list[int]]:
    company = accounts.pos.server.one("pos.config", [("id", "=", accounts.pos.config)], "company_id")["company_id"]
    accounts.pos.server.write("res.company", company, tax_calculation_rounding_method=rounding)
    return kinds_of_taxes(accounts)


def without_position(accounts: Accounts, taxes: dict[str, list[int]]) -> None:
    pass


def replacing_position(accounts: Accounts, taxes: dict[str, list[int]]) -> None:
    """Replace taxes one after the other: 8.25 becomes 6.35, which becomes 1.1; the included tax becomes an added one."""
    state, city = taxes["two"]
    last, added = accounts.tax("1.1", 1.1), accounts.tax("12", 12)
    (included,) = taxes["included"]
    position = accounts.position("To go", [(state, city), (city, last), (included, added)])
    accounts.pos.server.write("pos.preset", accounts.pos.id_of("pos.preset", "Takeout"), fiscal_position_id=position)


def empty_position(accounts: Accounts, taxes: dict[str, list[int]]) -> None:
    position = accounts.position("No taxes", [])
    accounts.pos.server.write("pos.preset", accounts.pos.id_of("pos.preset", "Takeout"), fiscal_position_id=position)


def in_dollars(accounts: Accounts) -> Store:
    return accounts.pos.store()


# A closing converts each amount back: with these rates exactly, so that Odoo itself has no rounding difference to ask about.


def in_euros(accounts: Accounts) -> Store:
    accounts.currency("EUR", 0.5)
    return accounts.pos.store(payment_method="Gett EUR")


def in_yen(accounts: Accounts) -> Store:
    accounts.currency("JPY", 100)
    return accounts.pos.store(payment_method="Gett JPY")


def rounded_to_five_cents(accounts: Accounts) -> Store:
    accounts.cash_rounding(0.05)
    return accounts.pos.store()


CASES: dict[str, tuple[str, Callable[[Accounts], Store], Callable[[Accounts, dict[str, list[int]]], None]]] = {
    "globally": ("round_globally", in_dollars, without_position),
    "per line": ("round_per_line", in_dollars, replacing_position),
    "without taxes": ("round_globally", in_dollars, empty_position),
    "euros": ("round_globally", in_euros, replacing_position),
    "yen": ("round_globally", in_yen, without_position),
    "cash rounding": ("round_per_line", rounded_to_five_cents, without_position),
}


@pytest.mark.parametrize("case", CASES)
def test_quotes_and_tickets_are_odoos_own_amounts(case: str, accounts: Accounts, adapter: OdooAdapter) -> None:
    rounding, open_till, set_position = CASES[case]
    store = open_till(accounts)
    taxes = taxes_in_odoo(accounts, rounding)
    set_position(accounts, taxes)
    chance = random.Random(case)
    items = accounts.products(
        *(
            {"name": f"{kind} {price}", "list_price": price, "taxes_id": [[6, 0, ids]]}
            for kind, ids in taxes.items()
            for price in chance.sample(PRICES, 2)
        )
    )
    for _ in range(4):
        lines = [
            {"itemId": item, "quantity": chance.choice([1, 1, 2, 3, 7])}
            for item in chance.choices(items, k=chance.randint(2, 7))
        ]
        order = order_of(*lines, amounts={"tip": 0 if case == "yen" else chance.choice([0, 1.11])})
        quote = adapter.quote(store, order)
        assert isinstance(quote, Amounts)
        placed = place(adapter, store, order)
        (ticket,) = (each for each in accounts.pos.orders() if each["uuid"] == placed.id)
        assert (ticket["amount_total"], ticket["amount_tax"]) == accounts.recomputed(placed.id)
        assert quote.total == ticket["amount_total"] == ticket["amount_paid"]
        found = adapter.find_order(store, order.order_ref)
        assert found == placed
    assert accounts.close_till()["state"] == "closed"


def test_a_branch_has_the_taxes_and_products_of_its_company(accounts: Accounts, adapter: OdooAdapter) -> None:
    company = accounts.api.rows("res.company", [], ["name"])[0]["id"]
    water = accounts.pos.id_of("product.template", "Water")
    accounts.pos.server.write("product.template", water, company_id=company)
    api = accounts.branch()
    store = accounts.pos.store()
    line = {"itemId": f"product.template,{water}", "quantity": 3}
    quote = adapter.quote(store, order_of(line))
    assert isinstance(quote, Amounts)
    assert (quote.sub_total, quote.taxes) == (Decimal("6.60"), Decimal("0.99"))
    placed = place(adapter, store, order_of(line))
    (ticket,) = api.rows("pos.order", [("uuid", "=", placed.id)], ["amount_total", "company_id"])
    assert (ticket["amount_total"], ticket["company_id"]) == (Decimal("7.59"), api.company)


def test_a_line_has_the_products_own_taxes_and_the_ticket_the_position(
    accounts: Accounts, adapter: OdooAdapter, store: Store
) -> None:
    """Odoo applies the position to the lines: 21 % become 12 %, and not 6 %."""
    standard, reduced, low = (accounts.tax(f"{rate} %", rate) for rate in (21, 12, 6))
    position = accounts.position("To go", [(standard, reduced), (reduced, low)])
    accounts.pos.server.write("pos.preset", accounts.pos.id_of("pos.preset", "Takeout"), fiscal_position_id=position)
    (item,) = accounts.products({"name": "Soup", "list_price": 10, "taxes_id": [[6, 0, [standard]]]})
    placed = place(adapter, store, order_of({"itemId": item}))
    assert accounts.recomputed(placed.id) == (Decimal("11.20"), Decimal("1.20"))
    (ticket,) = accounts.pos.orders()
    (line,) = accounts.pos.lines(ticket)
    assert line["tax_ids"] == [standard]
    assert (line["price_subtotal"], line["price_subtotal_incl"]) == (Decimal("10.00"), Decimal("11.20"))


def test_a_tip_that_the_currency_does_not_have_is_refused(accounts: Accounts, adapter: OdooAdapter) -> None:
    store = in_yen(accounts)
    line = {"itemId": accounts.pos.item("Water")}
    assert isinstance(adapter.quote(store, order_of(line, amounts={"tip": 100})), Amounts)
    result = adapter.quote(store, order_of(line, amounts={"tip": 1.5}))
    assert isinstance(result, Refused)
    assert (result.refusals[0].json_path, result.refusals[0].message) == (
        "$.amounts.tip",
        "The tip of 1.50 cannot be paid in JPY.",
    )


def test_the_noise_of_binary_fractions_is_no_amount(
    pos: OdooPos, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def onchange(odoo: Odoo, model: str, method: str, **arguments: Any) -> dict[str, Any]:
        return {"value": {"amount_total": Decimal("25.299999999999997"), "amount_tax": 3}}

    config = OdooAdapter().config(store)
    point_of_sale = read_point_of_sale(pos.api, config)
    monkeypatch.setattr(Odoo, "call", onchange)
    totals = compute_totals(pos.api, point_of_sale, [], None)
    assert (str(totals.total), str(totals.taxes)) == ("25.30", "3.00")
