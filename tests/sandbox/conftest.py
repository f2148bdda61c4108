"""A Gett of the test's own, as an application and as a client that has its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.state import StoreRecord
from webhook_kit.sandbox.world import World

KEY = {"Authorization": "Bearer key-1"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"

Call = Callable[..., TestResponse]


@pytest.fixture
def world() -> Iterator[World]:
    """A Gett whose clock stands at noon; it knows one store and nothing else."""
    made = World("key-1", clock=Clock(now=NOON, speed=0))
    store = CommerceStore(store_id=STORE, name="Trattoria", timezone="UTC")
    made.options.reads_per_minute = made.options.writes_per_minute = 0
    made.state.stores[STORE] = StoreRecord(store=store, partner_store_id="main")
    yield made
    made.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return create_app(world).test_client()


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """``call("GET", "stores")``: a call of the commerce API, with the key."""

    def made(method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        return client.open(f"/v1/commerce/{path}", method=method, json=body, headers=KEY, **more)

    return made


def check_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem["status"] == status
    assert problem["errorCode"] == code
    assert problem["type"] == f"https://developer.gett-tech.com/errors/{code}"
    assert {"title", "detail", "errorCategory", "retryable", "requestId", "timestamp", "traceId"} <= set(problem)
    return problem
