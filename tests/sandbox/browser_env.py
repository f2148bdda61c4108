"""Test environment of the storefront: a store with the real kit, and a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from webhook_kit.catalog.build import versioned
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.store import CommerceAddress, CommerceStore
from webhook_kit.kit import Kit
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import Listing, StoreRecord
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.stack import Stack

expect.set_options(timeout=1000 * PATIENCE)

NAME = "Trattoria Bogus"
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Return the browser's program, or that of the variable CHROMIUM; without one skip the test, in CI fail."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop("there is no Chromium; install the package chromium, or set the variable CHROMIUM to a program")
    return program


@contextmanager
def launch_browser() -> Iterator[Browser]:
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


class StorefrontEnv:
    """A context manager: a kit with the bogus POS as real processes, whose store is on the storefront at :attr:`url`."""

    def __init__(self, **options: Any) -> None:
        self.stack = Stack("bogus", options={"tax": True, **options})
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.stack)
            self.url = self.stack.env["GETT_API_URL"]
            self.context = self.stack.gett.context
            add_listed_store(self.context, self.stack.store_id, NAME, bogus_catalog(), self.stack.urls[0])
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    name = NAME

    @property
    def store_id(self) -> str:
        return self.stack.store_id

    def kit(self) -> Kit:
        return self.stack.kit()


def add_listed_store(
    context: SandboxContext, store_id: str, name: str, catalog_set: ExternalCatalogSet, webhooks: str = ""
) -> StoreRecord:
    """Add a store with its catalog, so that consumers find it."""
    catalog = versioned(catalog_set, store_id)
    version = str(catalog.catalog_set_id)
    address = CommerceAddress(street="88 Loopback Lane", city="New York", state="NY", postal_code="10001", country="US")
    record = StoreRecord(
        store=CommerceStore(
            store_id=store_id,
            name=name,
            address=address,
            timezone="America/New_York",
            description="Pizza, burgers, and everything that can go wrong, freshly made.",
        ),
        partner_store_id=context.state.stores[store_id].partner_store_id
        if store_id in context.state.stores
        else store_id,
        webhook_url=webhooks,
        catalog_set_id=version,
        listing=Listing(cuisines=["Italian", "Burgers"], rating=4.7, review_count=1284, price_level=2),
    )
    with context.lock:
        context.state.catalogs[version] = catalog
        context.state.stores[store_id] = record
    return record


class StorefrontPage:
    """A page of the browser with methods for common actions; errors of the page are collected."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, path: str = "") -> Self:
        self.page.goto(f"{self.url}/#/{path}")
        self.page.locator("main h1, main h2").first.wait_for()
        return self

    def add(self, item_id: str, *choices: str) -> None:
        """Add an item to the cart, with these options, by their names."""
        self.page.locator(f"[data-item={item_id}]").first.click()
        dialog = self.page.get_by_role("dialog")
        for choice in choices:
            dialog.get_by_text(choice, exact=True).click()
        dialog.get_by_role("button", name="Add").click()
        dialog.wait_for(state="detached")
