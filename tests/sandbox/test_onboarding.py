"""Tests of registration and catalog ingestion, with pulls over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response

from tests.sandbox.sandbox_env import STORE, Call, check_problem
from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.context import SandboxContext, SavedState
from webhook_kit.sandbox.server import serve
from webhook_kit.testing.processes import free_port, wait_until

CATALOG = versioned(
    simple_catalog({"Pizza": [ExternalItem(item_id="m", name="Margherita", base_price=9)]}), "main"
).to_wire()


class CatalogServer:
    """A server with a catalog that tests can change."""

    def __init__(self) -> None:
        self.catalog: Any = CATALOG
        self.status = 200
        self.pulls = 0

    def serve(self) -> Response:
        self.pulls += 1
        if callable(self.catalog):
            return Response(self.catalog(), self.status, mimetype="application/json")
        body = self.catalog if isinstance(self.catalog, bytes) else json.dumps(self.catalog).encode()
        return Response(body, self.status, mimetype="application/json")


@pytest.fixture
def catalog_server() -> CatalogServer:
    return CatalogServer()


@pytest.fixture
def url(catalog_server: CatalogServer) -> Iterator[str]:
    app = Flask("catalogs")
    app.get("/catalog.json")(catalog_server.serve)
    with serve(app) as base:
        yield f"{base}/catalog.json"


Register = Callable[[], str]


@pytest.fixture
def register(call: Call, url: str) -> Register:
    def register_store() -> str:
        response = call("POST", "onboarding/stores", request(url))
        assert response.status_code == 201
        onboarding: dict[str, str] = response.get_json()
        assert set(onboarding) == {"onboardingId", "partnerStoreId", "status", "createdAt"}
        assert onboarding["status"] == "pending_catalog"
        return onboarding["onboardingId"]

    return register_store


def request(url: str) -> dict[str, Any]:
    return {
        "partnerStoreId": "p-1",
        "name": "Osteria",
        "catalogCallbackUrl": url,
        "webhookUrl": "https://partner.example/hooks",
        "timezone": "America/New_York",
        "address": {"street": "1 Main St", "city": "New York"},
    }


def wait_for_status(call: Call, onboarding_id: str, status: str) -> dict[str, Any]:
    """Wait until the registration has this status, and return it."""

    def shown() -> dict[str, Any]:
        onboarding: dict[str, Any] = call("GET", f"onboarding/stores/{onboarding_id}").get_json()
        return onboarding

    wait_until(lambda: shown()["status"] == status, message=f"the registration to be {status}")
    return shown()


def wait_for_pulls(context: SandboxContext, count: int) -> None:
    wait_until(lambda: len(context.state.stores[STORE].pulls) == count, message="the pull to end")


def test_store_is_activated(call: Call, register: Register, context: SandboxContext) -> None:
    context.options.ingestion_seconds = 60
    onboarding_id = register()
    early = call("POST", f"onboarding/stores/{onboarding_id}/activate")
    assert "pending_catalog" in check_problem(early, 409, "CONFLICT")["detail"]
    context.clock.advance(60)
    wait_for_status(call, onboarding_id, "catalog_ingesting")
    context.clock.advance(60)
    assert "storeId" not in wait_for_status(call, onboarding_id, "ready_to_activate")
    activated = call("POST", f"onboarding/stores/{onboarding_id}/activate").get_json()
    assert activated["status"] == "active"
    store = call("GET", f"stores/{activated['storeId']}").get_json()
    assert store == {
        "storeId": activated["storeId"],
        "name": "Osteria",
        "timezone": "America/New_York",
        "address": {"street": "1 Main St", "city": "New York"},
        "status": "online",
    }
    record = context.state.stores[activated["storeId"]]
    assert (record.partner_store_id, record.catalog_set_id) == ("p-1", CATALOG["catalogSetId"])
    assert record.webhook_url == "https://partner.example/hooks"
    check_problem(call("POST", f"onboarding/stores/{onboarding_id}/activate"), 409, "CONFLICT")
    check_problem(call("DELETE", f"onboarding/stores/{onboarding_id}"), 409, "CONFLICT")


def changed(**members: Any) -> dict[str, Any]:
    return {**CATALOG, **members}


def endless_body() -> Iterator[bytes]:
    yield b"{"
    while True:
        yield b" " * 65_536


@pytest.mark.parametrize(
    ("catalog", "status", "message"),
    [
        (changed(sections={"s": {"sectionId": "s", "name": "S", "itemIds": ["missing"]}}), 200, "no item 'missing'"),
        (changed(catalogSetId="catalog-7"), 200, "$.catalogSetId: “catalog-7” is not a canonical UUID"),
        (changed(items={"m": {"itemId": "m", "name": "M"}}), 200, "$.items['m'].basePrice: is missing"),
        (b"<html>", 200, "$: expected value"),
        (CATALOG, 404, "answered 404"),
        (endless_body, 200, "larger than 100000 bytes"),
    ],
)
def test_invalid_catalog_fails_as_a_whole(
    catalog: Any,
    status: int,
    message: str,
    call: Call,
    register: Register,
    catalog_server: CatalogServer,
    context: SandboxContext,
) -> None:
    context.options.pull_max_bytes = 100_000
    catalog_server.catalog, catalog_server.status = catalog, status
    onboarding_id = register()
    assert message in wait_for_status(call, onboarding_id, "catalog_failed")["error"]
    check_problem(call("POST", f"onboarding/stores/{onboarding_id}/activate"), 409, "CONFLICT")
    assert context.state.catalogs == {}
    # After a correction, the store can be registered again.
    catalog_server.catalog, catalog_server.status = CATALOG, 200
    wait_for_status(call, register(), "ready_to_activate")


def test_unreachable_or_slow_server_fails_the_registration(
    call: Call, register: Register, context: SandboxContext
) -> None:
    failed = call("POST", "onboarding/stores", request(f"http://127.0.0.1:{free_port()}/catalog.json")).get_json()
    assert "ConnectionError" in wait_for_status(call, failed["onboardingId"], "catalog_failed")["error"]
    context.options.pull_timeout = 0.000_001
    assert "catalog_failed" in wait_for_status(call, register(), "catalog_failed")["status"]


def slow_body() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.02)


def test_slow_download_is_aborted(
    call: Call, register: Register, catalog_server: CatalogServer, context: SandboxContext
) -> None:
    context.options.pull_timeout = 0.5
    catalog_server.catalog = slow_body
    assert "not downloaded within 0.5 s" in wait_for_status(call, register(), "catalog_failed")["error"]


def test_store_is_registered_once_and_can_be_cancelled(call: Call, register: Register, url: str) -> None:
    onboarding_id = register()
    assert onboarding_id in check_problem(call("POST", "onboarding/stores", request(url)), 409, "CONFLICT")["detail"]
    assert call("DELETE", f"onboarding/stores/{onboarding_id}").status_code == 204
    check_problem(call("GET", f"onboarding/stores/{onboarding_id}"), 404, "NOT_FOUND")
    check_problem(call("DELETE", f"onboarding/stores/{onboarding_id}"), 404, "NOT_FOUND")
    register()


def test_incomplete_registration_is_rejected(call: Call) -> None:
    problem = check_problem(call("POST", "onboarding/stores", {"webhookUrl": "ftp://x"}), 422, "VALIDATION_FAILED")
    paths = {error["jsonPath"] for error in problem["errors"]}
    assert paths == {"$.partnerStoreId", "$.name", "$.catalogCallbackUrl", "$.webhookUrl"}


def notify(call: Call, url: str, store: str = "main") -> int:
    return call("POST", "catalogset-notification", {"callbackUrl": url}, query_string={"storeId": store}).status_code


def test_notification_causes_a_pull_and_a_failed_one_keeps_the_catalog(
    call: Call, url: str, catalog_server: CatalogServer, context: SandboxContext
) -> None:
    store = context.state.stores[STORE]
    assert notify(call, url) == 202
    wait_for_pulls(context, 1)
    assert store.catalog_set_id == CATALOG["catalogSetId"]
    assert store.pulls[0].error is None
    catalog_server.catalog = b"{"
    assert notify(call, url) == 202
    wait_for_pulls(context, 2)
    assert store.catalog_set_id == CATALOG["catalogSetId"]
    assert "EOF while parsing" in str(store.pulls[1].error)
    catalog_server.catalog = {name: value for name, value in CATALOG.items() if name != "catalogSetId"}
    assert notify(call, url) == 202
    wait_for_pulls(context, 3)
    assert store.catalog_set_id not in (None, CATALOG["catalogSetId"])
    entries = [entry for entry in context.log.after(0) if entry["kind"] == "catalog_pull"]
    assert [entry.get("error") is None for entry in entries] == [True, False, True]


def test_notification_needs_a_known_store(call: Call, url: str) -> None:
    assert notify(call, url, "nobody") == 404
    missing = call("POST", "catalogset-notification", {"callbackUrl": url})
    assert "storeId" in check_problem(missing, 400, "INVALID_REQUEST")["detail"]
    wrong = call("POST", "catalogset-notification", {"callbackUrl": "catalog"}, query_string={"storeId": "main"})
    check_problem(wrong, 422, "VALIDATION_FAILED")


def test_loaded_registration_continues(
    call: Call, register: Register, catalog_server: CatalogServer, context: SandboxContext
) -> None:
    context.options.ingestion_seconds = 60
    onboarding_id = register()
    saved = json.dumps(context.save().to_data())
    other = SandboxContext("key-1", clock=Clock(speed=0))
    try:
        from webhook_kit.sandbox.app import create_app

        create_app(other)
        other.load(SavedState.model_validate_json(saved))
        assert json.dumps(other.save().to_data()) == saved
        for _ in range(2):
            other.clock.advance(60)
            wait_until(
                lambda: not other.scheduler.tasks() or other.clock.now() < other.scheduler.tasks()[0].due,
                message="the task to end",
            )
        record = other.state.onboardings[onboarding_id]
        wait_until(lambda: record.status == "ready_to_activate", message="the catalog to be ingested")
    finally:
        other.close()
    assert call("GET", f"onboarding/stores/{onboarding_id}").get_json()["status"] == "pending_catalog"
