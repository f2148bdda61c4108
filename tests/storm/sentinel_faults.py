"""The faults of a Redis with sentinels. Each waits for the one before, and until the installation has its replicas again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random

from tests.storage.sentinel_env import SentinelEnv
from tests.storm.evidence import Window
from tests.storm.faults import Act
from tests.storm.installation import Installation
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["SENTINEL_FAULTS"]


def _fail_over(how: str) -> Act:
    @contextmanager
    def act(installation: Installation, random: Random) -> Iterator[None]:
        with installation.redis_lock:
            sentinels = _sentinels(installation)
            began = time.time()
            lost: RedisServer = getattr(sentinels, how)()
            sentinels.wait_failed_over(lost)
            installation.losses.append(Window(began - 1, time.time(), waited=True))
            yield
            sentinels.revive(lost)

    return act


@contextmanager
def _sentinel_killed(installation: Installation, random: Random) -> Iterator[None]:
    with installation.redis_lock:
        sentinel = random.choice(_sentinels(installation).sentinels)
        sentinel.kill()
        yield
        sentinel.start()
        _sentinels(installation).wait_healthy()


@contextmanager
def _replica_killed(installation: Installation, random: Random) -> Iterator[None]:
    with installation.redis_lock:
        sentinels = _sentinels(installation)
        primary = sentinels.primary()
        replica = random.choice([server for server in sentinels.servers if server is not primary])
        replica.kill()
        yield
        sentinels.revive(replica)


def _sentinels(installation: Installation) -> SentinelEnv:
    assert installation.sentinels is not None
    return installation.sentinels


SENTINEL_FAULTS: Mapping[str, Act] = {
    "redis primary killed": _fail_over("kill_primary"),
    "redis primary stopped": _fail_over("hang_primary"),
    "redis sentinel killed": _sentinel_killed,
    "redis replica killed": _replica_killed,
}
"""They replace the faults of a single Redis, and of its connections."""
