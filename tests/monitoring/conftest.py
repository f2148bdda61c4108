"""Fixtures of the tests of stuck orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitoring.stuck_orders import ScriptedAdapter
from webhook_kit.kit import Kit


@pytest.fixture
def make_monitored_kit(make_kit: Callable[..., Kit]) -> Callable[..., Kit]:
    ScriptedAdapter.failures, ScriptedAdapter.cancelled = [], []
    spec = f"{ScriptedAdapter.__module__}:ScriptedAdapter"
    return lambda **settings: make_kit(**{"unconfirmed_after": 0.001, "pos_adapter": spec} | settings)
