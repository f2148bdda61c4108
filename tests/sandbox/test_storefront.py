"""Tests of the storefront in a browser with the kit: from the list of stores to the end of an order."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.sandbox.browser_env import NAME, StorefrontEnv, StorefrontPage


def wait_for_confirmation(page: Page) -> str:
    """Wait until the order is confirmed, and return its id."""
    expect(page.get_by_role("heading", name="The store has confirmed")).to_be_visible()
    return page.url.rpartition("/")[2]


def test_order_from_store_to_completion(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open().page
    page.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    storefront.add("margherita", "Large")
    storefront.add("burger", "Fries", "Bacon")
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

    order_id = wait_for_confirmation(page)
    ticket = storefront_env.context.state.orders[order_id].placed
    assert ticket is not None
    expect(page.locator(".ids")).to_contain_text(ticket["partnerOrderId"])
    expect(page.locator(".amounts")).to_contain_text("Total$51.58")
    kit = storefront_env.kit()
    for status, title in {"preparing": "is being prepared", "ready": "is ready"}.items():
        kit.order_updates.progress(order_id, status)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator("#announcer")).to_contain_text(title)
    kit.order_updates.complete(order_id)
    expect(page.get_by_role("heading", name="Enjoy your meal")).to_be_visible()
    expect(page.locator(".track .done")).to_have_count(5)

    page.reload()  # the progress is read again from the traffic log
    expect(page.get_by_role("heading", name="Enjoy your meal")).to_be_visible()
    page.get_by_role("link", name="Your orders").click()
    expect(page.get_by_role("listitem").filter(has_text="2 × Margherita, 1 × Burger")).to_contain_text("$51.58")


def test_delivery_has_all_entered_data_and_can_be_cancelled(
    storefront_env: StorefrontEnv, storefront: StorefrontPage
) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("salad")
    page.get_by_role("link", name="Checkout").first.click()
    page.get_by_label("First name").fill("Grace")
    page.get_by_label("Street and number").fill("1 Harbor Way")
    page.get_by_label("Instructions").fill("Ring twice")
    page.get_by_role("radio", name="10 %").check()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").click()
    order_id = wait_for_confirmation(page)
    expect(page.get_by_text("On its way")).to_be_visible()
    sent = storefront_env.context.state.orders[order_id].order
    assert sent["fulfillmentType"] == "DeliveryByMerchant"
    assert sent["deliveryInfo"]["address"]["address1"] == "1 Harbor Way"
    assert sent["deliveryInfo"]["instructions"] == "Ring twice"
    assert sent["customer"]["firstName"] == "Grace"
    assert sent["customer"]["partnerUserId"] is None  # the customer is the session's user
    assert sent["amounts"]["tip"] == 0.73  # 10 % of 7.33
    storefront_env.kit().order_updates.cancel(order_id, "The oven is broken")
    expect(page.get_by_role("heading", name="The order was cancelled")).to_be_visible()
    expect(page.get_by_text("The oven is broken", exact=True)).to_be_visible()


def test_every_message_is_shown_without_secrets(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("cola")
    page.get_by_role("link", name="Checkout").first.click()
    page.get_by_role("radio", name="Pickup").check()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").click()
    order_id = wait_for_confirmation(page)
    page.get_by_text("Traffic log").click()
    rows = page.locator(".traffic > li")
    entry = rows.filter(has_text="setOrderStatus").first
    entry.click()
    expect(entry).to_contain_text(f"POST /v1/commerce/orders/{order_id}/status")
    expect(entry).to_contain_text('"status": "confirmed"')
    expect(entry).to_contain_text("Response 202")
    webhook = rows.filter(has_text="placeOrder").filter(has_text="Gett → store").first
    webhook.click()
    expect(webhook).to_contain_text(order_id)
    expect(webhook).to_contain_text(re.compile(r"Signature[0-9a-f]{24}… \(64 characters\)"))
    expect(webhook).to_contain_text(re.compile(r"\d+ ms"))
    own = rows.filter(has_text="page → Gett").first
    expect(own).to_be_hidden()
    page.get_by_label("Show the calls of this page").check()
    expect(own).to_be_visible()
    everything = page.content() + json.dumps(page.evaluate("({ ...localStorage })"))
    assert storefront_env.context.api_key not in everything
    assert storefront_env.context.secret not in everything


# -- bounds of modifiers - ----------------------------------------------------------------------------------------------


def open_item(storefront: StorefrontPage, storefront_env: StorefrontEnv, item_id: str) -> Locator:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    page.locator(f"[data-item={item_id}]").first.click()
    return page.get_by_role("dialog")


def test_required_groups_are_reported_and_defaults_selected(
    storefront_env: StorefrontEnv, storefront: StorefrontPage
) -> None:
    dialog = open_item(storefront, storefront_env, "burger")
    expect(dialog.get_by_role("radio", name="Medium")).to_be_checked()
    dialog.get_by_role("button", name="Add").click()
    side = dialog.get_by_role("group", name="Side")
    expect(side.locator(".error")).to_have_text("Choose 1.")
    expect(side.get_by_role("radio").first).to_be_focused()
    side.get_by_role("radio", name="Coleslaw").check()
    expect(side.locator(".error")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Add")).to_contain_text("$10.60")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog).to_have_count(0)


def test_maximum_is_enforced_and_tiers_are_priced(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    dialog = open_item(storefront, storefront_env, "margherita")
    dialog.get_by_role("radio", name="Small").check()
    expect(dialog.get_by_text("First 2 free, then $1.25 each")).to_be_visible()
    more = dialog.get_by_role("button", name="One more Basil")
    for price in ("$12.50", "$12.50", "$13.75", "$15.00", "$16.25"):
        more.click()
        expect(dialog.get_by_role("button", name="Add")).to_contain_text(price)
    expect(more).to_have_attribute("aria-disabled", "true")
    expect(dialog.get_by_role("button", name="One more Ham")).to_have_attribute("aria-disabled", "true")
    more.click(force=True)
    more.press("Enter")
    expect(dialog.get_by_role("group", name="Quantity of Basil")).to_have_text("5")
    dialog.get_by_role("button", name="One less Basil").click()
    expect(dialog.get_by_role("button", name="Add")).to_contain_text("$15.00")
    expect(more).not_to_have_attribute("aria-disabled", "true")


def test_full_group_disables_its_checkboxes(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    dialog = open_item(storefront, storefront_env, "tenders")
    dialog.get_by_role("checkbox", name="Buffalo").check()
    dialog.get_by_role("checkbox", name="Barbecue").check()
    third = dialog.get_by_role("checkbox", name="Honey mustard")
    expect(third).to_have_attribute("aria-disabled", "true")
    third.click(force=True)
    third.press("Space")
    expect(third).not_to_be_checked()
    dialog.get_by_role("checkbox", name="Buffalo").uncheck()
    third.check()
    expect(dialog.get_by_role("button", name="Add")).to_contain_text("$9.30")


def test_nested_modifiers_are_selected_and_priced(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    dialog = open_item(storefront, storefront_env, "two-pizzas")
    dialog.get_by_role("button", name="One more Pair funghi").click()
    dialog.get_by_role("button", name="One more Pair funghi").click()
    olives = dialog.get_by_role("button", name="One more Olives")
    for _ in range(3):
        olives.click()
    # 21.00 + 2 × (1.00 + the third topping's 1.25)
    expect(dialog.get_by_role("button", name="Add")).to_contain_text("$25.50")
    dialog.get_by_role("button", name="Add").click()
    line = storefront.page.locator(".cart .line")
    expect(line).to_contain_text("2 × Pair funghi")
    expect(line).to_contain_text("3 × Olives")
    storefront.page.get_by_role("button", name="Edit Two pizzas").click()
    expect(dialog.get_by_role("group", name="Quantity of Olives")).to_have_text("3")
    dialog.get_by_role("button", name="One less Olives").click()
    dialog.get_by_role("button", name="Save").click()
    expect(line).to_contain_text("$23.00")
    expect(line).to_have_count(1)


# -- errors ---------------------- ------------------------------------------------------------------------------------


def test_errors_are_shown_at_their_fields(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("salad")
    storefront.add("out-of-stock")
    page.get_by_role("link", name="Checkout").first.click()
    city = page.get_by_label("City")
    city.fill("")
    page.get_by_role("button", name="Check order").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The delivery address has no city.")
    expect(city).to_have_attribute("aria-invalid", "true")
    expect(city).to_have_accessible_description("The delivery address has no city.")
    alert.get_by_role("button").click()
    expect(city).to_be_focused()
    city.fill("Paris")
    expect(alert).to_have_count(0)

    page.get_by_role("button", name="Check order").click()
    line = page.locator(".line", has_text="Out of stock")
    expect(line.locator(".error").first).to_have_text("out-of-stock has run out")
    expect(page.locator(".line", has_text="Salad").locator(".error").first).to_be_hidden()
    line.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Check order").click()
    expect(page.get_by_role("button", name="Place order")).to_be_visible()


def test_error_of_a_nested_modifier_is_shown_at_it(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("burger", "Fries")
    # An option that the group does not have, as after a change of the catalog.
    find_cart = (
        "Object.keys(localStorage).find((key) => key.endsWith('/carts') && localStorage[key].includes('\"fries\"'))"
    )
    key = page.wait_for_function(find_cart).json_value()
    changed = page.evaluate("(key) => localStorage.getItem(key)", key).replace('"fries"', '"ketchup"')
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, changed])
    page.goto(f"{storefront.url}/#/stores/{storefront_env.store_id}/checkout")
    page.get_by_role("button", name="Check order").click()
    place = page.locator("[data-path='$.cart.lineItems[0].modifierGroups[1].selectedModifiers[0]']")
    expect(place.locator("[data-slot]").first).to_have_text("Burger: Ketchup is not an option of Side.")


def test_invalid_tip_is_not_sent(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("cola")
    page.get_by_role("link", name="Checkout").first.click()
    tip = page.get_by_label("Other amount")
    tip.fill("a lot")
    page.get_by_role("button", name="Check order").click()
    expect(tip).to_have_accessible_description("“a lot” is not a valid amount. Write it like $3.50.")


def test_refused_placement_is_explained_and_can_be_corrected(
    storefront_env: StorefrontEnv, storefront: StorefrontPage
) -> None:
    page = storefront.open(f"stores/{storefront_env.store_id}").page
    storefront.add("payment-declined")
    storefront.add("cola")
    page.get_by_role("link", name="Checkout").first.click()
    page.get_by_role("radio", name="Pickup").check()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("the card was declined")
    storefront.errors.clear()  # the browser logs the 400 as an error
    page.get_by_role("button", name="Remove Payment declined").click()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").click()
    wait_for_confirmation(page)


# -- keyboard and phone -------- ---------------------------------------------------------------------------------------


def test_order_with_the_keyboard_alone(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open().page

    def walk(to: Locator, key: str = "Tab") -> None:
        for _ in range(80):
            if to.evaluate("(element) => element === document.activeElement"):
                break
            page.keyboard.press(key)
        expect(to).to_be_focused()
        ring = to.evaluate("(e) => getComputedStyle(e).outlineStyle + getComputedStyle(e, '::after').outlineStyle")
        sibling_ring = to.evaluate("(e) => e.nextElementSibling && getComputedStyle(e.nextElementSibling).outlineStyle")
        assert "solid" in f"{ring} {sibling_ring}"

    page.locator("body").press("Tab")
    page.get_by_role("link", name=NAME).wait_for()
    walk(page.get_by_role("link", name=NAME))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=NAME)).to_be_focused()
    item = page.locator("[data-item=burger]").first
    walk(item)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Burger")).to_be_focused()
    for _ in range(25):  # the focus stays in the dialog
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(item).to_be_focused()
    page.keyboard.press("Enter")
    walk(dialog.get_by_role("radio", name="Medium"))
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name="Well done")).to_be_checked()
    expect(dialog.get_by_role("radio", name="Well done")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(dialog.get_by_role("radio", name="Fries")).to_be_checked()
    more = dialog.get_by_role("button", name="One more Ketchup")
    walk(more)
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(more).to_be_focused()  # although it is disabled now
    page.keyboard.press("Enter")
    walk(dialog.get_by_role("button", name="Add"))
    page.keyboard.press("Enter")
    expect(item).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("1 × Burger added to your cart")
    walk(page.get_by_role("complementary", name="Cart").get_by_role("link", name="Checkout"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checkout")).to_be_focused()
    walk(page.get_by_role("radio", name="Delivery"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Pickup")).to_be_checked()
    walk(page.get_by_role("button", name="Check order"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Place order")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for_confirmation(page)
    expect(page.get_by_role("heading", name="The store has confirmed")).to_be_focused()


@pytest.mark.parametrize("storefront", [{"width": 360, "height": 740}], indirect=True, ids=["360 px"])
def test_order_on_a_phone(storefront_env: StorefrontEnv, storefront: StorefrontPage) -> None:
    page = storefront.open().page
    page.get_by_role("link", name=NAME).tap()
    page.locator("[data-item=margherita]").tap()
    dialog = page.get_by_role("dialog")
    box = dialog.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 360)
    dialog.get_by_text("Large", exact=True).tap()
    dialog.get_by_role("button", name="Add").tap()
    bar = page.get_by_role("link", name="Checkout")
    expect(bar).to_be_in_viewport()
    expect(bar).to_contain_text("$16.49")
    page.reload()  # the browser keeps the cart
    expect(bar).to_contain_text("$16.49")
    bar.tap()
    page.locator(".way", has_text="Pickup").tap()
    page.get_by_role("button", name="Check order").tap()
    page.get_by_role("button", name="Place order").tap()
    wait_for_confirmation(page)
