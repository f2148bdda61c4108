"""Users whom an authenticating proxy names in a header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.console.console_client import ORIGIN, ConsoleClient
from webhook_kit.operations.audit import list_audit

SECRET = "proxy secret"


@pytest.fixture
def behind_proxy(make_console: Callable[..., ConsoleClient]) -> Callable[..., ConsoleClient]:
    settings = {
        "console_passwords": False,
        "console_proxy_header": "X-Forwarded-User",
        "console_proxy_groups_header": "X-Forwarded-Groups",
        "console_proxy_secret": [SECRET],
        "console_operators": ["jo@example.org", "group:on-call"],
        "console_viewers": ["al"],
    }
    return lambda **changes: make_console(**settings | changes)


def sent(**changes: str) -> dict[str, str]:
    headers = {"X-Forwarded-User": "jo@example.org", "X-Console-Proxy-Secret": SECRET}
    return {
        name: value for name, value in (headers | {n.replace("_", "-"): v for n, v in changes.items()}).items() if value
    }


def test_the_proxy_names_the_user(behind_proxy: Callable[..., ConsoleClient]) -> None:
    console = behind_proxy()
    assert "jo@example.org (operator)" in console.get(headers=sent()).text
    assert "al (viewer)" in console.get(headers=sent(X_Forwarded_User="al")).text
    in_group = console.get(headers=sent(X_Forwarded_User="di", X_Forwarded_Groups="a, on-call"))
    assert "di (operator)" in in_group.text
    log_ins = [(entry.who, entry.action) for entry in list_audit(console.kit).entries]
    assert sorted(log_ins) == [("al", "log_in"), ("di", "log_in"), ("jo@example.org", "log_in")]
    console.get(headers=sent())
    assert len(list_audit(console.kit).entries) == 3  # not one for each request


@pytest.mark.parametrize(
    "forged",
    [
        {"X_Console_Proxy_Secret": ""},
        {"X_Console_Proxy_Secret": "proxy secre"},
        {"X_Console_Proxy_Secret": "é"},
        {"X_Forwarded_User": "mallory,jo@example.org"},
        {"X_Forwarded_User": "mallory,di", "X_Forwarded_Groups": "on-call"},
        {"X_Forwarded_User": "x" * 300, "X_Forwarded_Groups": "on-call"},
        {"X_Forwarded_User": "mallory"},
        {"X_Forwarded_User": "group:on-call"},
        {"X_Forwarded_User": "mallory", "X_Forwarded_Groups": "oncall,,On-Call2"},
    ],
)
def test_a_forged_or_unknown_user_is_refused(
    behind_proxy: Callable[..., ConsoleClient], forged: dict[str, str]
) -> None:
    answer = behind_proxy().get(headers=sent(**forged))
    assert answer.status_code == 403


def test_without_the_header_there_is_no_way_in(behind_proxy: Callable[..., ConsoleClient]) -> None:
    console = behind_proxy()
    assert console.get().status_code == 303
    assert "organisation's proxy" in console.get("/login").text


@pytest.mark.parametrize(
    ("addresses", "peer", "status"),
    [
        (["10.0.0.0/8"], "10.1.2.3", 200),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", 200),
        (["fd00::/8"], "fd00::1", 200),
        (["10.0.0.0/8"], "11.1.2.3", 403),
        (["10.0.0.0/8"], "", 403),
    ],
)
def test_the_proxy_may_be_known_by_its_address(
    behind_proxy: Callable[..., ConsoleClient], addresses: list[str], peer: str, status: int
) -> None:
    console = behind_proxy(console_proxy_secret=[], console_proxy_addresses=addresses)
    headers = sent(X_Console_Proxy_Secret="")
    assert console.get(headers=headers, environ_base={"REMOTE_ADDR": peer}).status_code == status


def test_an_address_that_a_header_names_is_not_the_proxys(behind_proxy: Callable[..., ConsoleClient]) -> None:
    console = behind_proxy(console_proxy_secret=[], console_proxy_addresses=["10.0.0.1"], console_trusted_proxies=1)
    headers = sent(X_Console_Proxy_Secret="", X_Forwarded_For="10.0.0.1")
    assert console.get(headers=headers, environ_base={"REMOTE_ADDR": "11.0.0.1"}).status_code == 403
    assert console.get(headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"}).status_code == 200


def test_a_form_behind_a_proxy_needs_a_token_too(behind_proxy: Callable[..., ConsoleClient]) -> None:
    console = behind_proxy()
    shown = console.get(headers=sent()).text
    token = shown.partition('name="csrf_token" value="')[2].partition('"')[0]

    def post(headers: dict[str, str], **form: Any) -> int:
        return console.http.post("/console/", data=form, headers={"Origin": ORIGIN} | headers).status_code

    assert post(sent(), csrf_token=token) == 405
    assert post(sent()) == 403
    assert post(sent(Origin="https://evil.example"), csrf_token=token) == 403
    assert post(sent(X_Forwarded_User="di", X_Forwarded_Groups="on-call"), csrf_token=token) == 403


def test_a_name_is_shown_as_text(behind_proxy: Callable[..., ConsoleClient]) -> None:
    name = "<script>alert(1)</script>"
    shown = behind_proxy(console_operators=[name]).get(headers=sent(X_Forwarded_User=name)).text
    assert "&lt;script&gt;alert(1)" in shown
    assert name not in shown
