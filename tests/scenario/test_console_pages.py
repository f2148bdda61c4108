"""The console in a real browser: faults are found and settled on a phone, without scripts, by keyboard; nothing leaks or runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.scenario.console_env import NAME, ConsoleEnv, ConsolePage, console_page
from webhook_kit.adapter import StoreState
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.operations.health import read_health
from webhook_kit.pos.store import Store
from webhook_kit.storage.alerts import Alert

CALM = re.compile("All is well|Orders go on")  # other tests leave things to look at
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}\u202e"


@pytest.fixture(scope="module")
def env(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleEnv]:
    with ConsoleEnv(tmp_path_factory.mktemp("console")) as env:
        yield env


@pytest.fixture
def phone(env: ConsoleEnv, browser: Browser) -> Iterator[ConsolePage]:
    """Return a phone, logged in as an operator."""
    with console_page(browser, env.url) as page:
        yield page.log_in()


def codes(env: ConsoleEnv) -> set[str]:
    return {finding.code for finding in read_health(env.kit).findings}


def test_three_faults_are_found_and_settled_on_a_phone(env: ConsoleEnv, phone: ConsolePage) -> None:
    """A halted key, a store whose POS is down, an order in doubt."""
    page = phone.page
    expect(page.get_by_role("heading", level=1)).to_have_text(CALM)
    order = env.order_in_doubt()
    env.set_pos(StoreState.DOWN)
    env.halt_the_key()
    env.order()
    env.wait("the faults", lambda: {"order_in_doubt", "pos_down", "sending_halted"} <= codes(env))
    env.wait("the pause", lambda: env.kit.store_status.pause_owner(env.store) is not None)

    # The page follows by itself.
    expect(page.get_by_role("heading", level=1)).to_have_text("3 things need you now")
    titles = page.get_by_role("heading", level=2).all_inner_texts()
    assert [bool(re.search(word, title)) for word, title in zip(("order", "halted", "POS"), titles, strict=False)] == [
        True
    ] * 3

    # The order in doubt: it is in the POS.
    page.get_by_role("link", name="Settle this order").click()
    expect(page.get_by_role("heading", name="Nobody knows if the POS has this order")).to_be_visible()
    page.get_by_role("link", name="The POS has it").click()
    phone.act("It is in the POS", "I saw it in the POS", Number_of_the_ticket="T-4711")
    assert f"Order {order} is settled" in phone.said
    expect(page.locator("#said")).to_be_focused()
    expect(page.get_by_text("in the POS", exact=True).first).to_be_visible()

    # The halted key: it is valid again.
    page.get_by_role("link", name="Health", exact=True).click()
    page.get_by_role("link", name="See what waits, and try the key again").click()
    env.accept_the_key()
    page.get_by_role("link", name="Try the key again now").click()
    phone.act("Try it now", "the new key is set at Gett")
    expect(page.get_by_text("Gett takes updates.")).to_be_visible()

    # The POS is down: somebody has switched it on.
    page.get_by_role("link", name="Health", exact=True).click()
    page.get_by_role("link", name="See the store").click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    env.set_pos(StoreState.OPEN)
    expect(page.get_by_text("it works", exact=False).first).to_be_visible()
    env.wait("the end of the pause", lambda: env.kit.store_status.pause_owner(env.store) is None)

    page.get_by_role("link", name="Health", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(CALM)

    # Who did what, and why.
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Audit log").click()
    expect(page.locator("#audit > li")).to_contain_text(
        [re.compile("jo let Gett check the API key again"), re.compile("jo found the order in the POS")]
    )
    expect(page.locator("#audit")).to_contain_text("“I saw it in the POS”")


def test_an_action_needs_a_reason_and_keeps_what_was_typed(env: ConsoleEnv, phone: ConsolePage) -> None:
    page = phone.open("/store/pause?id=main").page
    page.get_by_label("How long").select_option(label="for 2 hours")
    page.get_by_role("button", name="Pause the store").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("How long")).to_have_value("120")
    phone.act("Pause the store", "the oven is broken", Reason_for_Gett="something does not work")
    assert "is paused for 2 hours" in phone.said
    page.reload()
    expect(page.locator("#said")).to_have_count(0)
    expect(page.get_by_text("paused by a person, jo (“the oven is broken”)")).to_be_visible()
    page.get_by_role("link", name="Resume").click()
    phone.act("Resume the store", "the oven works")
    expect(page.get_by_text("yes", exact=True)).to_be_visible()


def test_all_dead_letters_that_match_are_discarded_in_the_background(env: ConsoleEnv, phone: ConsolePage) -> None:
    for number in range(30):
        env.dead_letter(number, "order not found" if number % 2 else "status 500")
    page = phone.open("/dead-letters?why=order not found").page
    expect(page.get_by_role("heading", name="15 dead letters match the filter")).to_be_visible()
    page.get_by_role("link", name="Discard all…").click()
    expect(page.get_by_role("heading", name="Discard: 15 dead letters")).to_be_visible()
    phone.act("Discard 15", "these orders are from a test")
    expect(page.locator("main header .badge")).to_have_text("done")
    expect(page.get_by_text("15 discarded")).to_be_visible()
    phone.open("/dead-letters?why=status 500")
    expect(page.get_by_role("heading", name="15 dead letters match the filter")).to_be_visible()
    page.get_by_role("link", name=re.compile("Discard number")).first.click()
    phone.act("Discard", "out of date")
    phone.open("/dead-letters?why=status 500")
    expect(page.get_by_role("heading", name="14 dead letters match the filter")).to_be_visible()


def test_hostile_texts_are_shown_and_never_run(env: ConsoleEnv, phone: ConsolePage) -> None:
    env.kit.stores.add(Store("hostile", "00000000-0000-4000-8000-000000000001", "bogus", name=HOSTILE[:-1]))
    env.kit.store_status.pause("hostile", PauseReason.OTHER)
    env.kit.alerts.raise_once(Alert.DUPLICATE, HOSTILE, HOSTILE)
    env.dead_letter(999, HOSTILE, lane=f"order:{HOSTILE}")
    page = phone.page
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for path in ("/", "/stores", "/store?id=hostile", "/incidents", "/dead-letters", "/catalogs", "/audit"):
        phone.open(path)
        assert page.locator("img").count() == 0
    phone.open("/store/resume?id=hostile")
    expect(page.get_by_role("heading", level=1)).to_contain_text("{{7*7}}")
    phone.act("Resume the store", HOSTILE)
    phone.open("/audit?subject=hostile")
    expect(page.locator("#audit")).to_contain_text("<img src=x onerror=alert(1)>")
    env.kit.stores.remove("hostile")


def test_what_a_person_types_survives_a_refresh(env: ConsoleEnv, phone: ConsolePage) -> None:
    page = phone.open("/orders").page
    page.get_by_label("Find one order by any number").fill("half a num")
    page.evaluate("scrollTo(0, 40)")
    rows = page.locator("#orders > li")
    before = rows.count()
    order = env.order()
    expect(rows).to_have_count(before + 1)
    expect(page.get_by_label("Find one order by any number")).to_have_value("half a num")
    expect(page.get_by_label("Find one order by any number")).to_be_focused()
    page.get_by_label("Find one order by any number").fill(order)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Order")
    assert f"ref={order}" in page.url
    page.get_by_text("Other actions").click()
    expect(page.get_by_text("Gett took the update")).to_be_visible()  # the refreshed timeline
    expect(page.get_by_role("link", name="Its dead letters")).to_be_visible()


def test_everything_works_without_scripts(env: ConsoleEnv, browser: Browser) -> None:
    with console_page(browser, env.url, java_script_enabled=False) as phone:
        page = phone.log_in(path="/store?id=main").page
        expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
        page.get_by_role("link", name="Pause", exact=True).click()
        phone.act("Pause the store", "a test", How_long="for 30 minutes")
        expect(page.locator("time").first).to_have_text(re.compile("UTC$"))
        page.get_by_role("link", name="Resume").click()
        phone.act("Resume the store", "the test is over")
        page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Graphs").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The last 24 hours")


def test_times_are_in_the_zone_of_the_viewer(env: ConsoleEnv, browser: Browser) -> None:
    with console_page(browser, env.url, timezone_id="Asia/Tokyo") as phone:
        page = phone.log_in(path="/").page
        expect(page.get_by_text("Times are in your zone, Asia/Tokyo.")).to_be_visible()
        shown = page.locator("time.ago").first
        expect(shown).to_have_attribute("title", re.compile("GMT\\+9|JST"))


def test_a_page_by_keyboard(env: ConsoleEnv, browser: Browser) -> None:
    with console_page(browser, env.url, viewport={"width": 1280, "height": 800}) as desktop:
        page = desktop.log_in(path="/stores").page
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Name or id")).to_be_focused()
        page.keyboard.type("trattoria")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("q=trattoria"))
        page.locator("#stores a").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


def test_the_menu_of_a_phone_closes_with_escape(env: ConsoleEnv, phone: ConsolePage) -> None:
    menu = phone.page.locator("nav details")
    phone.page.get_by_text("More", exact=True).click()
    expect(menu).to_have_attribute("open", "")
    phone.page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")


_SMALL_LINKS = """() => [...document.querySelectorAll("main a")].filter((e) => e.checkVisibility())
  .filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 120))"""


def test_every_link_is_large_enough_for_a_thumb(env: ConsoleEnv, phone: ConsolePage) -> None:
    order = env.order()
    for number in range(3):
        env.dead_letter(1000 + number, "too small for a thumb")
    env.kit.alerts.raise_once(Alert.DUPLICATE, order, "a test")
    for path in (
        "/",
        "/orders",
        f"/order?ref={order}",
        "/stores",
        "/store?id=main",
        "/catalogs",
        "/catalog?id=main",
        "/dead-letters",
        "/alerts",
        "/sending",
        "/graphs",
        "/onboarding",
        "/incidents",
        "/audit",
    ):
        page = phone.open(path).page
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        assert page.evaluate(_SMALL_LINKS) == [], path


def test_the_answers_of_a_pos_and_of_gett_are_both_in_view(env: ConsoleEnv, phone: ConsolePage) -> None:
    page = phone.open("/store?id=main").page
    for button, answer in (
        ("Ask the POS now", "#at-pos"),
        ("Ask Gett now", "#at-gett"),
        ("Ask the POS now", "#at-pos"),
    ):
        page.get_by_role("link", name=button).click()
        expect(page.locator(f"{answer}[data-asked]")).to_be_focused()
        bottom = page.locator(answer).evaluate("e => e.getBoundingClientRect().bottom")
        assert bottom < page.locator("body > nav").evaluate("e => e.getBoundingClientRect().top")
    expect(page.locator("#at-gett")).to_be_visible()


def test_a_long_number_of_a_ticket_is_shown_whole(env: ConsoleEnv, phone: ConsolePage) -> None:
    order = env.order_in_doubt()
    page = phone.open(f"/order/settle-placed?ref={order}").page
    field, shown = page.get_by_label("Number of the ticket"), page.locator("output[for=f-number]")
    field.fill("T-4711")
    expect(shown).to_have_text("")
    field.fill(f"{order}-{order}")
    expect(shown).to_have_text(f"{order}-{order}")
    phone.act("It is in the POS", "a test", Number_of_the_ticket="T-4711")


def test_times_have_24_hours_everywhere(env: ConsoleEnv, browser: Browser) -> None:
    env.order()
    with console_page(browser, env.url, locale="en-US") as phone:
        page = phone.log_in(path="/orders").page
        page.locator("#orders a").first.click()
        assert not re.search(r"\b[AP]M\b", page.locator("#timeline").inner_text())


def test_a_viewer_sees_no_action(env: ConsoleEnv, browser: Browser) -> None:
    with console_page(browser, env.url) as phone:
        page = phone.log_in("vi", "/store?id=main").page
        expect(page.get_by_role("link", name="Pause", exact=True)).to_have_count(0)
        phone.open("/dead-letters")
        expect(page.get_by_role("link", name=re.compile("Discard"))).to_have_count(0)


def test_a_page_says_that_the_session_has_ended(env: ConsoleEnv, phone: ConsolePage) -> None:
    phone.page.context.clear_cookies()
    expect(phone.page.locator("#stale")).to_contain_text("You are logged out")


def test_no_page_has_contact_data(env: ConsoleEnv, phone: ConsolePage, tmp_path: Path) -> None:
    secrets = {"firstName": "Zebulon", "phone": "+15550123456", "email": "zebulon@example.org"}
    order = env.order(customer=secrets)
    for path in ("/orders", f"/order?ref={order}", "/audit", "/sending", "/"):
        phone.open(path)
        assert not [secret for secret in secrets.values() if secret in phone.page.content()]
