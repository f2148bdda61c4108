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
    ],
)
def test_a_change_at_gett_says_where(line: str, run: Callable[..., Any], kit: Kit) -> None:
    ran = run(*line.split())
    where = f"at {kit.settings.gett_api_url}, prefix {kit.settings.key_prefix}"
    assert ran.err.splitlines()[0] == where
    assert where not in ran.out


@pytest.mark.parametrize("line", ["stores list --local --json", "catalog status --json", "stores show main --local"])
def test_a_command_that_reads_does_not(line: str, run: Callable[..., Any]) -> None:
    assert "prefix" not in run(*line.split()).err
