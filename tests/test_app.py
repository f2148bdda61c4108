"""What the web application says of itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webhook_kit.app import create_app
from webhook_kit.kit import Kit


def readiness(kit: Kit) -> tuple[int, object]:
    answer = create_app(kit).test_client().get("/readyz")
    return answer.status_code, answer.json


@pytest.fixture(autouse=True)
def _quiet(events: list[object]) -> None:
    """What goes wrong on purpose is not worth printing."""


def test_ready(kit: Kit) -> None:
    assert readiness(kit) == (200, {"status": "ready", "redis": "ok", "sending": "ok", "posCallsInFlight": {}})


def test_not_ready_while_gett_refuses_the_key(kit: Kit) -> None:
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
