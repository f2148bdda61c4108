"""Id of an installation: random, and the same for all processes that share a Redis and a KEY_PREFIX. It is no secret."""

from __future__ import annotations

from uuid import uuid4

import redis

from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["installation_id"]


def installation_id(connection: redis.Redis, keys: Keys) -> str:
    """Return the id; the first caller makes it."""
    if (known := connection.get(keys.installation)) is None:
        connection.set(keys.installation, uuid4().hex, nx=True)
        known = connection.get(keys.installation)
    return text(known)
