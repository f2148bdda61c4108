"""Fixtures of the delivery of alerts."""

from __future__ import annotations

import pytest

from tests.alerting.alert_env import AlertEnv, Recorder
from webhook_kit.kit import Kit


@pytest.fixture
def env(kit: Kit) -> AlertEnv:
    return AlertEnv(kit)


@pytest.fixture
def got(env: AlertEnv) -> Recorder:
    return env.recorders[0]
