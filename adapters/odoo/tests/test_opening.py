"""Refusals of everything that cannot work, by name, when the catalog is fetched."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.odoo_accounts import Accounts
from tests.odoo_pos import OdooPos, order_of
from webhook_kit import CatalogInvalid, ConfigurationError, NotPlaced, Refused, Store, placement_key
from webhook_kit_odoo.adapter import OdooAdapter
from webhook_kit_odoo.tickets import wire_order


@pytest.fixture
def accounts(pos: OdooPos) -> Accounts:
    return Accounts(pos)


def forbid_creating_orders(pos: OdooPos) -> None:
    """Take the right to create tickets from every user."""
    rights = pos.api.rows("ir.model.access", [("model_id.model", "=", "pos.order")], ["name"])
    pos.api.call("ir.model.access", "write", ids=[each["id"] for each in rights], vals={"perm_create": False})


def test_a_currency_with_three_decimals_is_refused(accounts: Accounts, adapter: OdooAdapter) -> None:
    accounts.currency("KWD", 0.3)
    store = accounts.pos.store(payment_method="Gett KWD")
    with pytest.raises(CatalogInvalid, match=r"sells in KWD, whose smallest amount is 0\.001"):
        adapter.fetch_catalog(store)


def test_an_archived_fiscal_position_is_refused(
    accounts: Accounts, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    position = accounts.position("To go", [])
    accounts.pos.server.write("pos.preset", accounts.pos.id_of("pos.preset", "Takeout"), fiscal_position_id=position)
    accounts.pos.server.write("account.fiscal.position", position, active=False)
    with pytest.raises(CatalogInvalid, match="preset 'Takeout' has an archived fiscal position"):
        adapter.fetch_catalog(store)
    order = order_of(water)
    with pytest.raises(NotPlaced, match="archived fiscal position"):
        adapter.place_order(store, order, placement_key(store, order.order_ref))


def test_prices_with_fractions_of_a_cent_are_refused(accounts: Accounts, adapter: OdooAdapter, store: Store) -> None:
    accounts.products({"name": "Bun", "list_price": 0.333})
    values = accounts.api.rows("product.template.attribute.value", [("name", "=", "Pepperoni")], ["name"])
    accounts.pos.server.write("product.template.attribute.value", values[0]["id"], price_extra=1.005)
    with pytest.raises(CatalogInvalid) as error:
        adapter.fetch_catalog(store)
    assert "product 'Bun' has the price 0.333" in str(error.value)
    assert "attribute value 'Pepperoni' has the price 1.005" in str(error.value)


def test_a_method_in_cash_is_refused_if_payments_in_cash_are_rounded(accounts: Accounts, adapter: OdooAdapter) -> None:
    accounts.cash_rounding(0.05, only_cash=True)
    adapter.fetch_catalog(accounts.pos.store())
    with pytest.raises(ConfigurationError, match=r"payment_method: 'Cash' is cash"):
        adapter.fetch_catalog(accounts.pos.store(payment_method="Cash"))


def test_options_without_a_record_in_odoo_are_refused(pos: OdooPos, adapter: OdooAdapter) -> None:
    with pytest.raises(ConfigurationError) as error:
        adapter.fetch_catalog(pos.store(payment_method="Bitcoin", progress_field="x_none"))
    assert "payment_method: the point of sale has no 'Bitcoin'; it has" in str(error.value)
    assert "progress_field: Odoo's pos.order has no field x_none" in str(error.value)


def test_a_user_who_may_not_create_tickets_is_refused(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any]
) -> None:
    forbid_creating_orders(pos)
    with pytest.raises(ConfigurationError, match="api_key: its user may not create tickets"):
        adapter.fetch_catalog(store)
    order = order_of(water)
    result = adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert isinstance(result, Refused)
    assert "create" in result.refusals[0].message


def test_a_right_that_is_taken_during_the_placement_is_a_refusal(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid_afterwards(*args: Any) -> dict[str, Any]:
        content = wire_order(*args)
        forbid_creating_orders(pos)
        return content

    monkeypatch.setattr("webhook_kit_odoo.adapter.wire_order", forbid_afterwards)
    order = order_of(water)
    assert isinstance(adapter.place_order(store, order, placement_key(store, order.order_ref)), Refused)
    assert pos.orders() == []


def test_a_key_that_is_revoked_during_the_placement_places_nothing(
    pos: OdooPos, adapter: OdooAdapter, store: Store, water: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = requests.Session.post
    revoked: list[str] = []

    def revoke(session: requests.Session, url: str, headers: dict[str, str], **kwargs: Any) -> requests.Response:
        if url.endswith("sync_from_ui") or revoked:
            revoked.append(url)
            headers = {**headers, "Authorization": "bearer revoked"}
        return post(session, url, headers=headers, **kwargs)

    order = order_of(water)
    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "post", revoke)
        with pytest.raises(NotPlaced, match="401"):
            adapter.place_order(store, order, placement_key(store, order.order_ref))
    assert pos.orders() == []


@pytest.mark.parametrize("key", ["ключ", "two words", "line\nbreak", "clé"])
def test_a_key_that_no_header_can_carry_is_refused(key: str, pos: OdooPos, adapter: OdooAdapter) -> None:
    store = pos.store()
    wrong = Store(
        id=store.id,
        gett_id=store.gett_id,
        adapter=store.adapter,
        timezone=store.timezone,
        credentials={"api_key": key},
        options=store.options,
    )
    with pytest.raises(ConfigurationError, match="api_key"):
        adapter.fetch_catalog(wrong)
    order = order_of({"itemId": "product.template,1"})
    with pytest.raises(NotPlaced, match="api_key"):
        adapter.place_order(wrong, order, placement_key(wrong, order.order_ref))


def test_a_database_that_no_header_can_carry_is_refused(pos: OdooPos, adapter: OdooAdapter) -> None:
    with pytest.raises(ConfigurationError, match=r"options\.database"):
        adapter.fetch_catalog(pos.store(database="кухня"))
