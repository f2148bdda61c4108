"""Turns of the stores in a periodic task: each store has a moment of its own within the interval, by a hash of its id.

So the work for many stores is spread evenly, also when stores are added or removed. All workers share the position up to which
turns have been taken. After a pause the missed turns are made up for at twice the speed, and never all at once::

    interval    |··a····b·c··|··a····b·c··|··a····b·c··|
    turns taken ━━━━━━━━━━━━━━━━▶ position             ▲ now
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter

import redis

from webhook_kit.adapter import Store
from webhook_kit.logs import logger
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import RedisLock

__all__ = ["Turns"]

log = logger("turns")

_AT_ONCE = 8
"""Turns that one call takes in any case, so that the first round of a few stores does not last for a whole interval."""

_LOCK_SECONDS = 30.0
"""Seconds after which another worker continues the turns of one that died. A visit takes less."""

_MAX_IDLE = 15.0
"""Seconds after which a worker looks for new stores although no known one has its turn, or goes on after an exception."""

_REPORT_AGAIN = 600.0
"""Seconds between two reports that a round takes longer than its interval."""

_KEEP = 86_400
"""Seconds for which the position is kept after the last turn."""


class Turns:
    """Turns of a periodic task. Any number of processes may take them; each turn is taken once.

    :param task: name of the task.
    :param interval: seconds within which each store has one turn.
    :param per_minute: turns in a minute at most; a round over many stores then takes longer than the interval.
    :ivar pause: seconds between two calls of :meth:`take`.
    """

    def __init__(
        self, connection: redis.Redis, keys: Keys, task: str, interval: float, *, per_minute: float = math.inf
    ) -> None:
        self.pause = max(interval / 100, min(interval, 1.0))
        self._redis = connection
        self._keys = keys
        self._task = task
        self._interval = max(1, _microseconds(interval))
        self._per_minute = per_minute
        self._idle_until = self._report_from = float("-inf")

    def take(self, stores: Iterable[Store], visit: Callable[[Store], object]) -> int:
        """Visit each store whose turn has come since the last call of any process, in the order of the turns.

        :param stores: all stores that take part.
        :param visit: a result of False ends the call, and this store and those after it keep their turns. An exception ends it
            for some seconds, and only those after it keep theirs, so that one store cannot stop the others for good.
        :return: the number of stores that were visited.
        """
        if time.monotonic() < self._idle_until:
            return 0
        lock = RedisLock(self._redis, self._keys, self._keys.turns_lock(self._task), seconds=_LOCK_SECONDS)
        if not lock.acquire():
            return 0
        try:
            return self._take(lock, stores, visit)
        finally:
            lock.release()

    def _take(self, lock: RedisLock, stores: Iterable[Store], visit: Callable[[Store], object]) -> int:
        now = _microseconds(redis_time(self._redis))
        position, elapsed = self._position(now)
        turns = [(self._next_turn(store, position), store) for store in stores]
        due = sorted((each for each in turns if each[0] <= now), key=itemgetter(0))
        limit = self._limit(len(turns), elapsed)
        end = due[limit - 1][0] if due[limit:] else now
        visited, renew_at = 0, time.monotonic() + _LOCK_SECONDS / 3
        for turn, store in due:
            if turn > end:
                break
            if time.monotonic() >= renew_at:
                if not lock.extend():
                    return visited  # this process was too slow, and another one continues from the position that it has saved
                renew_at = time.monotonic() + _LOCK_SECONDS / 3
            try:
                stopped = visit(store) is False
            except BaseException:
                self._idle_until = time.monotonic() + min(_MAX_IDLE, self._interval / 1e6)
                self._save(turn, now)
                raise
            if stopped:
                self._save(turn - 1, now)
                return visited
            visited += 1
        self._save(end, now)
        upcoming = min((turn for turn, _ in turns if turn > end), default=now)
        self._idle_until = time.monotonic() + min(_MAX_IDLE, (upcoming - now) / 1e6)
        return visited

    def _next_turn(self, store: Store, position: int) -> int:
        """Return the moment of a store's first turn after a position; all moments are microseconds since 1970."""
        offset = (_hash(self._task) + _hash(store.id)) % self._interval
        return position + 1 + (offset - position - 1) % self._interval

    def _limit(self, stores: int, elapsed: int) -> int:
        """Return the number of turns that may be taken after so many microseconds: twice as many as usual, but few in any case."""
        usual = stores * elapsed / self._interval
        return int(min(max(2 * usual, _AT_ONCE), max(self._per_minute * elapsed / 60e6, 1)))

    def _position(self, now: int) -> tuple[int, int]:
        """Return the position up to which turns were taken, and the microseconds since the last call."""
        usual = _microseconds(self.pause)
        saved = text(self._redis.get(self._keys.turns(self._task))).split()
        if not saved:
            return now - self._interval, usual
        position, at = map(int, saved)
        behind = now - position
        if behind >= 2 * self._interval:
            if now - at < self._interval:
                self._report_late()
            # Whole rounds are left out, so that the next turn stays that of the same store.
            position += (behind // self._interval - 1) * self._interval
        return position, min(max(now - at, 0), usual)

    def _save(self, position: int, now: int) -> None:
        seconds = _KEEP + self._interval // 1_000_000
        self._redis.set(self._keys.turns(self._task), f"{position} {now}", ex=seconds)

    def _report_late(self) -> None:
        if time.monotonic() >= self._report_from:
            self._report_from = time.monotonic() + _REPORT_AGAIN
            why = "a round over all stores takes longer than its interval; run more sync workers, or make the interval longer"
            log.warning("turns_late", task=self._task, interval=self._interval / 1e6, why=why)


@lru_cache(maxsize=100_000)
def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:8])


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
