"""Liveness and readiness of the web application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.storage.installation import installation_id


def readiness(kit: Kit) -> tuple[int, object]:
    response = create_app(kit).test_client().get("/readyz")
    return response.status_code, response.json


@pytest.fixture(autouse=True)
def _quiet(events: list[object]) -> None:
    """Keep the log lines of these tests out of the output."""


def sending(kit: Kit) -> tuple[int, dict[str, Any]]:
    response = create_app(kit).test_client().get("/sendingz")
    return response.status_code, response.json or {}


def test_ready_when_redis_works(kit: Kit) -> None:
    ready = {"status": "ready", "redis": "ok", "posCallsInFlight": {}}
    assert readiness(kit) == (200, ready | {"installation": installation_id(kit.redis, kit.keys)})


@pytest.fixture
def working_kit(kit: Kit) -> Kit:
    """A kit whose workers are running."""
    for kind in WorkerKind:
        kit.worker_life.give_sign(kind)
    return kit


def test_a_halt_is_not_about_readiness_and_gett_is_not_quoted_to_the_public(working_kit: Kit) -> None:
    status, body = sending(working_kit)
    assert (status, body["status"], set(body["workers"])) == (200, "ok", {"push", "sync"})
    working_kit.sending.halt("401: the API key is wrong")
    assert readiness(working_kit)[0] == 200
    status, body = sending(working_kit)
    assert (status, body["status"], body["why"]) == (503, "halted", "Gett refuses the API key")
    working_kit.sending.record_response()
    assert sending(working_kit)[0] == 200


def test_missing_workers_are_not_about_readiness(kit: Kit) -> None:
    assert readiness(kit)[0] == 200
    status, body = sending(kit)
    assert (status, body["status"], body["why"]) == (503, "no worker", "no sign of life of push and sync")
    kit.worker_life.give_sign(WorkerKind.PUSH)
    assert sending(kit)[1]["why"] == "no sign of life of sync"


def test_not_ready_without_redis(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    assert readiness(kit) == (503, {"status": "not ready", "redis": "not reachable"})
    assert sending(kit) == (503, {"status": "unknown", "redis": "not reachable"})
