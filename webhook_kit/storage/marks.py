"""Marks in Redis, each with an owner and a lease: set by the first of several processes, recognised by their owner.

A client sends a command again when its reply was lost. A plain ``SET NX`` would then find the mark of its own first attempt and take
it for somebody else's; here the owner is part of the mark.
"""

from __future__ import annotations

import os
from contextlib import suppress

import redis

from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["Mark"]


class Mark:
    """One owner's mark on a key."""

    def __init__(self, connection: redis.Redis, keys: Keys, key: str) -> None:
        self._key = key
        self._owner = os.urandom(16).hex()
        self._take = Script(connection, keys, "webhook_kit.storage/take")
        self._change_lease = Script(connection, keys, "webhook_kit.storage/change_lease")

    def take(self, seconds: float) -> bool:
        """Set the mark for so many seconds. Return False if another owner has it.

        :raises redis.RedisError: it is not known if the mark was set; if possible it is deleted.
        """
        try:
            return bool(self._take(self._key, owner=self._owner, lease=_milliseconds(seconds)))
        except redis.RedisError:
            with suppress(redis.RedisError):
                self.delete()
            raise

    def last(self, seconds: float) -> bool:
        """Let the mark last for so many seconds from now. Return False if it has expired, and another owner may have it."""
        return bool(self._change_lease(self._key, owner=self._owner, lease=_milliseconds(seconds)))

    def delete(self) -> bool:
        """Delete the mark. Return False if it has expired, and another owner may have it."""
        return bool(self._change_lease(self._key, owner=self._owner, lease=0))


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
