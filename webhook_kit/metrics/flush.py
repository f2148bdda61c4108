"""``kit.metrics``: adds what this process has counted to the totals in Redis, every two seconds and when the process ends.

A process that is killed loses what it counted in these two seconds. While Redis is away, everything is added up here and written
later; the series are bounded, so that the memory is, too.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import redis

from webhook_kit.logs import logger
from webhook_kit.metrics.recorder import Totals, take_observations
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["FLUSH_INTERVAL", "QUOTA_USED", "SLOT_SECONDS", "WAITING", "MetricTotals"]

log = logger("metrics")

FLUSH_INTERVAL = 2.0
"""Seconds between two flushes: what a process loses that is killed."""

SLOT_SECONDS = 300
"""Seconds of one slot of the graphs."""

QUOTA_USED = "gauge|quota_used"
"""Field of a slot: writes of the quota that were used."""

WAITING = "gauge|waiting"
"""Field of a slot: lanes with an update that waits."""

_SLOT_TTL = 25 * 3600
"""Seconds for which a slot is kept."""


@dataclass(slots=True)
class _Batch:
    """Increments that are written together."""

    totals: Totals = field(default_factory=dict)
    graphed: Totals = field(default_factory=dict)


class MetricTotals:
    """The counters and histograms of all processes, in Redis."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys
        self._add = Script(connection, keys, "webhook_kit.metrics/add")
        self._sample = Script(connection, keys, "webhook_kit.metrics/sample")
        self._lock = threading.Lock()
        self._process = os.urandom(8).hex()
        self._number = 0
        self._unwritten: _Batch | None = None
        self._next = _Batch()
        self._started = False

    def start(self) -> None:
        """Flush every few seconds in a thread, and at a normal exit of the process. A second call changes nothing."""
        with self._lock:
            if self._started:
                return
            self._started = True
        atexit.register(self.flush)
        os.register_at_fork(after_in_child=self._after_fork)
        self._start_thread()

    def flush(self) -> bool:
        """Write what was counted. Return False if Redis cannot take it now: it is kept, and written with a later flush."""
        with self._lock:
            take_observations(self._next.totals, self._next.graphed)
            if self._unwritten is not None and not self._write(self._unwritten):
                return False
            if not self._next.totals:
                return True
            self._unwritten, self._next, self._number = self._next, _Batch(), self._number + 1
            return self._write(self._unwritten)

    def sample(self, gauges: Mapping[str, int]) -> None:
        """Keep values of gauges for the graphs; of each slot the largest one.

        :raises redis.RedisError: Redis is not reachable.
        """
        values = [part for item in gauges.items() for part in item]
        self._sample(self._keys.metrics_slot(str(_slot(time.time()))), values=values, slot_ttl=_SLOT_TTL)

    def read(self) -> Totals:
        """Return the totals of all processes.

        :raises redis.RedisError: Redis is not reachable.
        """
        return _totals(self._redis.hgetall(self._keys.metrics))

    def slots(self, count: int, now: float | None = None) -> list[tuple[int, Totals]]:
        """Return the newest slots, oldest first, with the moment at which each begins (Unix seconds).

        :raises redis.RedisError: Redis is not reachable.
        """
        newest = _slot(time.time() if now is None else now)
        begins = [newest - SLOT_SECONDS * back for back in reversed(range(count))]
        with self._redis.pipeline(transaction=False) as pipeline:
            for begin in begins:
                pipeline.hgetall(self._keys.metrics_slot(str(begin)))
            return list(zip(begins, map(_totals, pipeline.execute()), strict=True))

    def _write(self, batch: _Batch) -> bool:
        """Write a batch. It is sent again unchanged after an error: the script knows its number."""
        try:
            self._add(
                self._keys.metrics,
                self._keys.metrics_slot(str(_slot(time.time()))),
                self._keys.metrics_batch(self._process),
                batch=self._number,
                totals=[part for item in batch.totals.items() for part in item],
                graphed=[part for item in batch.graphed.items() for part in item],
                slot_ttl=_SLOT_TTL,
            )
        except redis.RedisError as error:
            log.debug("metrics_not_written", error=type(error).__name__)
            return False
        self._unwritten = None
        return True

    def _start_thread(self) -> None:
        with suppress(RuntimeError):  # the system allows no further thread: orders matter more
            threading.Thread(target=self._repeat, name="metrics", daemon=True).start()

    def _repeat(self) -> None:
        while True:
            time.sleep(FLUSH_INTERVAL)
            try:
                self.flush()
            except Exception:
                log.exception("metrics_flush_failed")

    def _after_fork(self) -> None:
        """Begin anew in a child process: its parent writes what was counted before."""
        self._lock = threading.Lock()
        self._process, self._number, self._unwritten, self._next = os.urandom(8).hex(), 0, None, _Batch()
        take_observations({}, {})
        self._start_thread()


def _slot(moment: float) -> int:
    return int(moment) // SLOT_SECONDS * SLOT_SECONDS


def _totals(fields: Mapping[bytes | str, bytes | str]) -> Totals:
    return {text(name): int(value) for name, value in fields.items()}
