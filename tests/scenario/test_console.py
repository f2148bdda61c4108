"""The console in real processes: in the web server, alone, and with a real OpenID provider."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser

from tests.console.openid_env import authorize, open_id_provider
from tests.tcp_server import FakeServer, Serve, responding
from webhook_kit.testing.processes import PATIENCE, Process, free_port
from webhook_kit.testing.redis_server import RedisServer

PASSWORD = "correct horse battery"
PROXY_SECRET = "proxy secret"
CLI = [sys.executable, "-m", "webhook_kit.cli"]

Start = Callable[..., str]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def env(redis: RedisServer) -> dict[str, str]:
    return {
        "REDIS_URL": redis.url,
        "GETT_WEBHOOK_SECRETS": "whsec_test",
        "POS_ADAPTER": "bogus",
        "GETT_STORE_ID": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
        "STORE_OPTIONS": "{}",
    }


@pytest.fixture
def start(env: dict[str, str]) -> Iterator[Start]:
    """``start("console", "serve", CONSOLE_PASSWORDS="true")``: the address of a server."""
    started: list[Process] = []

    def serve(*command: str, port: int = 0, **settings: str) -> str:
        port = port or free_port()
        arguments = [*CLI, *command, "--port", str(port), "--workers", "1", "--threads", "4"]
        started.append(Process(arguments, env=env | settings).start())
        started[-1].wait_http(f"http://127.0.0.1:{port}/healthz")
        return f"http://127.0.0.1:{port}"

    yield serve
    for process in started:
        process.terminate()


def run(env: dict[str, str], *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        env=os.environ | env,
        input=input,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def log_in(address: str, session: requests.Session, name: str = "jo") -> requests.Response:
    form = {"name": name, "password": PASSWORD, "next": "/"}
    return session.post(f"{address}/console/login", data=form, headers={"Origin": address}, timeout=PATIENCE)


def test_a_session_lives_in_every_process_and_ends_in_all(env: dict[str, str], start: Start) -> None:
    web = start("serve", CONSOLE="true", CONSOLE_PASSWORDS="true")
    alone = start("console", "serve", CONSOLE_PASSWORDS="true")
    assert run(env, "console", "add-user", "jo", "--role", "operator", input=PASSWORD).returncode == 0
    session, other = requests.Session(), requests.Session()
    assert session.get(f"{web}/console/", timeout=PATIENCE).url.startswith(f"{web}/console/login")
    assert "jo" in log_in(web, session).text
    cookie = session.cookies["console"]
    assert requests.get(f"{alone}/", cookies={"console": cookie}, timeout=PATIENCE).url == f"{alone}/console/"
    out = session.post(f"{web}/console/logout", headers={"Origin": web}, timeout=PATIENCE)
    assert out.url.endswith("/console/login")
    for address in (web, alone):  # a copy of the cookie
        answer = requests.get(f"{address}/console/", cookies={"console": cookie}, timeout=PATIENCE)
        assert answer.url.startswith(f"{address}/console/login")
    assert "jo" in log_in(alone, other).text
    assert run(env, "console", "remove-user", "jo").returncode == 0
    assert other.get(f"{alone}/console/", timeout=PATIENCE).url.startswith(f"{alone}/console/login")


def test_keys_are_changed_without_logging_anybody_out(env: dict[str, str], start: Start) -> None:
    assert run(env, "console", "add-user", "jo", "--role", "viewer", input=PASSWORD).returncode == 0
    settings = {"CONSOLE_PASSWORDS": "true"}
    old, both, new = (
        start("console", "serve", CONSOLE_SESSION_KEYS=keys, **settings)
        for keys in ("old key", "new key,old key", "new key")
    )
    session = requests.Session()
    log_in(old, session)
    cookies = dict(session.cookies)
    assert requests.get(f"{both}/console/", cookies=cookies, timeout=PATIENCE).url == f"{both}/console/"
    assert "/login" in requests.get(f"{new}/console/", cookies=cookies, timeout=PATIENCE).url


def test_web_has_no_console_unless_it_is_asked_for(start: Start) -> None:
    web = start("serve", CONSOLE_PASSWORDS="true")
    assert requests.get(f"{web}/console/", timeout=PATIENCE).status_code == 404
    assert requests.get(f"{web}/console/login", timeout=PATIENCE).status_code == 404


@pytest.mark.parametrize(
    ("command", "settings", "said"),
    [
        (["serve"], {"CONSOLE": "true"}, "CONSOLE is set without a way to log in"),
        (["console", "serve"], {}, "the console has no way to log in"),
        (
            ["console", "serve"],
            {"CONSOLE_PASSWORDS": "true", "GETT_WEBHOOK_SECRETS": ""},
            "CONSOLE_SESSION_KEYS is not set",
        ),
    ],
)
def test_it_refuses_to_start_without_a_way_to_log_in(
    env: dict[str, str], command: list[str], settings: dict[str, str], said: str
) -> None:
    ended = run(env | settings, *command, "--port", str(free_port()), "--workers", "1")
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_forged_header_is_refused_whatever_its_spelling(start: Start) -> None:
    console = start(
        "console",
        "serve",
        CONSOLE_PROXY_HEADER="X-Forwarded-User",
        CONSOLE_PROXY_SECRET=PROXY_SECRET,
        CONSOLE_OPERATORS="jo@example.org",
    )
    address = f"{console}/console/"
    proxied = {"X-Forwarded-User": "jo@example.org", "X-Console-Proxy-Secret": PROXY_SECRET}
    assert "jo@example.org" in requests.get(address, headers=proxied, timeout=PATIENCE).text
    for secret in ("", "wrong"):
        forged = proxied | {"X-Console-Proxy-Secret": secret}
        assert requests.get(address, headers=forged, timeout=PATIENCE).status_code == 403
    underscored = {"X_Forwarded_User": "jo@example.org", "X_Console_Proxy_Secret": PROXY_SECRET}
    answer = requests.get(address, headers=underscored, timeout=PATIENCE)
    assert answer.url.startswith(f"{console}/console/login")
    twice = f"GET /console/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Console-Proxy-Secret: {PROXY_SECRET}\r\n"
    twice += "X-Forwarded-User: mallory\r\nX-Forwarded-User: jo@example.org\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(console.rpartition(":")[2])), timeout=PATIENCE) as connection:
        connection.sendall(twice.encode())
        assert b" 403 " in connection.makefile("rb").readline()


def test_a_provider_logs_people_in(start: Start, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    claims = {"nobody": {}, "jo": {"email": "jo@example.org", "email_verified": True}}
    with open_id_provider(tmp_path, f"{address}/console/login/oidc/callback", claims) as issuer:
        start(
            "console",
            "serve",
            port=port,
            CONSOLE_URL=address,
            CONSOLE_OIDC_ISSUER=issuer,
            CONSOLE_OIDC_CLIENT_ID="console",
            CONSOLE_OIDC_CLIENT_SECRET="client secret",
            CONSOLE_OPERATORS="jo@example.org",
        )
        for user, shown in (("jo", "jo@example.org"), ("nobody", "may not use this console")):
            session = requests.Session()
            begun = session.get(f"{address}/console/login/oidc?next=/", allow_redirects=False, timeout=PATIENCE)
            answer = session.get(authorize(begun.headers["Location"], user), timeout=PATIENCE)
            assert shown in answer.text


def test_a_program_uses_a_token(env: dict[str, str], start: Start) -> None:
    console = start("console", "serve", CONSOLE_PASSWORDS="true")
    token = run(env, "console", "add-token", "monitor", "--role", "viewer").stdout.strip()
    assert re.fullmatch(r"wkc_[\w-]{43}", token)
    api, headers = f"{console}/console/api/v1", {"Authorization": f"Bearer {token}"}
    found = requests.get(f"{api}/stores", headers=headers, timeout=PATIENCE)
    assert [store["store"]["id"] for store in found.json()["stores"]] == ["main"]
    pause = {"store_id": "main", "reason": "other"}
    assert requests.post(f"{api}/actions/pause_store", json=pause, headers=headers, timeout=PATIENCE).status_code == 403
    assert run(env, "console", "remove-token", "monitor").returncode == 0
    assert requests.get(f"{api}/stores", headers=headers, timeout=PATIENCE).status_code == 401


ATTACK = """<!doctype html><meta charset="utf-8"><title>attack</title>
<form method="post" action="{console}/login"><input name="name" value="jo"><input name="password" value="{password}"></form>
<form method="post" action="{console}/logout"></form>
<iframe src="{console}/login"></iframe>
<script>
  const at = new URLSearchParams(location.search).get("form");
  if (at) document.forms[at].submit();
