"""The storefront as it is served: what may run in it, and the session behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.storefront import pages
from webhook_kit.testing.processes import PATIENCE

STATIC = Path(pages.__file__).parent / "static"
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@pytest.fixture
def url(context: SandboxContext) -> Iterator[str]:
    with serve(create_app(context)) as url:
        yield url


@pytest.mark.parametrize("path", ["/", *(f"/__storefront/static/{name}" for name in FILES)])
def test_nothing_foreign_and_nothing_inline_may_run(client: FlaskClient, path: str) -> None:
    answer = client.get(path, buffered=True)
    assert answer.status_code == 200
    policy = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "type"),
    [("js/main.js", "text/javascript"), ("storefront.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
def test_files_have_types_that_do_not_depend_on_the_machine(client: FlaskClient, name: str, type: str) -> None:
    assert client.get(f"/__storefront/static/{name}", buffered=True).mimetype == type


def test_the_page_is_a_page(client: FlaskClient) -> None:
    assert client.get("/", buffered=True).mimetype == "text/html"
    assert client.get("/__storefront/static/../pages.py").status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_files_name_no_other_host_and_no_way_to_read_text_as_html(name: str) -> None:
    text = (STATIC / name).read_text()
    hosts = set(re.findall(r"https?://[^\s\"'/)]+", text))
    assert hosts <= {"http://www.w3.org"}  # a name space, which nothing is loaded from
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|style=", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_import_leads_to_a_module(name: str) -> None:
    for imported in re.findall(r"from \"(.+?)\"", (STATIC / name).read_text()):
        assert (STATIC / "js" / imported).is_file(), imported


def test_a_session_is_created_without_giving_away_the_key(url: str, context: SandboxContext) -> None:
    created = requests.post(f"{url}/__storefront/session", json={"partnerUserId": "guest-1"}, timeout=PATIENCE)
    assert created.status_code == 200
    assert context.api_key not in created.text
    session = created.json()
    assert (session["partnerUserId"], session["isAnonymous"]) == ("guest-1", True)
    bearer = {"Authorization": f"Bearer {session['token']}"}
    assert requests.get(f"{url}/v1/marketplace/session/me", headers=bearer, timeout=PATIENCE).status_code == 200


def test_a_made_up_host_is_not_sent_the_key(url: str) -> None:
    with serve(create_app(SandboxContext("another"))) as elsewhere:
        host = elsewhere.removeprefix("http://")
        created = requests.post(f"{url}/__storefront/session", json={}, headers={"Host": host}, timeout=PATIENCE)
    assert created.status_code == 200


def test_the_apis_own_problems_are_passed_on(url: str) -> None:
    refused = requests.post(f"{url}/__storefront/session", json={"email": "ada@example.com"}, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "LEVEL_1_INCOMPLETE")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_an_answer_that_never_comes_is_a_problem_too(url: str, context: SandboxContext) -> None:
    context.faults.add(Fault(kind="drop", call="createSession"))
    refused = requests.post(f"{url}/__storefront/session", json={}, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["errorCode"]) == (502, "BAD_GATEWAY")
