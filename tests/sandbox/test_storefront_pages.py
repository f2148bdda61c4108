"""Tests of the storefront's files, their headers, and its session call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from tests.sandbox.sandbox_env import STORE
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.marketfront import store_stem
from webhook_kit.sandbox.server import serve
from webhook_kit.sandbox.state import StoreRecord
from webhook_kit.sandbox.storefront import pages
from webhook_kit.testing.processes import PATIENCE

STATIC = Path(pages.__file__).parent / "static"
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@pytest.fixture
def url(context: SandboxContext) -> Iterator[str]:
    with serve(create_app(context)) as url:
        yield url


@pytest.mark.parametrize("path", ["/", *(f"/__storefront/static/{name}" for name in FILES)])
def test_content_security_policy(client: FlaskClient, path: str) -> None:
    response = client.get(path, buffered=True)
    assert response.status_code == 200
    policy = dict(rule.strip().split(" ", 1) for rule in response.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "type"),
    [("js/main.js", "text/javascript"), ("base.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
def test_media_types_do_not_depend_on_the_system(client: FlaskClient, name: str, type: str) -> None:
    assert client.get(f"/__storefront/static/{name}", buffered=True).mimetype == type


def test_page_is_html(client: FlaskClient) -> None:
    assert client.get("/", buffered=True).mimetype == "text/html"
    assert client.get("/__storefront/static/../pages.py").status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_files_load_nothing_foreign_and_parse_no_html(name: str) -> None:
    text = (STATIC / name).read_text()
    hosts = set(re.findall(r"https?://[^\s\"'/)]+", text))
    assert hosts <= {"http://www.w3.org"}  # an XML namespace, which is not loaded
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|style=", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_import_exists(name: str) -> None:
    for imported in re.findall(r"from \"(.+?)\"", (STATIC / name).read_text()):
        assert (STATIC / "js" / imported).is_file(), imported


def test_policy_names_the_hosts_of_pictures(client: FlaskClient, context: SandboxContext) -> None:
    urls = [
        "https://CDN.example/a.jpg",
        "https://cdn.example/b.jpg",
        "http://127.0.0.1:8000/c.png",
        "javascript:alert(1)",
        "https://evil.example; script-src *",
        "https://*.example/x",
        "//cdn.other/x",
        "data:image/png,x",
    ]
    items = [ExternalItem(item_id=str(n), name="x", base_price=1, image_url=url) for n, url in enumerate(urls)]
    context.state.catalogs["c"] = simple_catalog({"S": items})
    record = context.state.stores[STORE]
    record.catalog_set_id, record.listing.image_url = "c", "https://logos.example/x?y"
    for path in ("/", f"/store/{store_stem(record)}"):
        response = client.get(path, buffered=True)
        policy = response.headers["Content-Security-Policy"]
        allowed = "'self' http://127.0.0.1:8000 https://cdn.example https://logos.example"
        assert f"; img-src {allowed};" in policy
        assert response.headers["Cache-Control"] == "no-store"
    assert (
        "img-src 'self';"
        in client.get("/__storefront/static/base.css", buffered=True).headers["Content-Security-Policy"]
    )


def test_stem_of_a_store_is_a_page(url: str, context: SandboxContext) -> None:
    record = StoreRecord(store=CommerceStore(store_id="a/ü 1", name="Lüigi's"), partner_store_id="main")
    context.state.stores["a/ü 1"] = record
    token = requests.post(f"{url}/__storefront/session", json={}, timeout=PATIENCE).json()["token"]
    found = requests.post(
        f"{url}/v1/marketplace/stores/discover",
        json={"location": {"latitude": 0, "longitude": 0}},
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE,
    ).json()["stores"]
    (stem,) = [store["stem"] for store in found if store["storeId"] == record.store.store_id]
    assert re.fullmatch(r"[a-z0-9-]+", stem)
    for path, status in ((f"/store/{stem}", 200), ("/store/unknown", 404)):
        page = requests.get(f"{url}{path}", timeout=PATIENCE)
        assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "js/main.js" in page.text


def test_session_is_created_without_showing_the_key(url: str, context: SandboxContext) -> None:
    created = requests.post(f"{url}/__storefront/session", json={"partnerUserId": "guest-1"}, timeout=PATIENCE)
    assert created.status_code == 200
    assert context.api_key not in created.text
    session = created.json()
    assert (session["partnerUserId"], session["isAnonymous"]) == ("guest-1", True)
    bearer = {"Authorization": f"Bearer {session['token']}"}
    assert requests.get(f"{url}/v1/marketplace/session/me", headers=bearer, timeout=PATIENCE).status_code == 200


def test_forged_host_does_not_get_the_key(url: str) -> None:
    with serve(create_app(SandboxContext("another"))) as elsewhere:
        host = elsewhere.removeprefix("http://")
        created = requests.post(f"{url}/__storefront/session", json={}, headers={"Host": host}, timeout=PATIENCE)
    assert created.status_code == 200


def test_problems_of_the_api_are_returned(url: str) -> None:
    refused = requests.post(f"{url}/__storefront/session", json={"email": "ada@example.com"}, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "LEVEL_1_INCOMPLETE")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_missing_response_is_a_problem(url: str, context: SandboxContext) -> None:
    context.faults.add(Fault(kind="drop", call="createSession"))
    refused = requests.post(f"{url}/__storefront/session", json={}, timeout=PATIENCE)
    assert (refused.status_code, refused.json()["errorCode"]) == (502, "BAD_GATEWAY")


def test_page_links_every_style_sheet() -> None:
    linked = re.findall(r'rel="stylesheet" href="/__storefront/static/(.+?)"', (STATIC / "index.html").read_text())
    assert sorted(linked) == [name for name in FILES if name.endswith(".css")]
