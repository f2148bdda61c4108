"""Tests of the protection from pages of other sites: foreign hosts and origins."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from flask import Response
from flask.testing import FlaskClient

from tests.sandbox.sandbox_env import KEY, STORE, Consumer, FakePartner, check_problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.processes import PATIENCE

OPEN = {"/", "/store/<stem>", "/openapi.json", "/__storefront/static/<path:filename>"}
"""Paths that every page may read: they are the same in every sandbox, or need a bearer token."""

FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8090", "Origin": "http://evil.example:8090"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "192.168.1.7"},
    {"Host": "[::2]:80"},
    {"Host": "[::1"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Origin": "localhost"},
]


def guarded(client: FlaskClient) -> list[tuple[str, str]]:
    return [
        (method, rule.rule.replace("<store_id>", STORE))
        for rule in client.application.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if method != "GET" or not (rule.rule in OPEN or rule.rule.startswith("/v1/"))
    ]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: " ".join(headers.values()))
def test_foreign_page_changes_and_reads_nothing(
    headers: dict[str, str], client: FlaskClient, context: SandboxContext
) -> None:
    before = context.save().to_data()
    calls = guarded(client)
    assert len(calls) > 30
    for method, path in calls:
        response = client.open(path, method=method, json={"mode": "x"}, headers={**KEY, **headers})
        problem = check_problem(response, 403, "FORBIDDEN")
        assert "--host" in problem["detail"] or "origin" in problem["detail"].lower()
    assert context.save().to_data() | {"now": "", "drawn": {}} == before | {"now": "", "drawn": {}}


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1:8090", "[::1]:8090", "127.1.2.3", "LOCALHOST:1", "shop.localhost:8080", "localhost."],
)
def test_own_page_is_served_at_every_name_of_the_loopback(host: str, client: FlaskClient) -> None:
    headers: dict[str, Any] = {"Host": host}
    assert client.get("/__sandbox/state", headers=headers).status_code == 200
    for origin in ({}, {"Origin": f"http://{host}"}, {"Origin": f"https://{host}"}):
        assert client.post("/__storefront/session", json={}, headers=headers | origin).status_code != 403
        assert client.post("/__sandbox/reset", headers=headers | origin).status_code == 204


def test_other_names_are_configured() -> None:
    with GettSandbox.start(hosts=["gett.internal", "sandbox"]) as sandbox:
        for host, status in (("gett.internal:8090", 204), ("SANDBOX", 204), ("gett.example", 403)):
            headers = {"Host": host, "Origin": f"http://{host}"}
            assert sandbox.call("POST", "/__sandbox/reset", headers=headers).status_code == status
        session = requests.post(
            f"{sandbox.url}/__storefront/session", json={}, headers={"Host": "sandbox"}, timeout=PATIENCE
        )
        assert session.json()["isAnonymous"] is True


def test_bearer_token_reads_at_every_host(consumer: Consumer, partner: FakePartner) -> None:
    assert consumer.call("GET", f"stores/{STORE}", Host="gett.example").status_code == 200


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"faults":', "}")])
@pytest.mark.parametrize("depth", [150, 900, 20_000])
def test_deeply_nested_json_is_refused(
    start: str, end: str, depth: int, client: FlaskClient, context: SandboxContext
) -> None:
    body = f"{start * depth}0{end * depth}"
    for method, path in guarded(client):
        if path == "/__storefront/session":
            continue  # it calls a server, which this test has not
        response = client.open(path, method=method, data=body, headers=KEY)
        assert response.status_code < 500, (method, path, response.text)
        if path.startswith("/__sandbox/") and method != "GET" and path != "/__sandbox/reset" and depth > 200:
            check_problem(response, 400, "INVALID_REQUEST")
    assert json.dumps(context.log.after(0))


def test_card_in_deeply_nested_json_is_not_logged(client: FlaskClient, context: SandboxContext) -> None:
    body = '{"a":' * 900 + '{"cardToken": "tok_secret"}' + "}" * 900
    headers = {**KEY, "Content-Type": "application/json"}
    client.post("/v1/marketplace/orders/validate", data=body, headers=headers)
    assert "tok_secret" not in json.dumps(context.log.after(0))


@pytest.mark.parametrize("depth", [150, 500, 900, 20_000])
def test_deeply_nested_answer_of_a_store_is_bad_gateway(depth: int, consumer: Consumer, partner: FakePartner) -> None:
    answer = Response(f'{{"cart":{{"x":{"[" * depth}{"]" * depth}}}}}', 200)
    partner.responses = [answer]
    check_problem(consumer.validate(), 502, "BAD_GATEWAY")
