"""Every view as people meet it, on a desk and on a phone, by day and by night; ``make pictures`` renews those in the docs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.sandbox.accessibility import barriers
from tests.sandbox.sandbox_stores import Street, Visitor

SMALL = 150 * 1024
PICTURES = os.environ.get("PICTURES")  # where the docs' pictures go; they are taken and forgotten when it is not set
KEPT = {
    "menu-desk-light",
    "dish-phone-dark",
    "menu-phone-light",
    "errors-desk-light",
    "order-desk-dark",
    "wire-desk-light",
}
WINDOWS: dict[str, ViewportSize] = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}


class Sights:
    """A visitor who checks what is seen, and takes a picture of it.

    :param kind: of window, as a part of the views' names.
    """

    def __init__(self, visitor: Visitor, kind: str) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self._kind = kind

    def see(self, name: str) -> None:
        """Look at the view as it stands, by day and by night."""
        self.page.mouse.move(0, 0)
        for scheme in ("dark", "light"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            view = f"{name}-{self._kind}-{scheme}"
            picture = self.page.screenshot(animations="disabled")
            assert len(picture) <= SMALL, view
            assert barriers(self.page) == [], view
            if PICTURES and view in KEPT:
                (Path(PICTURES) / f"storefront-{view}.png").write_bytes(picture)


@pytest.fixture(params=["desk", "phone"])
def sights(street: Street, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Sights]:
    browser_context = browser.new_context(viewport=WINDOWS[request.param], timezone_id="America/New_York")
    visitor = Visitor(browser_context.new_page(), street.url)
    yield Sights(visitor, request.param)
    browser_context.close()


def test_every_view_is_for_everybody(street: Street, sights: Sights) -> None:
    visitor, page = sights.visitor, sights.page
    visitor.open()
    page.get_by_role("link", name=street.name).wait_for()
    sights.see("stores")
    page.get_by_role("searchbox").fill("pizza")
    page.locator("mark").first.wait_for()
    sights.see("search")
    page.get_by_role("searchbox").fill("xyzzy")
    page.get_by_text("Nothing found").wait_for()
    sights.see("nothing-found")

    visitor.open(f"stores/{street.store_id}")
    visitor.add("margherita", "Large")
    visitor.add("salad")
    page.evaluate("scrollTo(0, 0)")
    sights.see("menu")
    page.locator("[data-item=two-pizzas]").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="One more Pair margherita").click()
    dialog.get_by_role("button", name="One more Basil").first.click()
    sights.see("dish")
    dialog.get_by_role("button", name="Add").click()
    sights.see("dish-incomplete")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Checkout").locator("visible=true").click()
    page.get_by_label("City").fill("")
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("alert").wait_for()
    sights.see("errors")
    page.get_by_label("City").fill("New York")
    page.get_by_role("radio", name="15 %").check()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").wait_for()
    page.evaluate("scrollTo(0, 0)")
    sights.see("checkout")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("heading", name="The store has confirmed")).to_be_visible()
    order_id = page.url.rpartition("/")[2]
    street.kit().order_updates.progress(order_id, "preparing")
    expect(page.get_by_role("heading", name="Your order is being prepared")).to_be_visible()
    sights.see("order")
    page.get_by_text("On the wire").click()
    told = page.locator(".wire > li", has_text="setOrderStatus").first
    told.locator("summary").click()
    told.scroll_into_view_if_needed()
    sights.see("wire")
    street.kit().order_updates.cancel(order_id, "The oven is broken")
    expect(page.get_by_role("heading", name="The order was cancelled")).to_be_visible()
    sights.see("cancelled")
    visitor.open("orders")
    sights.see("orders")
