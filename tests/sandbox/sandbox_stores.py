"""A store on the storefront with the real kit behind it, and a real browser in front of it."""

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
from webhook_kit.testing.bogus_menu import bogus_menu
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.stack import Stack

expect.set_options(timeout=1000 * PATIENCE)

NAME = "Trattoria Bogus"
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The browser's program; the variable CHROMIUM names another one. Without any the test is skipped, in CI it fails."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        lack = pytest.fail if os.environ.get("CI") else pytest.skip
        lack("there is no Chromium here: install the package chromium, or name one in the variable CHROMIUM")
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


class Street:
    """A context manager: a kit with the bogus POS as real processes, its store on the page of the sandbox at :attr:`url`."""

    def __init__(self, **options: Any) -> None:
        self.stack = Stack("bogus", options={"tax": True, **options})
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.stack)
            self.url = self.stack.env["GETT_API_URL"]
            self.context = self.stack.gett.context
            list_store(self.context, self.stack.store_id, NAME, bogus_menu(), self.stack.urls[0])
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


def list_store(
    context: SandboxContext, store_id: str, name: str, menu: ExternalCatalogSet, webhooks: str = ""
) -> StoreRecord:
    """Put a store and its menu where consumers find them."""
    catalog = versioned(menu, store_id)
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


class Visitor:
    """A page of the browser with words for what people do; whatever the page complains of is kept."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def open(self, path: str = "") -> Self:
        self.page.goto(f"{self.url}/#/{path}")
        self.page.locator("main h1, main h2").first.wait_for()
        return self

    def add(self, item_id: str, *choices: str) -> None:
        """Order a dish, clicking on these options by their names."""
        self.page.locator(f"[data-item={item_id}]").first.click()
        dialog = self.page.get_by_role("dialog")
        for choice in choices:
            dialog.get_by_text(choice, exact=True).click()
        dialog.get_by_role("button", name="Add").click()
        dialog.wait_for(state="detached")
