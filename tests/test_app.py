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


def sending(kit: Kit) -> tuple[int, object]:
    response = create_app(kit).test_client().get("/sendingz")
    return response.status_code, response.json


def test_ready_when_redis_works(kit: Kit) -> None:
    assert readiness(kit) == (200, {"status": "ready", "redis": "ok", "posCallsInFlight": {}})


def test_a_halt_is_not_about_readiness_and_gett_is_not_quoted_to_the_public(kit: Kit) -> None:
    assert sending(kit) == (200, {"status": "ok"})
    kit.sending.halt("401: the API key is wrong")
    assert readiness(kit)[0] == 200
    assert sending(kit) == (503, {"status": "halted", "why": "Gett refuses the API key"})
    kit.sending.record_response()
    assert sending(kit)[0] == 200


def test_not_ready_without_redis(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    assert readiness(kit) == (503, {"status": "not ready", "redis": "not reachable"})
    assert sending(kit) == (503, {"status": "unknown", "redis": "not reachable"})
