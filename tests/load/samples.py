"""Samples of what the processes of an installation and its Redis hold, and the bounds within which each is flat."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psutil
import redis

from tests.load.installation import Installation
from tests.load.verdict import Bound, Trend, judge

__all__ = ["Sampler"]

BOUNDS = {
    "rss": Bound(1.5, 0.02),
    "private": Bound(1.5, 0.02),
    "threads": Bound(1),
    "fds": Bound(1),
    "used": Bound(0.5, 0.05),
    "dataset": Bound(0.5, 0.05),
    "keys": Bound(50, 0.05),
    "connections": Bound(1),
}
"""Growth in an hour that is flat. Memory is in MB: a tenth of a kilobyte for each order is far more at the rate of the soak."""


class Sampler:
    """Takes samples of an installation.

    :ivar series: by name, as ``push pss``, the moments in seconds and the values.
    :ivar restarted: processes that are not those of the first sample.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._redis = redis.Redis.from_url(installation.redis.url)
        self._started = time.monotonic()
        self._pids: dict[str, int] = {}
        self.series: dict[str, list[tuple[float, float]]] = {}
        self.restarted: set[str] = set()

    def take(self) -> dict[str, float]:
        """Take one sample, and return it."""
        values: dict[str, float] = {}
        processes = self._installation.processes()
        for name, process in processes.items():
            values |= {f"{name} {what}": value for what, value in _of(process).items()}
        pids = {name: process.pid for name, process in processes.items()}
        self._pids = self._pids or pids
        self.restarted |= {name for name, _ in self._pids.items() ^ pids.items()}
        memory = self._redis.info("memory")
        values["redis used"] = memory["used_memory"] / 1e6
        values["redis dataset"] = memory["used_memory_dataset"] / 1e6
        values["redis keys"] = self._redis.dbsize()
        values["redis connections"] = self._redis.info("clients")["connected_clients"]
        at = time.monotonic() - self._started
        for name, value in values.items():
            self.series.setdefault(name, []).append((at, value))
        return {"at": at, **values}

    def trends(self) -> Mapping[str, Trend]:
        """Return the trend of each series over the second half."""
        return {name: judge(samples, BOUNDS[name.rsplit(" ", 1)[1]]) for name, samples in self.series.items()}


def _of(process: psutil.Process) -> dict[str, float]:
    with process.oneshot():
        memory = process.memory_full_info()
        return {
            "rss": memory.rss / 1e6,
            "private": memory.uss / 1e6,  # PSS would change with what other programs of this machine share
            "threads": process.num_threads(),
            "fds": process.num_fds(),
        }
