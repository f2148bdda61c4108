"""Commands that change something at Gett say where, on the error output alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit


@pytest.mark.parametrize(
    "line",
    [
        "stores pause main --reason too_busy",
        "stores resume main",
        "stores edit main --name New",
        "catalog sync main",
        "catalog publish main",
        "catalog mark-unavailable main cola",
        "catalog mark-available main cola",
        "reconcile",
        "order progress r --status ready",
        "order complete r",
        "order cancel r --reason late",
        "order link r g",
        "order resolve r --not-placed",
        "outbox retry order:r",
        "outbox discard order:r",
        "outbox dead-letters replay --all",
        "outbox dead-letters discard 1",
    ],
)
def test_a_change_at_gett_says_where(line: str, run: Callable[..., Any], kit: Kit) -> None:
    ran = run(*line.split())
    assert ran.where == f"at {kit.settings.gett_api_url}, prefix {kit.settings.key_prefix}\n"
    assert "prefix" not in ran.out + ran.err


@pytest.mark.parametrize("line", ["stores list --local --json", "catalog status --json", "stores show main --local"])
def test_a_command_that_reads_does_not(line: str, run: Callable[..., Any]) -> None:
    assert run(*line.split()).where == ""
