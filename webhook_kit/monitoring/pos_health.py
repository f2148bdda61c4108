"""The monitor: a store whose POS is down takes no orders, and takes them again when the POS is back.

::

    look:    good                bad                       nothing
             open                down, closed,             unknown, not offered,
                                 failed, too slow          too many calls in flight here
    ───────────────────────────────────────────────────────────────────────────────────
    PAUSE_AFTER_LOOKS bad ones in a row    → paused, once; owner monitor, or pos when it says closed
    RESUME_AFTER_LOOKS good ones in a row  → what the monitor or the POS has paused is lifted

A person's word stands: what a person has paused stays paused, and what a person has resumed is not paused again before the POS
was seen to be well in between.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import redis

from webhook_kit.adapter import Capability, Store, StoreState
from webhook_kit.errors import AdapterError, Impossible, PosBusy, Unsupported, WebhookKitError
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosCalls
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores.status import Owner, Stores

__all__ = ["Look", "Monitor", "Tally", "Verdict", "judge"]

log = logger("monitor")

_STORES_AT_ONCE = 8
_PATIENCE = 10.0
"""Seconds that a POS may take to say how it is; less when ``POS_DEADLINE`` is less."""

_FORGOTTEN = 86_400
"""Seconds after which the looks at a store nobody looks at any more are forgotten."""


class Look(StrEnum):
    """What a look at a POS showed."""

    GOOD = "good"
    DOWN = "down"
    """It says so, fails, or does not answer."""
    CLOSED = "closed"
    """It works, and says that the store is closed."""
    NOTHING = "nothing"
    """It says nothing that counts."""


class Verdict(StrEnum):
    """What follows from a look."""

    NONE = "none"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Tally:
    """What the looks so far add up to.

    :ivar bad: bad looks in a row.
    :ivar good: good looks in a row.
    :ivar judged: whether this row of bad looks has led to a pause already.
    """

    bad: int = 0
    good: int = 0
    judged: bool = False


def judge(tally: Tally, look: Look, *, pause_after: int, resume_after: int) -> tuple[Tally, Verdict]:
    """What follows from one more look."""
    if look is Look.NOTHING:
        return tally, Verdict.NONE
    if look is Look.GOOD:
        good = min(tally.good + 1, resume_after)
        return Tally(good=good), Verdict.RESUME if good >= resume_after else Verdict.NONE
    bad = min(tally.bad + 1, pause_after)
    pause = bad >= pause_after and not tally.judged
    return Tally(bad=bad, judged=tally.judged or pause), Verdict.PAUSE if pause else Verdict.NONE


class Monitor:
    """Looks at POS systems. Any number of processes may; each store is looked at by one of them at a time."""

    def __init__(
        self, connection: redis.Redis, keys: Keys, stores: Stores, calls: PosCalls, settings: Settings
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._calls = calls
        self._every = settings.monitor_every
        self._patience = min(_PATIENCE, settings.pos_deadline)
        self._pause_after = settings.pause_after_looks
        self._resume_after = settings.resume_after_looks

    def look_at_all(self) -> int:
        """Look at every store that is due.

        :return: how many were paused or resumed.
        """
        due = [store for store in self._stores if self._is_watched(store)]
        with ThreadPoolExecutor(_STORES_AT_ONCE, thread_name_prefix="monitor") as pool:
            return sum(pool.map(self._look_if_due, due))

    def look(self, store: Store) -> Verdict:
        """Look at one store now.

        :raises redis.RedisError: when what was seen cannot be kept; the next look goes on from before.
        """
        seen = self._seen(store)
        tally, verdict = judge(self._tally(store), seen, pause_after=self._pause_after, resume_after=self._resume_after)
        # First the deed: a process that dies in between does it twice, which changes nothing, rather than never.
        if verdict is Verdict.PAUSE:
            verdict = self._pause(store, seen)
        elif verdict is Verdict.RESUME:
            verdict = self._resume(store)
        key = self._keys.monitor(store.id)
        with self._redis.pipeline() as pipeline:
            pipeline.hset(key, items=["bad", tally.bad, "good", tally.good, "judged", int(tally.judged), "seen", seen])
            pipeline.expire(key, _FORGOTTEN)
            pipeline.execute()
        return verdict

    def _is_watched(self, store: Store) -> bool:
        if not store.gett_id:
            return False
        try:
            return self._stores.adapter(store).offers(Capability.STORE_STATUS)
        except AdapterError as error:  # of a store that only a vendor's own directory vouches for
            log.warning("store not looked at", store=store.id, why=str(error))
            return False

    def _look_if_due(self, store: Store) -> bool:
        # The mark keeps others away while this look lasts, and until the next one is due; it lapses by itself.
        begun, mark = time.monotonic(), self._keys.monitored(store.id)
        try:
            if not self._redis.set(mark, "1", nx=True, px=int((max(self._every, self._patience) + 5) * 1000)):
                return False
            verdict = self.look(store)
            left = self._every * 0.9 - (time.monotonic() - begun)
            self._redis.pexpire(mark, max(1, int(left * 1000)))
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("store not looked at", store=store.id, error=type(error).__name__)
            return False
        return verdict is not Verdict.NONE

    def _seen(self, store: Store) -> Look:
        adapter = self._stores.adapter(store)
        try:
            state: object = self._calls.run(store.id, lambda: adapter.store_status(store), deadline=self._patience)
        except (Unsupported, PosBusy):  # which say something of the adapter, and of this process
            return Look.NOTHING
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
            log.info("pos cannot be asked", store=store.id, error=type(error).__name__)
            return Look.DOWN
        if not isinstance(state, StoreState):
            log.warning("store_status returned no StoreState", store=store.id, type=type(state).__name__)
            return Look.NOTHING
        return _LOOKS[state]

    def _tally(self, store: Store) -> Tally:
        bad, good, judged = self._redis.hmget(self._keys.monitor(store.id), "bad", "good", "judged")
        return Tally(int(bad or 0), int(good or 0), text(judged) == "1")

    def _pause(self, store: Store, seen: Look) -> Verdict:
        held = self._stores.pause_owner(store)
        if held is not None:
            return Verdict.NONE
        owner = Owner.POS if seen is Look.CLOSED else Owner.MONITOR
        reason = PauseReason.OTHER if seen is Look.CLOSED else PauseReason.OPERATIONAL_ISSUES
        said = self._stores.pause(store, reason, owner=owner)
        log.warning("store paused", store=store.id, owner=owner, said=said, looks=self._pause_after)
        return Verdict.PAUSE

    def _resume(self, store: Store) -> Verdict:
        held = self._stores.pause_owner(store)
        if held not in (Owner.MONITOR, Owner.POS):
            return Verdict.NONE
        try:
            said = self._stores.resume(store, owner=held)
        except Impossible as error:  # somebody else's by now
            log.info("store not resumed", store=store.id, why=str(error))
            return Verdict.NONE
        log.info("store resumed", store=store.id, owner=held, said=said, looks=self._resume_after)
        return Verdict.RESUME


_LOOKS = {
    StoreState.OPEN: Look.GOOD,
    StoreState.DOWN: Look.DOWN,
    StoreState.CLOSED: Look.CLOSED,
    StoreState.UNKNOWN: Look.NOTHING,
}
