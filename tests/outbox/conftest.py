"""An outbox for each test; at the end of each test its invariants are checked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outbox.outbox_env import OutboxEnv
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def outbox(redis_server: RedisServer) -> Iterator[OutboxEnv]:
    env = OutboxEnv(redis_server)
    yield env
    env.check_invariants()
    env.close()
