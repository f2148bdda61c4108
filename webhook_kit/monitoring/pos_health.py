"""``kit.pos_health``: health checks of POS systems. A store whose POS is down is paused, and resumed when the POS works again.

::

    check:   success             failure                   inconclusive
             open                down, closed,             unknown, not offered,
                                 failed, too slow          too many calls in flight here
    ───────────────────────────────────────────────────────────────────────────────────
    HEALTH_FAILURE_THRESHOLD failures in a row   → paused, once; owner monitor, or pos if it reports closed
    HEALTH_SUCCESS_THRESHOLD successes in a row  → a pause by the monitor or the POS is lifted

The decision of a person has priority: a store that a person has paused stays paused, and one that a person has resumed is not
paused again before a successful check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import redis

from webhook_kit.adapter import Capability, Store, StoreState
from webhook_kit.errors import AdapterError, ConcurrencyLimit, OperationRejected, Unsupported, WebhookKitError
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import HEALTH_CHECKS
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.stores.status import Owner, StoreStatusService

__all__ = ["HealthAction", "HealthCheckResult", "HealthCounts", "HealthMonitor", "evaluate"]

log = logger("pos_health")

_CHECK_TIMEOUT = 10.0
"""Seconds that a POS may take to report its status; less if ``POS_DEADLINE`` is less."""

_COUNTS_TTL = 86_400
"""Seconds after which the counts of a store that is not checked any more expire."""


class HealthCheckResult(StrEnum):
    """Result of one health check."""

    SUCCESS = "success"
    DOWN = "down"
    """The POS reports that it is down, fails, or does not answer."""
    CLOSED = "closed"
    """The POS works and reports that the store is closed."""
    INCONCLUSIVE = "inconclusive"
    """The check shows nothing about the POS; it does not count."""


class HealthAction(StrEnum):
    """Action that follows from a health check."""

    NONE = "none"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class HealthCounts:
    """Counts of the health checks of a store.

    :ivar failures: failed checks in a row.
    :ivar successes: successful checks in a row.
    :ivar acted: True if these failures have led to a pause already.
    """

    failures: int = 0
    successes: int = 0
    acted: bool = False


def evaluate(
    counts: HealthCounts, result: HealthCheckResult, *, failure_threshold: int, success_threshold: int
) -> tuple[HealthCounts, HealthAction]:
    """Return the counts after one more check, and the action that follows."""
    if result is HealthCheckResult.INCONCLUSIVE:
        return counts, HealthAction.NONE
    if result is HealthCheckResult.SUCCESS:
        successes = min(counts.successes + 1, success_threshold)
        action = HealthAction.RESUME if successes >= success_threshold else HealthAction.NONE
        return HealthCounts(successes=successes), action
    failures = min(counts.failures + 1, failure_threshold)
    pause = failures >= failure_threshold and not counts.acted
    action = HealthAction.PAUSE if pause else HealthAction.NONE
    return HealthCounts(failures=failures, acted=counts.acted or pause), action


class HealthMonitor:
    """Checks POS systems, several stores at a time. The counts are shared by all processes."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        pos_executor: PosExecutor,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._store_status = store_status
        self._pos_executor = pos_executor
        self._jobs = StoreJobs(self._check_by_id, slow=1.0)  # a POS that hangs must not delay the checks of the others
        self._check_timeout = min(_CHECK_TIMEOUT, settings.pos_deadline)
        self._failure_threshold = settings.health_failure_threshold
        self._success_threshold = settings.health_success_threshold

    def start_check(self, store: Store, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Start a check of a store in a thread of its own, unless its POS cannot be checked.

        :param stopping: ends the wait for other checks when it returns True.
        :return: False if the check has to be started later.
        """
        if not self._can_be_checked(store):
            return True
        return self._jobs.start("pos-health", store.id, stopping)

    def check(self, store: Store) -> HealthAction:
        """Check one store now.

        :raises redis.RedisError: the result cannot be saved; the next check continues from the counts before this one.
        """
        result = self._result(store)
        HEALTH_CHECKS.count(result)
        counts, action = evaluate(
            self._counts(store),
            result,
            failure_threshold=self._failure_threshold,
            success_threshold=self._success_threshold,
        )
        # Act before saving the counts: after a crash in between, the next check acts again, which changes nothing.
        if action is HealthAction.PAUSE:
            action = self._pause(store, result)
        elif action is HealthAction.RESUME:
            action = self._resume(store)
        key = self._keys.health(store.id)
        fields: list[str | int] = [
            "failures",
            counts.failures,
            "successes",
            counts.successes,
            "acted",
            int(counts.acted),
        ]
        with self._redis.pipeline() as pipeline:
            now = int(redis_time(self._redis))
            pipeline.hset(key, items=[*fields, "result", result, "at", now])
            pipeline.expire(key, _COUNTS_TTL)
            if counts.failures:
                pipeline.zadd(self._keys.failing_stores, {store.id: now}, nx=True)
            else:
                pipeline.zrem(self._keys.failing_stores, store.id)
            pipeline.execute()
        return action

    def _can_be_checked(self, store: Store) -> bool:
        if not store.gett_id:
            return False
        try:
            return self._stores.adapter(store).offers(Capability.STORE_STATUS)
        except AdapterError as error:  # only a vendor's own directory can have a store with such an adapter
            log.warning("health_check_failed", store=store.id, why=str(error))
            return False

    def _check_by_id(self, _job: str, store_id: str) -> None:
        try:
            if (store := self._stores.by_id(store_id)) is not None:  # else it was removed meanwhile
                self.check(store)
        except (redis.RedisError, WebhookKitError) as error:
            log.warning("health_check_failed", store=store_id, error=type(error).__name__)

    def _result(self, store: Store) -> HealthCheckResult:
        adapter = self._stores.adapter(store)
        try:
            state: object = self._pos_executor.run(
                store.id, "store_status", lambda: adapter.store_status(store), deadline=self._check_timeout
            )
        except (Unsupported, ConcurrencyLimit):  # about the adapter and about this process, not about the POS
            return HealthCheckResult.INCONCLUSIVE
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
            log.info("pos_status_failed", store=store.id, error=type(error).__name__)
            return HealthCheckResult.DOWN
        if not isinstance(state, StoreState):
            log.warning("pos_status_rejected", store=store.id, type=type(state).__name__)
            return HealthCheckResult.INCONCLUSIVE
        return _RESULTS[state]

    def _counts(self, store: Store) -> HealthCounts:
        failures, successes, acted = self._redis.hmget(self._keys.health(store.id), "failures", "successes", "acted")
        return HealthCounts(int(failures or 0), int(successes or 0), text(acted) == "1")

    def _pause(self, store: Store, check: HealthCheckResult) -> HealthAction:
        if self._store_status.pause_owner(store) is not None:
            return HealthAction.NONE
        owner = Owner.POS if check is HealthCheckResult.CLOSED else Owner.MONITOR
        reason = PauseReason.OTHER if check is HealthCheckResult.CLOSED else PauseReason.OPERATIONAL_ISSUES
        result = self._store_status.pause(store, reason, owner=owner)
        log.warning("store_paused", store=store.id, owner=owner, result=result, checks=self._failure_threshold)
        return HealthAction.PAUSE

    def _resume(self, store: Store) -> HealthAction:
        owner = self._store_status.pause_owner(store)
        if owner not in (Owner.MONITOR, Owner.POS):
            return HealthAction.NONE
        try:
            result = self._store_status.resume(store, owner=owner)
        except OperationRejected as error:  # the pause has another owner by now
            log.info("store_resume_rejected", store=store.id, why=str(error))
            return HealthAction.NONE
        log.info("store_resumed", store=store.id, owner=owner, result=result, checks=self._success_threshold)
        return HealthAction.RESUME


_RESULTS = {
    StoreState.OPEN: HealthCheckResult.SUCCESS,
    StoreState.DOWN: HealthCheckResult.DOWN,
    StoreState.CLOSED: HealthCheckResult.CLOSED,
    StoreState.UNKNOWN: HealthCheckResult.INCONCLUSIVE,
}
