"""Test of every page of the console on desktop and phone, light and dark; ``make pictures`` also renews the pictures in the docs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.sandbox.accessibility import accessibility_problems
from tests.scenario.console_env import ConsoleEnv, ConsolePage, console_page
from webhook_kit.adapter import StoreState
from webhook_kit.operations.health import read_health
from webhook_kit.storage.alerts import Alert

MAX_BYTES = 150 * 1024
PICTURES = os.environ.get("PICTURES")  # folder for the docs' pictures; nothing is written without it
IN_DOCS = {
    "health-phone-light",
    "order-phone-dark",
    "settle-phone-light",
    "graphs-desktop-light",
    "health-desktop-dark",
}
WINDOWS: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}

_SMALL = """() => [...document.querySelectorAll("button, .primary, .button, body > nav a, body > nav summary, input, select, textarea")]
  .filter((e) => e.checkVisibility() && e.type !== "hidden")
  .filter((e) => e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44)
  .map((e) => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def env(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleEnv]:
    with ConsoleEnv(tmp_path_factory.mktemp("console")) as env:
        env.kit.catalog_sync.sync(env.store)
        env.order()
        env.in_doubt = env.order_in_doubt()
        env.dead_letter(1, "order not found")
        env.kit.alerts.raise_once(Alert.DUPLICATE, "A-17", "known as T-1, reported as T-2")
        env.kit.availability.mark_unavailable(env.store, "margherita")
        env.plant_day()
        env.set_pos(StoreState.DOWN)
        env.halt_the_key()
        env.order()
        wanted = {"order_in_doubt", "pos_down", "sending_halted"}
        env.wait("the faults", lambda: wanted <= {finding.code for finding in read_health(env.kit).findings})
        env.wait("the pause", lambda: env.kit.store_status.pause_owner(env.store) is not None)
        yield env


@pytest.fixture(params=["desktop", "phone", "small"])
def page(env: ConsoleEnv, browser: Browser, request: pytest.FixtureRequest) -> Iterator[ConsolePage]:
    window: ViewportSize = WINDOWS.get(request.param, {"width": 360, "height": 740})
    with console_page(browser, env.url, viewport=window, timezone_id="America/New_York") as page:
        page.kind = request.param
        yield page.log_in()


def test_every_page_is_accessible(env: ConsoleEnv, page: ConsolePage) -> None:
    ref = urlencode({"ref": env.in_doubt})
    paths = {
        "health": "/",
        "orders": "/orders?within=24h",
        "order": f"/order?{ref}",
        "settle": f"/order/settle-placed?{ref}",
        "stores": "/stores",
        "store": "/store?id=main&ask=pos",
        "incidents": "/incidents",
        "alerts": "/alerts",
        "dead-letters": "/dead-letters",
        "discard": "/dead-letters/discard?why=order",
        "catalogs": "/catalogs",
        "catalog": "/catalog?id=main&difference=1",
        "unavailable": "/catalog/mark-unavailable?id=main",
        "sending": "/sending",
        "graphs": "/graphs",
        "onboarding": "/onboarding",
        "audit": "/audit",
        "missing": "/order?ref=unknown",
    }
    page.open("/graphs")
    assert page.page.locator("#orders").get_by_text("at most 38").count(), "the figures of the day are not shown"
    for name, path in paths.items():
        page.open(path)
        for scheme in ("dark", "light"):
            view = f"{name}-{page.kind}-{scheme}"
            page.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            picture = page.page.screenshot(animations="disabled")
            assert len(picture) <= MAX_BYTES, view
            assert accessibility_problems(page.page) == [], view
            assert page.page.evaluate(_SMALL) == [], view
            if PICTURES and view in IN_DOCS:
                (Path(PICTURES) / f"console-{view}.png").write_bytes(picture)
