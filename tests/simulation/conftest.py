"""The installation that is simulated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.simulation.installation import SimulatedInstallation
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture(scope="module")
def installation() -> Iterator[SimulatedInstallation]:
    with (
        RedisServer(options={"appendonly": "no"}) as server,
        SimulatedInstallation.start(server.url) as installation,
    ):
        yield installation


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """Keep the tracebacks of stopped processes from being rendered, which takes longer than the runs."""
    with capture_logs():
        yield
