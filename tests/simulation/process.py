"""A process of the kit that is stopped at a chosen point: before or after a command to Redis, a call of the POS or of Gett."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import redis

from webhook_kit.storage.connection import _Client

__all__ = ["SimulatedProcess", "SimulatedRedis", "Stopped"]

T = TypeVar("T")


class Stopped(BaseException):
    """The process was stopped: nothing that it still executes has an effect."""


class SimulatedProcess:
    """Counts the points that a process passes. From the point at which it is stopped, it reaches nothing any more.

    :ivar points: names of the points that it has passed.
    """

    def __init__(self, on_point: Callable[[int], None] = lambda _point: None, stop_at: int | None = None) -> None:
        """:param on_point: called at each point, before the process goes on or is stopped."""
        self.points: list[str] = []
        self.stopped = False
        self._on_point = on_point
        self._stop_at = stop_at

    def call(self, name: str, action: Callable[[], T]) -> T:
        """Act between two points. The second one lies before the caller gets the result, or the exception."""
        self._pass(f"before {name}")
        try:
            result = action()
        except Exception:
            self._pass(f"after {name}")
            raise
        self._pass(f"after {name}")
        return result

    def _pass(self, name: str) -> None:
        if self.stopped:  # what it does while it unwinds
            raise Stopped
        point = len(self.points)
        self.points.append(name)
        self._on_point(point)
        if point == self._stop_at:
            self.stopped = True
            raise Stopped


class SimulatedRedis(_Client):
    """The kit's client, for one process. A pipeline counts as one command."""

    process: SimulatedProcess
    scripts: dict[str, str]
    now: Callable[[], float]

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Send a command between two points of the process."""
        name = str(arguments[0])
        if name in ("EVALSHA", "EVAL"):
            name = self.scripts.get(arguments[1], name)
        send = super().execute_command
        return self.process.call(name, lambda: send(*arguments, **options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """Return a pipeline that is sent between two points of the process."""
        pipeline = super().pipeline(transaction, shard_hint)
        send = pipeline.execute
        pipeline.execute = lambda *rest, **options: self.process.call("pipeline", lambda: send(*rest, **options))  # type: ignore[method-assign]
        return pipeline

    def time(self, **_options: Any) -> Any:
        """Return the simulated time, as all scripts see it."""
        now = self.now()
        return int(now), int(now % 1 * 1e6)


assert issubclass(SimulatedRedis, redis.Redis)
