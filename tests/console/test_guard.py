"""Requests that the console refuses, and the headers of every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.console.console_client import ORIGIN, PASSWORD, ConsoleClient
from webhook_kit.operations.actor import Role


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://[::bad"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
    ],
)
def test_another_site_can_neither_log_in_nor_out(browser: ConsoleClient, headers: dict[str, str]) -> None:
    browser.log_in()
    assert browser.post("/login", {"name": "jo", "password": PASSWORD}, **headers).status_code == 403
    assert browser.post("/logout", {}, **headers).status_code == 403
    assert browser.get().status_code == 200


def test_the_origin_is_that_of_the_configured_address(make_browser: Callable[..., ConsoleClient]) -> None:
    browser = make_browser(console_url="http://ops.example.org:8080")
    form = {"name": "jo", "password": "wrong"}
    assert "from a page of the console" in browser.post("/login", form, Origin=ORIGIN).text
    assert "password is wrong" in browser.post("/login", form, Origin="http://ops.example.org:8080").text


def test_a_form_needs_the_token_of_its_session(browser: ConsoleClient) -> None:
    browser.log_in()
    token = browser.form_token()
    assert browser.post("/", {}).status_code == 403
    assert browser.post("/", {"csrf_token": token[:-1]}).status_code == 403
    assert browser.post("/", {"csrf_token": "é"}).status_code == 403
    assert browser.post("/", {"csrf_token": token}).status_code == 405  # let in; the page takes no forms
    assert browser.post("/", {}, X_CSRF_Token=token).status_code == 405
    browser.log_in("al")
    assert browser.post("/", {"csrf_token": token}).status_code == 403  # of another session


def test_a_viewer_changes_nothing(browser: ConsoleClient, events: list[MutableMapping[str, Any]]) -> None:
    browser.log_in(role=Role.VIEWER)
    answer = browser.post("/", {"csrf_token": browser.form_token()})
    assert (answer.status_code, "viewers change nothing" in answer.text) == (403, True)
    assert [event["actor"] for event in events if event["event"] == "console_request_refused"] == ["jo"]


def test_nobody_learns_which_pages_there_are(browser: ConsoleClient) -> None:
    assert browser.get("/no-such-page").status_code == 303
    assert browser.post("/no-such-page", {}).status_code == 401
    browser.log_in()
    assert browser.get("/no-such-page").status_code == 404


@pytest.mark.parametrize("path", ["/login", "/", "/no-such-page", "/static/console.css"])
def test_every_answer_has_the_headers(browser: ConsoleClient, path: str) -> None:
    with browser.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_an_unchanged_page_is_not_sent_again(browser: ConsoleClient) -> None:
    browser.log_in()
    tag = browser.get().headers["ETag"]
    again = browser.get(headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["Cache-Control"]) == (304, b"", "no-store")


def test_only_a_person_keeps_a_session_alive(browser: ConsoleClient) -> None:
    browser.log_in()
    redis, keys = browser.kit.redis, browser.kit.keys
    (session,) = redis.keys(f"{keys.prefix}console-session:*")
    redis.expire(session, 100)
    browser.get(headers={"X-Console-Poll": "1"})
    assert redis.ttl(session) <= 100
    browser.get()
    assert redis.ttl(session) > 1_000


def test_a_session_ends_after_its_limit(make_browser: Callable[..., ConsoleClient]) -> None:
    browser = make_browser()
    browser.log_in()
    browser.kit.settings.console_session_limit = 60
    limited = ConsoleClient(browser.kit)
    limited.use_cookie(browser.cookie)
    assert limited.get().status_code == 200
    redis, keys = browser.kit.redis, browser.kit.keys
    (session,) = redis.keys(f"{keys.prefix}console-session:*")
    record = json.loads(redis.get(session) or b"")
    redis.set(session, json.dumps(record | {"began": record["began"] - 61}))
    assert limited.get().status_code == 303
    assert not redis.exists(session)
