"""Trial write: one script that writes as every other script does, so that a Redis that answers and cannot be used is noticed."""

from __future__ import annotations

import redis

from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["TrialWrite"]


class TrialWrite:
    """Writes to Redis through a script."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._keys = keys
        self._script = Script(connection, keys, "webhook_kit.storage/trial_write")

    def run(self) -> float:
        """Write, and return the time of the Redis server as Unix seconds.

        :raises redis.RedisError: Redis cannot be used; :func:`~webhook_kit.storage.faults.fault` names the reason.
        """
        return float(text(self._script(self._keys.trial("1"), self._keys.trial("2")))) / 1000
