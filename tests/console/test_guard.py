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
def test_another_site_can_neither_log_in_nor_out(console: ConsoleClient, headers: dict[str, str]) -> None:
    console.log_in()
    assert console.post("/login", {"name": "jo", "password": PASSWORD}, **headers).status_code == 403
    assert console.post("/logout", {}, **headers).status_code == 403
    assert console.get().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "same-origin", "Origin": ""},
        {"Sec_Fetch_Site": "same-origin", "Origin": "null"},  # Firefox, from a page without a referrer
    ],
)
def test_a_page_of_the_console_can(console: ConsoleClient, headers: dict[str, str]) -> None:
    console.log_in()
    assert console.post("/logout", {}, **headers).status_code == 303
    assert console.get().status_code == 303


def test_the_origin_is_that_of_the_configured_address(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console(console_url="http://ops.example.org:8080")
    form = {"name": "jo", "password": "wrong"}
    assert "from a page of the console" in console.post("/login", form, Origin=ORIGIN).text
    assert "password is wrong" in console.post("/login", form, Origin="http://ops.example.org:8080").text


def test_a_form_needs_the_token_of_its_session(console: ConsoleClient) -> None:
    console.log_in()
    token = console.form_token()
    assert console.post("/", {}).status_code == 403
    assert console.post("/", {"csrf_token": token[:-1]}).status_code == 403
    assert console.post("/", {"csrf_token": "é"}).status_code == 403
    assert console.post("/", {"csrf_token": token}).status_code == 405  # let in; the page takes no forms
    assert console.post("/", {}, X_CSRF_Token=token).status_code == 405
    console.log_in("al")
    assert console.post("/", {"csrf_token": token}).status_code == 403  # of another session


def test_a_viewer_changes_nothing(console: ConsoleClient, events: list[MutableMapping[str, Any]]) -> None:
    console.log_in(role=Role.VIEWER)
    answer = console.post("/", {"csrf_token": console.form_token()})
    assert (answer.status_code, "viewers change nothing" in answer.text) == (403, True)
    assert [event["actor"] for event in events if event["event"] == "console_request_refused"] == ["jo"]


def test_nobody_learns_which_pages_there_are(console: ConsoleClient) -> None:
    assert console.get("/no-such-page").status_code == 303
    assert console.post("/no-such-page", {}).status_code == 401
    console.log_in()
    assert console.get("/no-such-page").status_code == 404


@pytest.mark.parametrize("path", ["/login", "/", "/no-such-page", "/static/console.css"])
def test_every_answer_has_the_headers(console: ConsoleClient, path: str) -> None:
    with console.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_over_https_no_address_leaves_a_page(make_console: Callable[..., ConsoleClient]) -> None:
    answer = make_console(console_url="https://ops.example.org").get("/login")
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_an_unchanged_page_is_not_sent_again(console: ConsoleClient) -> None:
    console.log_in()
    tag = console.get().headers["ETag"]
    again = console.get(headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["Cache-Control"]) == (304, b"", "no-store")


def test_only_a_person_keeps_a_session_alive(console: ConsoleClient) -> None:
    console.log_in()
    redis, keys = console.kit.redis, console.kit.keys
    (session,) = redis.keys(f"{keys.prefix}console-session:*")
    redis.expire(session, 100)
    console.get(headers={"X-Console-Poll": "1"})
    assert redis.ttl(session) <= 100
    console.get()
    assert redis.ttl(session) > 1_000


def test_a_session_ends_after_its_limit(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console()
    console.log_in()
    console.kit.settings.console_session_limit = 60
    limited = ConsoleClient(console.kit)
    limited.use_cookie(console.cookie)
    assert limited.get().status_code == 200
    redis, keys = console.kit.redis, console.kit.keys
    (session,) = redis.keys(f"{keys.prefix}console-session:*")
    record = json.loads(redis.get(session) or b"")
    redis.set(session, json.dumps(record | {"began": record["began"] - 61}))
    assert limited.get().status_code == 303
    assert not redis.exists(session)
