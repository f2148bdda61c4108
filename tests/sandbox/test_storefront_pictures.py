"""Test of every view on desktop and phone, light and dark; ``make pictures`` also renews the pictures in the docs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.sandbox.accessibility import accessibility_problems
from tests.sandbox.browser_env import StorefrontEnv, StorefrontPage

MAX_BYTES = 150 * 1024
PICTURES = os.environ.get("PICTURES")  # folder for the docs' pictures; nothing is written without it
IN_DOCS = {
    "menu-desktop-light",
    "item-phone-dark",
    "errors-desktop-light",
    "order-desktop-dark",
    "traffic-desktop-light",
}
WINDOWS: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}


class PictureTaker:
    """Takes pictures of views and checks their accessibility.

    :param kind: kind of the window, a part of the pictures' names.
    """

    def __init__(self, storefront: StorefrontPage, kind: str) -> None:
        self.storefront = storefront
        self.page = storefront.page
        self._kind = kind

    def take(self, name: str) -> None:
        """Check the current view in both colour schemes and take a picture of each."""
        self.page.mouse.move(0, 0)
        for scheme in ("dark", "light"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            view = f"{name}-{self._kind}-{scheme}"
            picture = self.page.screenshot(animations="disabled")
            assert len(picture) <= MAX_BYTES, view
            assert accessibility_problems(self.page) == [], view
            if PICTURES and view in IN_DOCS:
                (Path(PICTURES) / f"storefront-{view}.png").write_bytes(picture)


@pytest.fixture(params=["desktop", "phone"])
def pictures(storefront_env: StorefrontEnv, browser: Browser, request: pytest.FixtureRequest) -> Iterator[PictureTaker]:
    browser_context = browser.new_context(viewport=WINDOWS[request.param], timezone_id="America/New_York")
    storefront = StorefrontPage(browser_context.new_page(), storefront_env.url)
    yield PictureTaker(storefront, request.param)
    browser_context.close()


def test_every_view_is_accessible(storefront_env: StorefrontEnv, pictures: PictureTaker) -> None:
    storefront, page = pictures.storefront, pictures.page
    storefront.open()
    page.get_by_role("link", name=storefront_env.name).wait_for()
    pictures.take("stores")
    page.get_by_role("searchbox").fill("pizza")
    page.locator("mark").first.wait_for()
    pictures.take("search")
    page.get_by_role("searchbox").fill("xyzzy")
    page.get_by_text("Nothing found").wait_for()
    pictures.take("nothing-found")

    storefront.open(f"stores/{storefront_env.store_id}")
    storefront.add("margherita", "Large")
    storefront.add("salad")
    page.evaluate("scrollTo(0, 0)")
    pictures.take("menu")
    page.locator("[data-item=two-pizzas]").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="One more Pair margherita").click()
    dialog.get_by_role("button", name="One more Basil").first.click()
    pictures.take("item")
    dialog.get_by_role("button", name="Add").click()
    pictures.take("item-incomplete")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Checkout").locator("visible=true").click()
    page.get_by_label("City").fill("")
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("alert").wait_for()
    pictures.take("errors")
    page.get_by_label("City").fill("New York")
    page.get_by_role("radio", name="15 %").check()
    page.get_by_role("button", name="Check order").click()
    page.get_by_role("button", name="Place order").wait_for()
    page.evaluate("scrollTo(0, 0)")
    pictures.take("checkout")
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("heading", name="The store has confirmed")).to_be_visible()
    order_id = page.url.rpartition("/")[2]
    storefront_env.kit().order_updates.progress(order_id, "preparing")
    expect(page.get_by_role("heading", name="Your order is being prepared")).to_be_visible()
    pictures.take("order")
    page.get_by_text("Traffic log").click()
    entry = page.locator(".traffic > li", has_text="setOrderStatus").first
    entry.locator("summary").click()
    entry.scroll_into_view_if_needed()
    pictures.take("traffic")
    storefront_env.kit().order_updates.cancel(order_id, "The oven is broken")
    expect(page.get_by_role("heading", name="The order was cancelled")).to_be_visible()
    pictures.take("cancelled")
    storefront.open("orders")
    pictures.take("orders")
