"""Clients of the kit's webhooks."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Capture the log, so that errors that a test provokes are not printed."""
