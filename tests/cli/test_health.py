"""``webhook-kit health``: what is wrong now, and what to do first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _workers(kit: Kit) -> None:
    for kind in WorkerKind:
        kit.worker_life.give_sign(kind)


def test_nothing_urgent(run: Run, kit: Kit) -> None:
    ran = run("health")
    assert ran.status == 0, ran.out
    assert "URGENT" not in ran.out
    assert "Worker push" in ran.out


def test_something_urgent_has_its_status(run: Run, kit: Kit) -> None:
    kit.sending.halt("invalid key")
    kit.store_status.pause("main", PauseReason.TOO_BUSY)
    ran = run("health")
    assert ran.status == 1
    urgent, first, *_ = ran.out.splitlines()
    assert urgent.startswith("URGENT: Sending to Gett is halted")
    assert "invalid key" in urgent
    assert first.startswith("  → Get a valid key")
    assert "NOTE: Store main is paused by a person" in ran.out


def test_json(run: Run, kit: Kit) -> None:
    kit.sending.halt("invalid key")
    ran = run("health", "--json")
    health = json.loads(ran.out)
    assert ran.status == 1
    assert health["findings"][0]["code"] == "sending_halted"
    assert health["findings"][0]["since"].endswith("+00:00")
    assert "Redis" in health["facts"]
