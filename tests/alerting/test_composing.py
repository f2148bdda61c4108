"""Messages from records: links that the console serves, and no text of a vendor."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.alerting.composing import compose, console_link
from webhook_kit.alerting.message import AlertEvent
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings

RECORD = {
    "code": "order_in_doubt",
    "about": "order",
    "subject": "order-1",
    "store": "main",
    "why": "w",
    "opened": "1000",
}


def link(about: str, subject: str, **settings: object) -> str:
    return console_link(Settings.model_validate(settings), about, subject)


def test_a_link_is_made_when_the_address_of_the_console_is_known() -> None:
    known = {"console_url": "https://ops.example.org", "public_url": "https://pos.example.org"}
    assert link("order", "a/b?c=d&e", **known) == "https://ops.example.org/console/order?ref=a%2Fb%3Fc%3Dd%26e"
    assert link("worker", "sync", **known) == "https://ops.example.org/console/"
    on_web = {"console": True, "console_passwords": True, "public_url": "https://pos.example.org"}
    assert link("store", "\ud83d", **on_web) == "https://pos.example.org/console/store?id=%EF%BF%BD"
    assert link("order", "1", public_url="https://pos.example.org") == ""


@pytest.mark.parametrize(("about", "subject"), [("store", "main"), ("order", "order-1"), ("worker", "sync")])
def test_the_console_serves_the_pages_of_the_links(
    about: str, subject: str, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhook_kit.console.users._METHOD", "scrypt:1024:8:1")
    kit = make_kit(console_passwords=True)
    kit.redis.hset(
        kit.keys.order("order-1"),
        mapping={"ref": "order-1", "state": "refused", "created": "1", "updated": "1", "store": "main"},
    )
    browser = ConsoleClient(kit)
    browser.log_in()
    parts = urlsplit(console_link(Settings(console_url="https://ops.example.org"), about, subject))
    assert browser.get(f"{parts.path.removeprefix('/console')}?{parts.query}").status_code == 200


def test_only_texts_of_the_kit_are_in_a_message() -> None:
    def detail(code: str) -> str:
        return compose(Settings(), "id", RECORD | {"code": code, "why": "Jane Doe"}, AlertEvent.OPENED, 1, 2.0).detail

    assert detail("order_in_doubt") == "Jane Doe"  # the kit writes this one
    for code in ("order_not_cancelled", "order_unknown_at_gett", "catalog_not_published", "onboarding_failed", "newer"):
        assert detail(code) == ""
