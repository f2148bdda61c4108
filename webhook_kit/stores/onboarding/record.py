"""How far each onboarding is, in Redis; one at a time for each store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from webhook_kit.errors import Conflict
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["OnboardingLease", "Progress", "Records", "Step"]

log = logger("onboarding")

_LEASE = 150.0
"""Seconds after which the lock of an onboarding that died lapses; longer than its longest call, the wait for the quota included."""


class Step(StrEnum):
    """How far an onboarding is on our side."""

    REGISTERING = "registering"
    """The registration is being sent; when nobody is at it any more, its answer was lost."""
    REGISTERED = "registered"
    ACTIVATING = "activating"
    ACTIVE = "active"
    """Gett has activated the store; its id goes into the directory."""
    DONE = "done"
    FAILED = "failed"
    """Gett could not take in the menu."""
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an onboarding stands.

    :ivar status: Gett's own word (:class:`~webhook_kit.gett.models.store.OnboardingStatus`), or the empty text.
    :ivar gett_id: Gett's id of the store, once there is one.
    :ivar error: what Gett said when it could not take in the menu.
    :ivar at: when this step was written down, Unix seconds.
    """

    store_id: str
    step: Step
    status: str = ""
    onboarding_id: str = ""
    gett_id: str = ""
    error: str = ""
    at: float = 0.0


class Records:
    """The records of this installation.

    :param keep: seconds for which a finished onboarding is remembered.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, keep: int) -> None:
        self._redis = connection
        self._keys = keys
        self._keep = keep

    def read(self, store_id: str) -> Progress | None:
        """Where a store's onboarding stands, or None when there is none."""
        found = {text(k): text(v) for k, v in self._redis.hgetall(self._keys.onboarding(store_id)).items()}
        if not found:
            return None
        return Progress(store_id, Step(found.pop("step")), at=float(found.pop("at")), **found)

    def note(self, progress: Progress) -> Progress:
        """Write down where an onboarding stands now."""
        progress = replace(progress, at=time.time())
        fields = ["step", progress.step, "status", progress.status, "onboarding_id", progress.onboarding_id]
        fields += ["gett_id", progress.gett_id, "error", progress.error, "at", str(progress.at)]
        key = self._keys.onboarding(progress.store_id)
        with self._redis.pipeline() as pipeline:
            pipeline.hset(key, items=fields)
            if progress.step is Step.DONE:
                pipeline.expire(key, self._keep)
            else:
                pipeline.persist(key)
            pipeline.execute()
        facts = {"step": progress.step, "status": progress.status, "onboarding": progress.onboarding_id}
        log.info("onboarding", store=progress.store_id, **facts)
        return progress

    def forget(self, store_id: str) -> None:
        """There is no onboarding any more."""
        self._redis.delete(self._keys.onboarding(store_id))

    def follow(self, store_id: str) -> None:
        """The workers go on with it."""
        self._redis.sadd(self._keys.onboardings, store_id)

    def unfollow(self, store_id: str) -> None:
        """The workers leave it alone."""
        self._redis.srem(self._keys.onboardings, store_id)

    def followed(self) -> list[str]:
        """The stores whose onboarding the workers go on with."""
        return sorted(map(text, self._redis.smembers(self._keys.onboardings)))

    @contextmanager
    def alone(self, store_id: str) -> Iterator[OnboardingLease]:
        """Keep everybody else away from a store's onboarding.

        :raises Conflict: when somebody else is at it.
        """
        lock = Lock(self._redis, self._keys.onboarding_lock(store_id), timeout=_LEASE, blocking=False)
        if not lock.acquire():
            raise Conflict(
                f"store {store_id} is being onboarded by somebody else at this moment "
                f"(or was, and that died less than {_LEASE:.0f} s ago)"
            )
        try:
            yield OnboardingLease(lock)
        finally:
            with suppress(LockError, redis.RedisError):  # it lapses by itself
                lock.release()


class OnboardingLease:
    """The right to go on with an onboarding."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def hold(self) -> None:
        """Keep it for another while.

        :raises Conflict: when it has lapsed, and somebody else may have it: they go on, not we.
        """
        try:
            self._lock.reacquire()
        except LockError as lost:
            raise Conflict(
                "this onboarding took too long, and somebody else may have taken it over: look at it again"
            ) from lost
