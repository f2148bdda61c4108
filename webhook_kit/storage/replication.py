"""Writes that replicas have: they survive the loss of the primary."""

from __future__ import annotations

from typing import Any

import redis

__all__ = ["ReplicatedWrites", "TooFewReplicas"]


class TooFewReplicas(redis.RedisError):
    """The command was executed, and fewer replicas than asked for have said in time that they have what it wrote."""


class ReplicatedWrites:
    """Sends a command as a client does, then waits until replicas have what it wrote.

    ``WAIT`` is about the writes of its own connection, so each command has to write something, also if it is sent again after a lost
    reply. Both go in one round trip.
    """

    def __init__(self, connection: redis.Redis, *, replicas: int, timeout: float) -> None:
        """Prepare the commands.

        :param replicas: number of replicas.
        :param timeout: seconds to wait for them.
        """
        self._redis = connection
        self._replicas = replicas
        self._timeout = timeout

    def execute_command(self, *words: Any) -> Any:
        """Send a command and return the reply.

        :raises TooFewReplicas: fewer replicas have what it wrote.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            pipeline.execute_command("WAIT", self._replicas, max(1, int(self._timeout * 1000)))  # type: ignore[no-untyped-call]
            reply, acknowledged = pipeline.execute()
        if acknowledged < self._replicas:
            raise TooFewReplicas(f"NOREPLICAS {acknowledged} of {self._replicas} replicas have the write")
        return reply