</script>"""


def test_a_real_browser_refuses_what_other_origins_try(
    env: dict[str, str], start: Start, start_server: Callable[[Serve], FakeServer], browser: Browser
) -> None:
    """An origin of another port belongs to the same site: the browser sends its cookies, and the console has to refuse."""
    console = f"{start('console', 'serve', CONSOLE_PASSWORDS='true')}/console"
    assert run(env, "console", "add-user", "jo", "--role", "operator", input=PASSWORD).returncode == 0
    page_of_attacker = ATTACK.format(console=console, password=PASSWORD).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {len(page_of_attacker)}\r\n\r\n"
    attacker = start_server(responding(head.encode() + page_of_attacker)).url
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(1_000 * PATIENCE)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))

    with page.expect_navigation(url=f"{console}/login"):
        page.goto(f"{attacker}/?form=0")
    assert "does not come from a page of the console" in page.content()
    assert not [cookie for cookie in context.cookies() if cookie.get("name") == "console"]

    page.goto(f"{console}/login")
    page.get_by_label("Name").fill("jo")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{console}/")
    with page.expect_navigation(url=f"{console}/logout"):
        page.goto(f"{attacker}/?form=1")
    assert "does not come from a page of the console" in page.content()
    assert page.goto(f"{console}/")
    assert page.url == f"{console}/"  # still logged in

    page.goto(attacker)
    frame = next(each for each in page.frames if each is not page.main_frame)
    assert "Password" not in frame.content()
    assert any("frame-ancestors" in text for text in refused)
    cookie = next(each for each in context.cookies() if each.get("name") == "console")
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    context.close()
