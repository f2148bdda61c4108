"""Log-in with a password, and log-out."""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.console.console_client import PASSWORD, ConsoleClient
from webhook_kit.console.sessions import ConsoleSessions
from webhook_kit.console.throttle import LoginThrottle
from webhook_kit.console.users import ConsoleUsers
from webhook_kit.operations.actor import Role
from webhook_kit.testing.processes import PATIENCE


def test_a_page_leads_to_the_log_in_and_back(console: ConsoleClient) -> None:
    asked = console.get("/?x=1")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/console/login?next=/?x%3D1")
    answer = console.log_in(target="/?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/?x=1")
    assert "jo (operator)" in console.get().text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(console: ConsoleClient) -> None:
    cookie = console.log_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # http


def test_the_cookie_is_secure_behind_https(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console(console_url="https://ops.example.org")
    ConsoleUsers(console.kit.redis, console.kit.keys).add("jo", PASSWORD, Role.VIEWER)
    answer = console.post("/login", {"name": "jo", "password": PASSWORD}, Origin="https://ops.example.org")
    assert answer.headers["Set-Cookie"].startswith("__Host-console=")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_proxy_in_front_says_that_browsers_use_https(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console(console_trusted_proxies=1)
    ConsoleUsers(console.kit.redis, console.kit.keys).add("jo", PASSWORD, Role.VIEWER)
    form = {"name": "jo", "password": PASSWORD}
    answer = console.post("/login", form, Origin="https://localhost", X_Forwarded_Proto="https")
    assert "; Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("name", "password"), [("jo", "wrong"), ("nobody", PASSWORD), ("", ""), ("jo\ud800", "\udfff")]
)
def test_wrong_names_and_passwords_look_alike(
    console: ConsoleClient, events: list[MutableMapping[str, Any]], name: str, password: str
) -> None:
    ConsoleUsers(console.kit.redis, console.kit.keys).add("jo", PASSWORD, Role.VIEWER)
    answer = console.post("/login", _encodable({"name": name, "password": password}))
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert "The name or the password is wrong." in answer.text
    assert [event["event"] for event in events if event["event"] == "console_login_failed"]
    assert PASSWORD not in str(events)


def test_a_session_gets_a_new_id_at_log_in(console: ConsoleClient) -> None:
    console.log_in()
    first = console.cookie
    console.log_in("al")
    assert console.cookie != first
    console.use_cookie(first)  # the old session has ended
    assert console.get().status_code == 303


def test_a_cookie_that_somebody_planted_is_no_session(console: ConsoleClient) -> None:
    console.use_cookie("planted")
    console.log_in()
    assert console.cookie != "planted"


def test_a_replayed_cookie_is_of_no_use_after_log_out(console: ConsoleClient) -> None:
    console.log_in()
    cookie = console.cookie
    assert console.post("/logout", {}).status_code == 303
    assert console.cookie == ""
    console.use_cookie(cookie)
    assert console.get().status_code == 303


@pytest.mark.parametrize("wrong", ["x", "a.b", "é.é", "x" * 3_000, ""])
def test_a_cookie_that_was_not_issued_is_no_log_in(console: ConsoleClient, wrong: str) -> None:
    console.use_cookie(wrong)
    assert console.get().status_code == 303


def test_a_role_is_not_in_the_cookie(console: ConsoleClient) -> None:
    console.log_in(role=Role.VIEWER)
    id, _, signature = console.cookie.rpartition(".")
    console.use_cookie(f"{id}operator.{signature}")
    assert console.get().status_code == 303


@pytest.mark.parametrize("change", ["removed", "role", "password", "logged out", "passwords are off"])
def test_a_change_of_the_user_ends_its_sessions(console: ConsoleClient, change: str) -> None:
    console.log_in()
    kit = console.kit
    users = ConsoleUsers(kit.redis, kit.keys)
    assert console.get().status_code == 200
    if change == "removed":
        users.remove("jo")
    elif change == "role":
        users.add("jo", PASSWORD, Role.VIEWER)
    elif change == "password":
        users.add("jo", PASSWORD + "!", Role.OPERATOR)
    elif change == "logged out":
        ConsoleSessions(kit.redis, kit.keys, kit.settings).end_all("jo")
    else:
        kit.settings.console_passwords = False
    assert console.get().status_code == 303


def test_a_user_who_was_logged_out_can_log_in_again(console: ConsoleClient) -> None:
    ConsoleSessions(console.kit.redis, console.kit.keys, console.kit.settings).end_all("jo")
    console.log_in()
    assert console.get().status_code == 200


def test_attempts_for_a_name_are_limited_even_with_the_right_password(console: ConsoleClient) -> None:
    ConsoleUsers(console.kit.redis, console.kit.keys).add("jo", PASSWORD, Role.VIEWER)
    for _ in range(10):
        assert console.post("/login", {"name": "jo", "password": "wrong"}).status_code == 403
    refused = console.post("/login", {"name": "JO", "password": PASSWORD})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    LoginThrottle(console.kit.redis, console.kit.keys).allow("jo")
    assert console.log_in().status_code == 303


def test_attempts_of_an_address_are_limited(console: ConsoleClient) -> None:
    answers = [console.post("/login", {"name": f"n{each}", "password": "x"}).status_code for each in range(22)]
    assert answers == [403] * 20 + [429] * 2


def test_many_log_ins_at_once_leave_threads_for_orders(console: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook_kit.console.users._places", threading.BoundedSemaphore(1))
    ConsoleUsers(console.kit.redis, console.kit.keys).add("jo", PASSWORD, Role.VIEWER)
    checking, end = threading.Event(), threading.Event()

    def check(_stored: str, _password: str) -> bool:
        checking.set()
        return end.wait(PATIENCE)

    monkeypatch.setattr("webhook_kit.console.users.check_password_hash", check)
    form = {"name": "jo", "password": PASSWORD}
    with ThreadPoolExecutor(1) as other:
        first = other.submit(ConsoleClient(console.kit).post, "/login", form)
        assert checking.wait(PATIENCE)
        assert console.post("/login", form).status_code == 503
        end.set()
        assert first.result().status_code == 303
    assert console.post("/login", form).status_code == 303


def test_nobody_logs_in_without_redis(make_console: Callable[..., ConsoleClient]) -> None:
    console = make_console(redis_url="redis://127.0.0.1:1/0")
    answer = console.post("/login", {"name": "jo", "password": PASSWORD})
    assert answer.status_code == 503
    assert "Redis cannot be reached" in answer.text
    console.use_cookie(
        ConsoleSessions(console.kit.redis, console.kit.keys, console.kit.settings)._signer.sign("x").decode()
    )
    assert console.get().status_code == 503


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "\\\\evil", "/\t/evil.example", "javascript:alert(1)",
     "/x\r\nSet-Cookie: a=b", "/../../placeOrder", "/" + "a" * 5_000, "/é", "evil.example"],
)  # fmt: skip
def test_a_log_in_leads_nowhere_else(console: ConsoleClient, target: str) -> None:
    assert console.log_in(target=target).headers["Location"] == "/console/"


def test_what_was_typed_is_shown_as_text(console: ConsoleClient) -> None:
    attack = '"><script>alert(1)</script>'
    shown = console.post("/login", {"name": attack, "password": attack, "next": attack}).text
    assert "<script>" not in shown
    assert "<script>" not in console.get("/login", query_string={"next": attack}).text


def test_a_form_that_is_too_large_is_refused(console: ConsoleClient) -> None:
    assert console.post("/login", {"name": "x" * 100_000, "password": "x"}).status_code == 413


def _encodable(form: dict[str, str]) -> dict[str, Any]:
    return {name: value.encode("utf-8", "surrogatepass") for name, value in form.items()}
