"""Fixtures of the tests of stuck orders and of reconciliation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitoring import reconciliation_env
from tests.monitoring.stuck_orders import ScriptedAdapter
from webhook_kit.adapter import StoreState
from webhook_kit.kit import Kit


@pytest.fixture
def make_monitored_kit(make_kit: Callable[..., Kit]) -> Callable[..., Kit]:
    ScriptedAdapter.failures, ScriptedAdapter.cancelled = [], []
    spec = f"{ScriptedAdapter.__module__}:ScriptedAdapter"
    return lambda **settings: make_kit(**{"unconfirmed_after": 0.001, "pos_adapter": spec} | settings)


@pytest.fixture
def scripted_kit(make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch) -> Kit:
    for name, default in (("orders", []), ("state", StoreState.UNKNOWN), ("before_status", lambda: None)):
        monkeypatch.setattr(reconciliation_env.ScriptedAdapter, name, default)
    return make_kit(pos_adapter=f"{reconciliation_env.__name__}:ScriptedAdapter")
