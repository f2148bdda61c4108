"""Fixtures: a sandbox as an application, a client with its key, and the storefront in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, ViewportSize
from werkzeug.test import TestResponse

from tests.sandbox.browser_env import StorefrontEnv, StorefrontPage, chromium
from tests.sandbox.sandbox_env import CATALOG, KEY, NOON, STORE, Call, Consumer, FakePartner
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import StoreRecord


@pytest.fixture
def context() -> Iterator[SandboxContext]:
    """Return a sandbox with a single store, whose clock is stopped at noon."""
    context = SandboxContext("key-1", clock=Clock(now=NOON, speed=0))
    store = CommerceStore(store_id=STORE, name="Trattoria", timezone="UTC")
    context.options.reads_per_minute = context.options.writes_per_minute = 0
    context.state.stores[STORE] = StoreRecord(store=store, partner_store_id="main")
    yield context
    context.close()


@pytest.fixture
def client(context: SandboxContext) -> FlaskClient:
    return create_app(context).test_client()


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """Return a function that calls the Commerce Partner API with the key: ``call("GET", "stores")``."""

    def send(method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        return client.open(f"/v1/commerce/{path}", method=method, json=body, headers=KEY, **more)

    return send


@pytest.fixture
def partner(context: SandboxContext) -> Iterator[FakePartner]:
    """Serve the webhooks of the store's partner, and set the store's catalog."""
    partner = FakePartner()
    store = context.state.stores[STORE]
    context.state.catalogs[str(CATALOG.catalog_set_id)] = CATALOG
    store.catalog_set_id = CATALOG.catalog_set_id
    with serve(partner.app) as url:
        store.webhook_url = f"{url}/hooks"
        yield partner


@pytest.fixture
def consumer(client: FlaskClient, context: SandboxContext) -> Consumer:
    return Consumer(client, context)


@pytest.fixture(scope="session")
def storefront_env() -> Iterator[StorefrontEnv]:
    """Run a store with the kit for all tests, which must not change its catalog, settings and clock."""
    chromium()  # first, because nothing is started without a browser
    with StorefrontEnv() as env:
        yield env


@pytest.fixture
def storefront(
    storefront_env: StorefrontEnv, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[StorefrontPage]:
    """Open a page in a new browser profile, with a window of the parameter's size; it must run without errors."""
    window: ViewportSize = getattr(request, "param", ViewportSize(width=1280, height=850))
    browser_context = browser.new_context(viewport=window, color_scheme="light", has_touch=window["width"] < 600)
    page = StorefrontPage(browser_context.new_page(), storefront_env.url)
    yield page
    browser_context.close()
    assert page.errors == []
