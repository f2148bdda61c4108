"""Two Redis servers behind one address, and a fail-over from one to the other."""

from __future__ import annotations

from typing import Self

import redis

from webhook_kit.testing.lossy_proxy import LossyProxy
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["FailOver"]


class FailOver:
    """A context manager; ``url`` is the value for ``REDIS_URL``."""

    def __init__(self) -> None:
        self._old, self._new = RedisServer(), RedisServer()

    def __enter__(self) -> Self:
        self._old.start()
        self._new.start()
        self._address = LossyProxy("127.0.0.1", self._old.port).__enter__()
        self.url = f"redis://127.0.0.1:{self._address.port}/0"
        return self

    def __exit__(self, *exc: object) -> None:
        self._address.__exit__(*exc)
        # A server that is asked to stop would wait for its replica.
        self._old.kill()
        self._new.kill()

    def __call__(self) -> None:
        """Make the other server the primary, and the former primary its replica; the address leads to the new one."""
        primary, replica = redis.Redis(port=self._old.port), redis.Redis(port=self._new.port)
        replica.replicaof("127.0.0.1", str(self._old.port))
        wait_until(
            lambda: replica.info("replication")["master_link_status"] == "up", message="the replica to be in sync"
        )
        replica.replicaof("NO", "ONE")
        self._address.redirect("127.0.0.1", self._new.port)
        primary.replicaof("127.0.0.1", str(self._new.port))
