"""Test environment of the console's pages: a kit as real processes, with planted faults, and a real browser."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect

from webhook_kit.adapter import StoreState
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.metrics.flush import QUOTA_USED, WAITING
from webhook_kit.operations.actor import Role
from webhook_kit.pos.store import Store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.stack import API_KEY, Stack

__all__ = ["NAME", "PASSWORD", "PHONE", "ConsoleEnv", "ConsolePage", "console_page"]

expect.set_options(timeout=1000 * PATIENCE)

NAME = "Trattoria Bogus"
PASSWORD = "correct horse battery"
_PRICES = {item_id: item.base_price for item_id, item in bogus_catalog().items.items()}
PHONE = {"width": 390, "height": 844}


class ConsoleEnv:
    """A context manager: web process with a console, worker, local Gett, and a POS that cannot be asked for orders."""

    in_doubt = ""

    def __init__(self, directory: Path) -> None:
        self.pos_file = directory / "pos.sqlite"
        self.stack = Stack(
            "webhook_kit.testing.bogus:BogusClaim",
            options={"file": str(self.pos_file)},
            env={
                "CONSOLE": "true",
                "CONSOLE_PASSWORDS": "true",
                "STORE_NAME": NAME,
                "HEALTH_CHECK_INTERVAL": "0.5",
                "PUBLIC_URL": "http://127.0.0.1:9",
                "ALLOW_PLAINTEXT_CREDENTIALS": "true",
                # No deadline strikes because the machine is busy.
                "POS_DEADLINE": "20",
            },
        )

    def __enter__(self) -> Self:
        self.stack.__enter__()
        self.kit = self.stack.kit()
        users = ConsoleUsers(self.kit.redis, self.kit.keys)
        users.add("jo", PASSWORD, Role.OPERATOR)
        users.add("vi", PASSWORD, Role.VIEWER)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kit.redis.connection_pool.disconnect()
        self.stack.close()

    @property
    def store(self) -> Store:
        return self.kit.stores.get("main")

    @property
    def url(self) -> str:
        return f"{self.stack.urls[0]}/console"

    # -- faults --------------------------------------------------------------------------------------------------------

    def order(self, item: str = "espresso", **members: Any) -> str:
        """Let Gett place an order for one item; return its id."""
        key = str(uuid4())
        self.stack.gett.place(
            {
                "fulfillmentType": "Pickup",
                "cart": {"lineItems": [{"lineItemId": "1", "itemId": item, "quantity": 1}]},
                "amounts": {"total": float(_PRICES[item])},
                "customer": {"firstName": key},
                **members,
            },
            key=key,
        )
        return self.stack.gett.order_ids[key]

    def order_in_doubt(self) -> str:
        """Let Gett place an order to which the POS does not answer; return its id."""
        return self.order("reply-lost")

    def dead_letter(self, number: int, why: str, lane: str = "") -> None:
        """Plant a dead letter."""
        at = int(1000 * time.time())
        letter = {"id": str(10_000 + number), "lane": lane or f"order:D-{number}", "store": "main", "why": why}
        more = {"body": {"status": "confirmed"}, "status": 404, "at": at - 5_000, "dead_lettered": at - number}
        self.kit.redis.hset(self.kit.keys.dead_letters, letter["id"], json.dumps(letter | more))
        self.kit.redis.zadd(self.kit.keys.dead_letter_times, {letter["id"]: at - number})

    def plant_day(self) -> None:
        """Plant the figures of a day, by the names that :mod:`webhook_kit.operations.series` reads."""
        for begin, _ in self.kit.metrics.slots(289):
            hour = begin % 86_400 / 3600
            busy = math.exp(-((hour - 12.5) ** 2) / 3) + 1.6 * math.exp(-((hour - 19) ** 2) / 5)
            noise = (begin // 300 * 7919 % 13) / 13
            placed = round(22 * busy + 3 * noise)
            figures: dict[Any, Any] = {
                "placed": placed,
                "refused|ITEM_UNAVAILABLE": round(2 * busy * noise),
                "refused|STORE_CLOSED": round(1.5 * noise) if hour < 9 else 0,
                "placeOrder|0.25": placed,
                "placeOrder|0.5": round(placed * (0.04 + 0.06 * noise)),
                "pos|0.25": placed,
                "pos|1": round(placed * (0.03 + 0.05 * noise)),
                QUOTA_USED: round(38 * busy + 6 * noise),
                WAITING: round(9 * busy * noise),
            }
            self.kit.redis.hset(self.kit.keys.metrics_slot(str(begin)), mapping=figures)

    def halt_the_key(self) -> None:
        """Let Gett refuse the API key."""
        self.stack.gett.context.api_key = "another"

    def accept_the_key(self) -> None:
        self.stack.gett.context.api_key = API_KEY

    def set_pos(self, state: StoreState) -> None:
        BogusAdapter.set_state(self.pos_file, "main", state)

    def wait(self, what: str, condition: Any) -> Any:
        return wait_until(condition, message=what)


class ConsolePage:
    """A page of the browser, in a new profile; errors of the page, violations of the policy among them, are collected."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.kind = ""
        self.errors: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # The browser reports each status from 400 on, which is an answer that a test has asked for.
        if kind == "error" and not re.match(r"Failed to load resource: the server responded with a status of 4", text):
            self.errors.append(text)

    def log_in(self, name: str = "jo", path: str = "/") -> Self:
        self.page.goto(self.url + path)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("navigation", name="Console").wait_for()
        return self

    def open(self, path: str) -> Self:
        self.page.goto(self.url + path)
        self.page.locator("main h1").wait_for()
        return self

    def act(self, button: str, why: str, **fields: str) -> None:
        """Fill the page of an action and press its button; wait until it says what happened."""
        for label, value in fields.items():
            field = self.page.get_by_label(label.replace("_", " "))
            if field.evaluate("e => e.localName") == "select":
                field.select_option(label=value)
            else:
                field.fill(value)
        self.page.get_by_label("Why?").fill(why)
        self.page.get_by_role("button", name=button).click()
        self.page.locator("#said").wait_for()

    @property
    def said(self) -> str:
        return self.page.locator("#said").inner_text()


@contextmanager
def console_page(browser: Browser, url: str, **options: Any) -> Iterator[ConsolePage]:
    """Open a page in a new profile; it must run without errors."""
    context = browser.new_context(**{"viewport": PHONE, "color_scheme": "light", "locale": "en-GB", **options})
    page = ConsolePage(context.new_page(), url)
    yield page
    context.close()
    assert page.errors == []
