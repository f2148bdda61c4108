"""The storefront in a real browser, from the choice of a store to the end of the order."""

from __future__ import annotations

from playwright.sync_api import expect

from .street import NAME, Street, Visitor


def test_the_whole_way_from_a_store_to_a_completed_order(street: Street, visitor: Visitor) -> None:
    page = visitor.open().page
    page.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    visitor.add("margherita", "Large")
    visitor.add("burger", "Fries", "Bacon")
    page.get_by_role("button", name="One more Margherita").click()
    cart = page.get_by_role("complementary", name="Cart")
    expect(cart.get_by_role("link", name="Checkout")).to_contain_text("$44.42")  # 2 × (12.50 + 3.99) + 9.95 + 1.49
    cart.get_by_role("link", name="Checkout").click()

    page.get_by_role("radio", name="Pickup").check()
    page.get_by_label("Other amount").fill("3.50")
    page.get_by_role("button", name="Check order").click()
    amounts = page.locator(".amounts")
    for text in ("Subtotal$44.42", "Taxes$3.66", "Tip$3.50", "Total$51.58"):
        expect(amounts).to_contain_text(text)
    page.get_by_role("button", name="Place order").click()

    expect(page.get_by_role("heading", name="The store has confirmed")).to_be_visible()
    order_id = page.url.rpartition("/")[2]
    ticket = street.world.state.orders[order_id].placed
    assert ticket is not None
    expect(page.locator(".ids")).to_contain_text(ticket["partnerOrderId"])
    expect(page.locator(".amounts")).to_contain_text("Total$51.58")
    kit = street.kit()
    for status, title in {"preparing": "is being prepared", "ready": "is ready"}.items():
        kit.orders.progress(order_id, status)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator("#announcer")).to_contain_text(title)
    kit.orders.complete(order_id)
    expect(page.get_by_role("heading", name="Enjoy your meal")).to_be_visible()
    expect(page.locator(".track .done")).to_have_count(5)

    page.reload()  # what was heard is heard again
    expect(page.get_by_role("heading", name="Enjoy your meal")).to_be_visible()
