"""Tests of catalogs, hours and errors on the storefront, with a sandbox alone, whose clock is stopped on a Wednesday."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from playwright.sync_api import Browser, Page, expect

from tests.sandbox.accessibility import accessibility_problems
from tests.sandbox.browser_env import add_listed_store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import DefaultItem, ExternalCatalogSet, ExternalItem, ExternalModifierGroup
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.server import serve
from webhook_kit.testing.bogus_catalog import bogus_catalog

NOON_IN_NEW_YORK = datetime(2026, 3, 4, 17, tzinfo=UTC)
STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


@pytest.fixture
def context() -> Iterator[SandboxContext]:
    sandbox = SandboxContext("key-1", clock=Clock(now=NOON_IN_NEW_YORK, speed=0))
    yield sandbox
    sandbox.close()


@pytest.fixture
def page(context: SandboxContext, browser: Browser) -> Iterator[Page]:
    """Return a page that can open the storefront."""
    with serve(create_app(context)) as url:
        browser_context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 850})
        yield browser_context.new_page()
        browser_context.close()


def test_catalogs_by_time_of_day(context: SandboxContext, page: Page) -> None:
    add_listed_store(context, STORE, "By the hour", bogus_catalog())
    page.goto(f"/#/stores/{STORE}")
    times = page.get_by_role("group", name="Menus by time of day")
    for name, text in {
        "All day": "Served all day",
        "Breakfast": "Served tomorrow from 6:00 AM",
        "Lunch": "Served until 3:00 PM",
        "Dinner": "Served from 5:00 PM",
    }.items():
        expect(times.locator("label", has_text=name)).to_contain_text(text)
    times.get_by_role("radio", name="Dinner").check()
    expect(page.get_by_text("Served from 5:00 PM. You cannot order from it yet.")).to_be_visible()
    page.locator("[data-item=lasagna]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Served from 5:00 PM")).to_be_visible()
    expect(dialog.get_by_role("button", name="Add")).to_have_count(0)
    assert accessibility_problems(page) == []
    page.keyboard.press("Escape")
    times.get_by_role("radio", name="Lunch").check()
    page.locator("[data-item=meatball-sub]").click()
    expect(dialog.get_by_role("button", name="Add")).to_contain_text("$9.95")


def test_nested_sections(context: SandboxContext, page: Page) -> None:
    add_listed_store(context, STORE, "Nested", bogus_catalog())
    page.goto(f"/#/stores/{STORE}")
    drinks = page.locator(".menu > .section", has=page.get_by_role("heading", name="Drinks", exact=True, level=2))
    inner = drinks.locator(".section", has=page.get_by_role("heading", name="Coffee and tea", level=3))
    expect(inner.locator("[data-item=latte]")).to_be_visible()
    page.get_by_role("navigation", name="Sections").get_by_role("button", name="Grocery").click()
    expect(page.get_by_role("heading", name="Grocery")).to_be_focused()
    expect(page.locator("[data-item=olive-oil]")).to_be_in_viewport()


HOSTILE_TEXTS = [
    "<script>window.stolen = 1</script>",
    "<img src=x onerror='window.stolen = 2'>",
    "«<svg onload=window.stolen=3>» & &lt;b&gt;",
    '" onmouseover="window.stolen = 4',
    "javascript:window.stolen=5",
    "</script></style><iframe srcdoc='<script>parent.stolen=6</script>'>",
]


def hostile_catalog() -> ExternalCatalogSet:
    """Return a catalog whose texts and ids are HTML and scripts."""
    option = ExternalItem(item_id=HOSTILE_TEXTS[1], name=HOSTILE_TEXTS[0], base_price=Decimal(1))
    group = ExternalModifierGroup(
        modifier_group_id=HOSTILE_TEXTS[0],
        name=HOSTILE_TEXTS[1],
        item_ids=[option.item_id],
        minimum_allowed=1,
        maximum_allowed=2,
        enable_duplicate_items=True,
        default_items=[DefaultItem(item_id=option.item_id)],
    )
    items = [
        ExternalItem(
            item_id=f"{number} {text}",
            name=f"Pie {text}",
            description=text,
            image_url=text,
            base_price=Decimal(number),
            modifier_group_ids=[group.modifier_group_id],
        )
        for number, text in enumerate(HOSTILE_TEXTS)
    ]
    sections = {text: [item] for text, item in zip(HOSTILE_TEXTS, items, strict=True)}
    return simple_catalog(sections, modifier_groups=[group], options=[option], name=HOSTILE_TEXTS[0])


def test_catalog_text_is_never_html(context: SandboxContext, page: Page) -> None:
    record = add_listed_store(context, STORE, f"Pies {HOSTILE_TEXTS[0]} {HOSTILE_TEXTS[1]}", hostile_catalog())
    record.store.description = HOSTILE_TEXTS[5]
    record.listing.cuisines = HOSTILE_TEXTS
    page.goto("/")
    page.get_by_role("searchbox").fill("pie")
    expect(page.locator(".card mark").first).to_be_visible()
    expect(page.locator(".card")).to_contain_text("<script>window.stolen = 1</script>")
    page.locator(".card a").click()
    for number, text in enumerate(HOSTILE_TEXTS):
        item = page.locator(".menu .item").nth(number)
        expect(item).to_contain_text(f"Pie {text}")
        item.hover()
        item.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(HOSTILE_TEXTS[0])
        dialog.get_by_role("button", name="Add").click()
    expect(page.locator(".cart .line")).to_have_count(len(HOSTILE_TEXTS))
    page.locator(".cart").get_by_role("link", name="Checkout").click()
    expect(page.locator(".summary .line")).to_have_count(len(HOSTILE_TEXTS))
    page.get_by_text("Traffic log").click()
    page.get_by_label("Show the calls of this page").check()
    page.locator(".traffic > li", has_text="addToCart").first.click()
    assert page.evaluate("window.stolen") is None
    assert page.locator("main :is(script, img, iframe, [onerror], [onload], [onmouseover])").count() == 0


def test_injected_html_and_scripts_do_not_run(context: SandboxContext, page: Page) -> None:
    page.goto("/")
    page.get_by_role("heading", name="No stores yet").wait_for()
    errors = page.evaluate(
        """() => {
          const errors = [];
          try { document.body.insertAdjacentHTML("beforeend", "<b>read as HTML</b>"); } catch (error) { errors.push(error.name); }
          const script = document.createElement("script");
          try { script.text = "window.stolen = 1"; document.body.append(script); } catch (error) { errors.push(error.name); }
          return errors;
        }"""
    )
    assert errors == ["TypeError", "TypeError"]
    assert page.evaluate("window.stolen") is None
    with pytest.raises(Exception, match="fetch"):
        page.evaluate("fetch('http://127.0.0.1:9/')")  # another host must not be called


def test_page_without_stores_explains_registration(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="No stores yet")).to_be_visible()
    assert accessibility_problems(page) == []


def test_store_without_catalog_and_unknown_store(context: SandboxContext, page: Page) -> None:
    record = add_listed_store(context, STORE, "Bare", bogus_catalog())
    record.catalog_set_id = None
    page.goto(f"/#/stores/{STORE}")
    expect(page.get_by_role("heading", name="No menu yet")).to_be_visible()
    expect(page.get_by_text("Closed")).to_be_visible()
    assert accessibility_problems(page) == []
    page.goto("/#/stores/another")
    expect(page.get_by_role("alert")).to_contain_text("there is no store another")
    assert accessibility_problems(page) == []


def test_page_recovers_from_an_error(context: SandboxContext, page: Page) -> None:
    add_listed_store(context, STORE, "Patience", bogus_catalog())
    context.faults.add(Fault(kind="status", call="discoverStores", status=503, times=1))
    page.goto("/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="Patience")).to_be_visible()
    page.get_by_role("link", name="Patience").click()
    context.faults.add(Fault(kind="status", call="addToCart", status=503, times=1))
    for _ in range(2):
        page.locator("[data-item=cola]").click()
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.locator(".toast")).to_contain_text("injected fault")
    expect(page.locator(".cart .line")).to_have_count(1)


def test_expired_session_is_replaced(context: SandboxContext, page: Page) -> None:
    add_listed_store(context, STORE, "Forgetful", bogus_catalog())
    page.goto("/")
    page.get_by_role("link", name="Forgetful").wait_for()
    first = set(context.state.sessions)
    with context.lock:
        context.state.sessions.clear()
    page.get_by_role("link", name="Forgetful").click()
    expect(page.locator("[data-item=cola]")).to_be_visible()
    assert set(context.state.sessions) - first
    names: set[Any] = {session.partner_user_id for session in context.state.sessions.values()}
    assert names == {page.evaluate("JSON.parse(localStorage.getItem('partnerUserId'))")}


def test_fast_clicks_are_all_counted(context: SandboxContext, page: Page) -> None:
    add_listed_store(context, STORE, "Busy", bogus_catalog())
    page.goto(f"/#/stores/{STORE}")
    page.locator("[data-item=cola]").click()
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    context.faults.add(Fault(kind="delay", call="updateCart", seconds=0.1, times=1))
    more = page.get_by_role("button", name="One more Cola")
    more.wait_for()
    more.evaluate("(button) => { button.click(); button.click(); button.click(); }")
    expect(page.locator(".cart .count")).to_have_text("4")


def test_stem_shows_its_store(context: SandboxContext, page: Page) -> None:
    context.options.discoveries_per_minute = 0
    for number in range(101):
        add_listed_store(context, f"{number:08}", f"Chain {number}", bogus_catalog())
    page.goto("/store/chain-100-00000100")
    expect(page.get_by_role("heading", name="Chain 100", level=1)).to_be_visible()
    page.goto("/store/unknown")
    expect(page.get_by_role("heading", name="There is no such store")).to_be_visible()
    page.get_by_role("link", name="To all stores").click()
    expect(page.get_by_role("link", name="Chain 0", exact=True)).to_be_visible()


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def item_with_picture(url: str) -> ExternalCatalogSet:
    return simple_catalog({"Food": [ExternalItem(item_id="pie", name="Pie", base_price=Decimal(9), image_url=url)]})


def loaded_pictures(page: Page, selector: str) -> None:
    page.wait_for_function("(s) => document.querySelector(s)?.naturalWidth > 0", arg=f"{selector} img.picture")


def test_pictures_appear_when_the_catalog_has_them(context: SandboxContext, page: Page) -> None:
    pictures = Flask("pictures")
    pictures.get("/<name>")(lambda name: Response(b"" if name == "missing" else PNG, mimetype="image/png"))
    with serve(pictures) as host, serve(pictures) as other_host:
        record = add_listed_store(context, STORE, "Gallery", item_with_picture(f"{host}/pie"))
        record.listing.image_url = f"{host}/store"
        page.goto("/")
        loaded_pictures(page, ".card .tile")
        page.get_by_role("link", name="Gallery").click()
        loaded_pictures(page, ".store-head .tile")
        loaded_pictures(page, "[data-item=pie]")
        page.locator("[data-item=pie]").click()
        loaded_pictures(page, "dialog")
        assert accessibility_problems(page) == []
        page.keyboard.press("Escape")
        # A catalog that is newer than the page names another host.
        add_listed_store(context, STORE, "Gallery", item_with_picture(f"{other_host}/pie"))
        page.goto("/#/")
        page.get_by_role("link", name="Gallery").click()
        loaded_pictures(page, "[data-item=pie]")
        add_listed_store(context, STORE, "Gallery", item_with_picture(f"{other_host}/missing"))
        page.goto("/#/")
        page.get_by_role("link", name="Gallery").click()
        page.locator("[data-item=pie]").wait_for()
        expect(page.locator("img.picture")).to_have_count(0)


def test_price_of_an_option_includes_its_own_required_group(context: SandboxContext, page: Page) -> None:
    def option(item_id: str, price: str, *groups: str) -> ExternalItem:
        return ExternalItem(item_id=item_id, name=item_id, base_price=Decimal(price), modifier_group_ids=list(groups))

    def group(group_id: str, *items: str, minimum: int = 1, maximum: int = 1, **more: Any) -> ExternalModifierGroup:
        return ExternalModifierGroup(
            modifier_group_id=group_id,
            name=group_id,
            item_ids=list(items),
            minimum_allowed=minimum,
            maximum_allowed=maximum,
            **more,
        )

    catalog = simple_catalog(
        {
            "Food": [
                option("meal", "10", "drinks"),
                option("box", "0", "size"),
                option("plain", "3"),
            ]
        },
        options=[
            *(option("soda", "0", "size"), option("water", "1", "temperature"), option("beer", "1", "size", "glass")),
            *(option("juice", "0.5", "fruit"), option("tea", "0"), option("wine", "0", "bottle")),
            *(option("small", "2"), option("big", "3.25"), option("cold", "0"), option("warm", "0.5")),
            *(option("lemon", "0.25"), option("apple", "0.25"), option("red", "0", "size")),
        ],
        modifier_groups=[
            group("drinks", "soda", "water", "beer", "juice", "tea", "wine"),
            group("size", "small", "big"),
            group("temperature", "cold", "warm"),
            group("glass", "cold", minimum=0),
            group("fruit", "lemon", "apple", minimum=2, maximum=2, enable_duplicate_items=True),
            group("bottle", "red", maximum=2),
        ],
    )
    add_listed_store(context, STORE, "Combos", catalog)
    page.goto(f"/#/stores/{STORE}")
    for item, price in (("meal", "$10.00"), ("box", "from $2.00"), ("plain", "$3.00")):
        expect(page.locator(f"[data-item={item}] .price")).to_have_text(price)
    page.locator("[data-item=meal]").click()
    rows = page.get_by_role("dialog").locator("label.row")
    for row, price in {
        "soda": "from +$2.00",
        "water": "+$1.00",
        "beer": "from +$3.00",
        "juice": "+$1.00",
        "wine": "from +$2.00",
    }.items():
        expect(rows.filter(has_text=row).locator(".extra")).to_have_text(price)
    expect(rows.filter(has_text="tea").locator(".extra")).to_have_count(0)


@pytest.mark.parametrize("sections", [1, 50])
def test_long_menu_opens_with_its_first_items(sections: int, context: SandboxContext, page: Page) -> None:
    each = 2_500 // sections
    menu = {
        f"Section {s}": [
            ExternalItem(item_id=f"{s}-{n}", name=f"Dish {s}-{n}", base_price=Decimal(n)) for n in range(each)
        ]
        for s in range(sections)
    }
    add_listed_store(context, STORE, "Long", simple_catalog(menu))
    page.goto("/")
    page.get_by_role("link", name="Long").wait_for()
    first = page.evaluate(
        """async (hash) => {
          const items = () => document.querySelectorAll("[data-item]").length;
          const appeared = new Promise((resolve) => {
            new MutationObserver(() => items() && resolve(items())).observe(document.body, { childList: true, subtree: true });
          });
          location.hash = hash;
          return appeared;
        }""",
        f"#/stores/{STORE}",
    )
    assert first <= 100
    last = f"{sections - 1}-{each - 1}"
    if sections > 1:
        page.get_by_role("button", name=f"Section {sections - 1}", exact=True).click()
        expect(page.get_by_role("heading", name=f"Section {sections - 1}", exact=True)).to_be_in_viewport()
    expect(page.locator("[data-item]")).to_have_count(2_500)
    page.locator(f"[data-item='{last}']").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name=f"Dish {last}")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto("/#/")
    expect(page.locator("[data-item]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_start_page_with_one_store_invites(scheme: Any, context: SandboxContext, page: Page) -> None:
    page.emulate_media(color_scheme=scheme)
    add_listed_store(context, STORE, "Only", bogus_catalog())
    page.goto("/")
    card = page.locator(".card")
    expect(card).to_contain_text("See the menu")
    box, main = card.bounding_box(), page.locator(".cards").bounding_box()
    assert box
    assert main
    assert box["width"] == main["width"]
    assert accessibility_problems(page) == []
    card.get_by_text("See the menu").click(force=True)  # it belongs to the link that covers the card
    expect(page.get_by_role("heading", name="Only", level=1)).to_be_visible()
    add_listed_store(context, STORE.replace("7", "8"), "Another", bogus_catalog())
    page.goto("/#/")
    expect(page.locator(".card")).to_have_count(2)
    expect(page.get_by_text("See the menu")).to_have_count(0)


def test_error_of_the_customer_is_shown_at_its_field(context: SandboxContext, page: Page) -> None:
    answers = Flask("store")

    @answers.post("/validateOrder")
    def validate() -> Response:
        parts = dict.fromkeys(("subTotal", "total"), 2.5)
        return jsonify({**request.get_json(), "amounts": parts, "isValid": True, "validatedOrderToken": "t"})

    with serve(answers) as webhooks:
        add_listed_store(context, STORE, "Strict", bogus_catalog(), webhooks)
        page.goto(f"/#/stores/{STORE}")
        page.locator("[data-item=cola]").click()
        page.get_by_role("dialog").get_by_role("button", name="Add").click()
        page.get_by_role("link", name="Checkout").first.click()
        page.get_by_label("Phone").fill("555 1234")
        page.get_by_role("button", name="Check order").click()
        page.get_by_role("button", name="Place order").click()
        expect(page.locator("[data-path='$.customer.phone'] .error")).to_contain_text("E.164")
