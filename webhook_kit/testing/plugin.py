"""The pytest plugin: a real Redis for whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every pytest run loads this module: it must cost nothing
    from webhook_kit.testing.redis_server import RedisServer

__all__ = ["redis_server"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real redis-server of this test run's own; empty it, or use a key prefix of your own, where tests could meet."""
    from webhook_kit.testing.redis_server import RedisServer

    with RedisServer() as server:
        yield server
