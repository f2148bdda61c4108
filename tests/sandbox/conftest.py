"""A Gett of the test's own, as an application and as a client that has its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, ViewportSize
from werkzeug.test import TestResponse

from tests.sandbox.browser_env import MENU, Consumer, Partner
from tests.sandbox.sandbox_stores import Street, Visitor, browsing, chromium
from tests.sandbox.shared_schemas import KEY, NOON, STORE, Call
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import StoreRecord


@pytest.fixture
def context() -> Iterator[SandboxContext]:
    """A Gett whose clock stands at noon; it knows one store and nothing else."""
    made = SandboxContext("key-1", clock=Clock(now=NOON, speed=0))
    store = CommerceStore(store_id=STORE, name="Trattoria", timezone="UTC")
    made.options.reads_per_minute = made.options.writes_per_minute = 0
    made.state.stores[STORE] = StoreRecord(store=store, partner_store_id="main")
    yield made
    made.close()


@pytest.fixture
def client(context: SandboxContext) -> FlaskClient:
    return create_app(context).test_client()


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """``call("GET", "stores")``: a call of the commerce API, with the key."""

    def made(method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        return client.open(f"/v1/commerce/{path}", method=method, json=body, headers=KEY, **more)

    return made


@pytest.fixture
def partner(context: SandboxContext) -> Iterator[Partner]:
    """Whoever owns the one store: its menu is ingested and its webhooks are served."""
    made = Partner()
    store = context.state.stores[STORE]
    context.state.catalogs[str(MENU.catalog_set_id)] = MENU
    store.catalog_set_id = MENU.catalog_set_id
    with serve(made.app) as url:
        store.webhook_url = f"{url}/hooks"
        yield made


@pytest.fixture
def consumer(client: FlaskClient, context: SandboxContext) -> Consumer:
    return Consumer(client, context)


@pytest.fixture(scope="session")
def street() -> Iterator[Street]:
    """A store with the kit behind it. Each test orders for itself and leaves menu, store and clock as they were."""
    chromium()  # first: without a browser nothing needs to be started
    with Street() as street:
        yield street


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(street: Street, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody whose browser remembers nothing, with a window of the parameter's size. The page must run without an error."""
    window: ViewportSize = getattr(request, "param", ViewportSize(width=1280, height=850))
    browser_context = browser.new_context(viewport=window, color_scheme="light", has_touch=window["width"] < 600)
    visitor = Visitor(browser_context.new_page(), street.url)
    yield visitor
    browser_context.close()
    assert visitor.complaints == []
