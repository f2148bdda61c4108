"""The monitor: a store whose POS is down takes no orders, and takes them again when the POS is back.

::

    look:    good                bad                       nothing
             open                down, closed,             unknown, not offered,
                                 failed, too slow          too many calls in flight here
    ───────────────────────────────────────────────────────────────────────────────────
    HEALTH_FAILURE_THRESHOLD bad ones in a row    → paused, once; owner monitor, or pos when it says closed
    HEALTH_SUCCESS_THRESHOLD good ones in a row  → what the monitor or the POS has paused is lifted

A person's word stands: what a person has paused stays paused, and what a person has resumed is not paused again before the POS
was seen to be well in between.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

import redis

from webhook_kit.adapter import Capability, Store, StoreState
from webhook_kit.errors import AdapterError, ConcurrencyLimit, OperationRejected, Unsupported, WebhookKitError
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import Intervals
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.concurrency import for_each_store
from webhook_kit.stores.status import Owner, StoreStatusService

__all__ = ["FailureCount", "HealthAction", "HealthCheckResult", "HealthMonitor", "evaluate"]

log = logger("monitor")

_PATIENCE = 10.0
"""Seconds that a POS may take to say how it is; less when ``POS_DEADLINE`` is less."""

_FORGOTTEN = 86_400
"""Seconds after which the looks at a store nobody looks at any more are forgotten."""


class HealthCheckResult(StrEnum):
    """What a look at a POS showed."""

    GOOD = "good"
    DOWN = "down"
    """It says so, fails, or does not answer."""
    CLOSED = "closed"
    """It works, and says that the store is closed."""
    NOTHING = "nothing"
    """It says nothing that counts."""


class HealthAction(StrEnum):
    """What follows from a look."""

    NONE = "none"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class FailureCount:
    """What the looks so far add up to.

    :ivar bad: bad looks in a row.
    :ivar good: good looks in a row.
    :ivar judged: whether this row of bad looks has led to a pause already.
    """

    bad: int = 0
    good: int = 0
    judged: bool = False


def evaluate(
    tally: FailureCount, look: HealthCheckResult, *, pause_after: int, resume_after: int
) -> tuple[FailureCount, HealthAction]:
    """What follows from one more look."""
    if look is HealthCheckResult.NOTHING:
        return tally, HealthAction.NONE
    if look is HealthCheckResult.GOOD:
        good = min(tally.good + 1, resume_after)
        return FailureCount(good=good), HealthAction.RESUME if good >= resume_after else HealthAction.NONE
    bad = min(tally.bad + 1, pause_after)
    pause = bad >= pause_after and not tally.judged
    return FailureCount(bad=bad, judged=tally.judged or pause), HealthAction.PAUSE if pause else HealthAction.NONE


class HealthMonitor:
    """Looks at POS systems. Any number of processes may; each store is looked at by one of them at a time."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        calls: PosExecutor,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._intervals = Intervals(connection, keys)
        self._stores = stores
        self._store_status = store_status
        self._calls = calls
        self._every = settings.health_check_interval
        self._patience = min(_PATIENCE, settings.pos_deadline)
        self._pause_after = settings.health_failure_threshold
        self._resume_after = settings.health_success_threshold

    def check_all(self) -> int:
        """Look at every store that is due.

        :return: how many were paused or resumed.
        """
        due = [store for store in self._stores if self._is_watched(store)]
        return sum(for_each_store(due, self._check_if_due, name="monitor"))

    def check(self, store: Store) -> HealthAction:
        """Look at one store now.

        :raises redis.RedisError: when what was seen cannot be kept; the next look goes on from before.
        """
        seen = self._seen(store)
        tally, verdict = evaluate(
            self._tally(store), seen, pause_after=self._pause_after, resume_after=self._resume_after
        )
        # First the deed: a process that dies in between does it twice, which changes nothing, rather than never.
        if verdict is HealthAction.PAUSE:
            verdict = self._pause(store, seen)
        elif verdict is HealthAction.RESUME:
            verdict = self._resume(store)
        key = self._keys.health(store.id)
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

    def _check_if_due(self, store: Store) -> bool:
        # The mark keeps others away while this look lasts, and until the next one is due; it lapses by itself.
        begun, task = time.monotonic(), f"health-check:{store.id}"
        try:
            if not self._intervals.claim(task, max(self._every, self._patience) + 5):
                return False
            verdict = self.check(store)
            left = self._every * 0.9 - (time.monotonic() - begun)
            self._intervals.end_in(task, left)
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("store not looked at", store=store.id, error=type(error).__name__)
            return False
        return verdict is not HealthAction.NONE

    def _seen(self, store: Store) -> HealthCheckResult:
        adapter = self._stores.adapter(store)
        try:
            state: object = self._calls.run(store.id, lambda: adapter.store_status(store), deadline=self._patience)
        except (Unsupported, ConcurrencyLimit):  # which say something of the adapter, and of this process
            return HealthCheckResult.NOTHING
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
            log.info("pos cannot be asked", store=store.id, error=type(error).__name__)
            return HealthCheckResult.DOWN
        if not isinstance(state, StoreState):
            log.warning("store_status returned no StoreState", store=store.id, type=type(state).__name__)
            return HealthCheckResult.NOTHING
        return _LOOKS[state]

    def _tally(self, store: Store) -> FailureCount:
        bad, good, judged = self._redis.hmget(self._keys.health(store.id), "bad", "good", "judged")
        return FailureCount(int(bad or 0), int(good or 0), text(judged) == "1")

    def _pause(self, store: Store, seen: HealthCheckResult) -> HealthAction:
        held = self._store_status.pause_owner(store)
        if held is not None:
            return HealthAction.NONE
        owner = Owner.POS if seen is HealthCheckResult.CLOSED else Owner.MONITOR
        reason = PauseReason.OTHER if seen is HealthCheckResult.CLOSED else PauseReason.OPERATIONAL_ISSUES
        said = self._store_status.pause(store, reason, owner=owner)
        log.warning("store paused", store=store.id, owner=owner, said=said, looks=self._pause_after)
        return HealthAction.PAUSE

    def _resume(self, store: Store) -> HealthAction:
        held = self._store_status.pause_owner(store)
        if held not in (Owner.MONITOR, Owner.POS):
            return HealthAction.NONE
        try:
            said = self._store_status.resume(store, owner=held)
        except OperationRejected as error:  # somebody else's by now
            log.info("store not resumed", store=store.id, why=str(error))
            return HealthAction.NONE
        log.info("store resumed", store=store.id, owner=held, said=said, looks=self._resume_after)
        return HealthAction.RESUME


_LOOKS = {
    StoreState.OPEN: HealthCheckResult.GOOD,
    StoreState.DOWN: HealthCheckResult.DOWN,
    StoreState.CLOSED: HealthCheckResult.CLOSED,
    StoreState.UNKNOWN: HealthCheckResult.NOTHING,
}
