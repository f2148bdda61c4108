"""Log-in with an OpenID provider: a real one, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.console_client import ConsoleClient
from tests.console.openid_env import authorize as at_provider_as
from tests.console.openid_env import open_id_provider
from tests.tcp_server import FakeServer, Serve, responding

CALLBACK = "http://localhost/console/login/oidc/callback"
CLAIMS: dict[str, dict[str, Any]] = {
    "nobody": {},
    "jo": {"email": "jo@example.org", "email_verified": True, "groups": ["kitchen"]},
    "al": {"email": "al@example.org", "email_verified": True, "groups": ["on-call", 7, None]},
    "liar": {"email": "jo@example.org", "email_verified": False},
    "poser": {"email": "group:on-call", "email_verified": True},
    "script": {"email": "<script>alert(1)</script>@example.org", "email_verified": True},
    "late": {"email": "jo@example.org", "email_verified": True, "userinfo only": ["email", "email_verified"]},
    "other": {"sub": "somebody else", "email": "jo@example.org", "userinfo only": ["sub", "email"]},
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_id_provider(tmp_path_factory.mktemp("provider"), CALLBACK, CLAIMS) as issuer:
        yield issuer


@pytest.fixture
def at_provider(provider: str, make_console: Callable[..., ConsoleClient]) -> Callable[..., ConsoleClient]:
    def make(**changes: Any) -> ConsoleClient:
        settings = {
            "console_passwords": False,
            "console_url": "http://localhost",
            "console_oidc_issuer": provider,
            "console_oidc_client_id": "console",
            "console_oidc_client_secret": "client secret",
            "console_operators": ["JO@example.org"],
            "console_viewers": ["group:on-call"],
        }
        return make_console(**settings | changes)

    return make


def authorize(console: ConsoleClient, user: str, target: str = "") -> str:
    """Begin, log in at the provider, and return the path and query to which it sends the console."""
    begun = console.get("/login/oidc", query_string={"next": target})
    assert begun.status_code == 303, begun.text
    back = urlsplit(at_provider_as(begun.headers["Location"], user))
    assert back.path == "/console/login/oidc/callback"
    return f"/login/oidc/callback?{back.query}"


def test_a_listed_address_is_an_operator(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    assert "/console/login/oidc?" in console.get("/login?next=/orders").text
    answer = console.get(authorize(console, "jo", "/orders?x=1"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/orders?x=1")
    assert "jo@example.org (operator)" in console.get().text


def test_a_listed_group_is_a_viewer(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    console.get(authorize(console, "al"))
    assert "al@example.org (viewer)" in console.get().text


def test_claims_may_come_from_the_user_info(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    console.get(authorize(console, "late"))
    assert "jo@example.org (operator)" in console.get().text


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("nobody", "may not use this console"),
        ("liar", "may not use this console"),  # the provider has not verified the address
        ("poser", "may not use this console"),
        ("script", "&lt;script&gt;"),
        ("other", "about somebody else"),
    ],
)
def test_nobody_else_is_let_in(
    at_provider: Callable[..., ConsoleClient], events: list[MutableMapping[str, Any]], user: str, said: str
) -> None:
    console = at_provider()
    answer = console.get(authorize(console, user))
    assert (answer.status_code, said in answer.text, console.cookie) == (403, True, "")
    assert "<script>" not in answer.text
    assert [event for event in events if event["event"] == "console_login_failed"]


def test_pkce_state_and_nonce_are_sent(at_provider: Callable[..., ConsoleClient]) -> None:
    query = parse_qs(urlsplit(at_provider().get("/login/oidc").headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert len({query["state"][0], query["nonce"][0], query["code_challenge"][0]}) == 3
    assert query["redirect_uri"] == [CALLBACK]


def test_an_answer_is_for_the_browser_that_began(at_provider: Callable[..., ConsoleClient]) -> None:
    console, victim = at_provider(), at_provider()
    back = authorize(console, "jo")
    assert victim.get(back).status_code == 403  # without a cookie
    victim.get("/login/oidc")
    assert victim.get(back).status_code == 403  # with that of another log-in
    assert victim.cookie == ""


def test_a_code_is_of_use_once(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    back = authorize(console, "jo")
    state = console.http.get_cookie("console-oidc")
    assert state
    assert console.get(back).status_code == 303
    console.http.delete_cookie("console")
    console.http.set_cookie("console-oidc", state.value)
    answer = console.get(back)
    assert (answer.status_code, "invalid_grant" in answer.text) == (403, True)


def test_a_code_of_another_verifier_is_refused_by_the_provider(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    code = parse_qs(urlsplit(authorize(console, "jo")).query)["code"][0]
    state = parse_qs(urlsplit(authorize(console, "jo")).query)["state"][0]
    answer = console.get("/login/oidc/callback", query_string={"code": code, "state": state})
    assert (answer.status_code, "invalid_grant" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "query",
    [{}, {"error": "access_denied", "error_description": "<script>"}, {"code": "x" * 9_000}, {"state": "é\ud800"}],
)
def test_a_strange_answer_is_no_log_in(at_provider: Callable[..., ConsoleClient], query: dict[str, str]) -> None:
    console = at_provider()
    begun = parse_qs(urlsplit(console.get("/login/oidc").headers["Location"]).query)
    sent = {
        name: value.encode("utf-8", "surrogatepass") for name, value in ({"state": begun["state"][0]} | query).items()
    }
    answer = console.get("/login/oidc/callback", query_string=sent)
    assert (answer.status_code, "<script>" in answer.text) == (403, False)


def test_a_user_who_left_the_list_loses_the_session(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider()
    console.get(authorize(console, "jo"))
    assert console.get().status_code == 200
    console.kit.settings.console_operators = []
    later = ConsoleClient(console.kit)
    later.use_cookie(console.cookie)
    assert later.get().status_code == 303


def test_a_wrong_secret_is_named(at_provider: Callable[..., ConsoleClient]) -> None:
    console = at_provider(console_oidc_client_secret="wrong")
    answer = console.get(authorize(console, "jo"))
    assert (answer.status_code, "invalid_client" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.0 500 x\r\n\r\n", b"HTTP/1.0 200 x\r\n\r\n[]", b"HTTP/1.0 200 x\r\n\r\n{}", b""]
)
def test_a_provider_that_is_broken_is_named(
    at_provider: Callable[..., ConsoleClient], start_server: Callable[[Serve], FakeServer], answer: bytes
) -> None:
    server = start_server(responding(answer))
    shown = at_provider(console_oidc_issuer=server.url).get("/login/oidc")
    assert shown.status_code == 503
    assert "provider" in shown.text
