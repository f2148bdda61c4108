"""Liveness and readiness of the web application."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webhook_kit.app import create_app
from webhook_kit.kit import Kit


def readiness(kit: Kit) -> tuple[int, object]:
    response = create_app(kit).test_client().get("/readyz")
    return response.status_code, response.json


@pytest.fixture(autouse=True)
def _quiet(events: list[object]) -> None:
    """Keep the log lines of these tests out of the output."""


def test_ready_when_redis_and_gett_work(kit: Kit) -> None:
    assert readiness(kit) == (200, {"status": "ready", "redis": "ok", "sending": "ok", "posCallsInFlight": {}})


def test_not_ready_while_sending_is_halted(kit: Kit) -> None:
    kit.sending.halt("401: the API key is wrong")
    status, body = readiness(kit)
    assert (status, body) == (
        503,
        {"status": "not ready", "redis": "ok", "sending": "halted: 401: the API key is wrong"},
    )
    kit.sending.record_response()
    assert readiness(kit)[0] == 200


def test_not_ready_without_redis(make_kit: Callable[..., Kit]) -> None:
    status, body = readiness(make_kit(redis_url="redis://127.0.0.1:1/0"))
    assert (status, body) == (503, {"status": "not ready", "redis": "ConnectionError", "sending": "unknown"})
