"""An outbox for each test; at the end of each, every update must be accounted for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outbox.outbox_env import Workbench
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def bench(redis_server: RedisServer) -> Iterator[Workbench]:
    made = Workbench(redis_server)
    yield made
    made.check()
    made.close()
