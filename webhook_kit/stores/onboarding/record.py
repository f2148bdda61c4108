"""Records of the onboardings in Redis, and a lock that allows one onboarding per store at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum

import redis

from webhook_kit.errors import Conflict
from webhook_kit.logs import logger
from webhook_kit.storage import formats
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import NewerFormat, is_newer, newer_format
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import RedisLock

__all__ = ["OnboardingLease", "OnboardingRecords", "Progress", "Step"]

log = logger("onboarding")

_LEASE = 150.0
"""Seconds after which the lock of a crashed onboarding expires; longer than its longest call, with the wait for the quota."""


_LONGEST_ERROR = 1000
"""Characters of an error that are saved."""


class Step(StrEnum):
    """Last step of an onboarding that was recorded."""

    REGISTERING = "registering"
    """The registration is being sent. If no process holds the lock, its answer was lost."""
    REGISTERED = "registered"
    ACTIVATING = "activating"
    ACTIVE = "active"
    """Gett has activated the store; its id has to be saved in the directory."""
    DONE = "done"
    FAILED = "failed"
    """Gett rejected the catalog."""
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class Progress:
    """State of an onboarding.

    :ivar status: status at Gett (:class:`~webhook_kit.gett.models.store.OnboardingStatus`), or the empty text.
    :ivar gett_id: Gett's id of the store, or the empty text.
    :ivar error: Gett's error when it rejected the catalog, or the empty text.
    :ivar last_error: reason for which a worker could not continue after this step, or the empty text.
    :ivar at: time at which the step was recorded, Unix seconds.
    """

    store_id: str
    step: Step
    status: str = ""
    onboarding_id: str = ""
    gett_id: str = ""
    error: str = ""
    at: float = 0.0
    last_error: str = ""


class OnboardingRecords:
    """Records of the onboardings of this installation.

    :param keep: seconds for which the record of a finished onboarding is kept.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, keep: int) -> None:
        self._redis = connection
        self._keys = keys
        self._keep = keep

    def read(self, store_id: str) -> Progress | None:
        """Return the state of a store's onboarding, or None if there is none.

        :raises NewerFormat: a later version has recorded it.
        """
        fields = {text(k): text(v) for k, v in self._redis.hgetall(self._keys.onboarding(store_id)).items()}
        if not fields:
            return None
        if is_newer(form := fields.pop("format", None), formats.ONBOARDING):
            raise newer_format(f"the onboarding of store {store_id}", form)
        return Progress(store_id, Step(fields.pop("step")), at=float(fields.pop("at")), **fields)

    def save(self, progress: Progress) -> Progress:
        """Save the state of an onboarding; return it with the current time."""
        progress = replace(progress, at=time.time(), last_error="")
        fields: list[str | int] = [
            "format",
            formats.ONBOARDING,
            "step",
            progress.step,
            "status",
            progress.status,
            "onboarding_id",
            progress.onboarding_id,
        ]
        fields += ["gett_id", progress.gett_id, "error", progress.error, "last_error", "", "at", str(progress.at)]
        key = self._keys.onboarding(progress.store_id)
        with self._redis.pipeline() as pipeline:
            pipeline.hset(key, items=fields)
            pipeline.zadd(self._keys.onboarding_list, {progress.store_id: progress.at})
            if progress.step is Step.DONE:
                pipeline.expire(key, self._keep)
            else:
                pipeline.persist(key)
            if progress.step is Step.REGISTERING:
                pipeline.sadd(self._keys.registering, progress.store_id)
            else:
                pipeline.srem(self._keys.registering, progress.store_id)
            pipeline.execute()
        facts = {"step": progress.step, "status": progress.status, "onboarding": progress.onboarding_id}
        log.info("onboarding_saved", store=progress.store_id, **facts)
        return progress

    def save_error(self, store_id: str, why: str) -> None:
        """Save why the onboarding could not be continued, until its next step."""
        key = self._keys.onboarding(store_id)
        if self._redis.exists(key):  # else nothing was registered, and the alert alone tells why
            self._redis.hset(key, "last_error", why[:_LONGEST_ERROR])

    def recent(self, start: int, limit: int) -> list[Progress]:
        """Return the state of onboardings, the last one that changed first."""
        store_ids = map(text, self._redis.zrevrange(self._keys.onboarding_list, start, start + limit - 1))
        found: dict[str, Progress | None] = {}
        for store_id in store_ids:
            with suppress(NewerFormat):  # of a later version: its console shows it
                found[store_id] = self.read(store_id)
        if ended := [store_id for store_id, progress in found.items() if progress is None]:
            self._redis.zrem(self._keys.onboarding_list, *ended)  # their records have expired
        return [progress for progress in found.values() if progress is not None]

    def count(self) -> int:
        """Return the number of onboardings with a record; some may have expired."""
        return int(self._redis.zcard(self._keys.onboarding_list))

    def delete(self, store_id: str) -> None:
        """Delete the record of a store's onboarding."""
        with self._redis.pipeline() as pipeline:
            pipeline.delete(self._keys.onboarding(store_id))
            pipeline.zrem(self._keys.onboarding_list, store_id)
            pipeline.srem(self._keys.registering, store_id)
            pipeline.execute()

    def registering(self) -> list[str]:
        """Return the ids of the stores whose registration is being sent, or whose sender has died."""
        return sorted(map(text, self._redis.smembers(self._keys.registering)))

    def follow(self, store_id: str) -> None:
        """Add a store to those whose onboarding the workers continue."""
        self._redis.sadd(self._keys.onboardings, store_id)

    def unfollow(self, store_id: str) -> None:
        """Remove a store from those whose onboarding the workers continue."""
        self._redis.srem(self._keys.onboardings, store_id)

    def followed(self) -> list[str]:
        """Return the ids of the stores whose onboarding the workers continue."""
        return sorted(map(text, self._redis.smembers(self._keys.onboardings)))

    @contextmanager
    def lock(self, store_id: str) -> Iterator[OnboardingLease]:
        """Hold the lock of a store's onboarding.

        :raises Conflict: another process holds it.
        """
        conflict = (
            f"store {store_id} is being onboarded by another process; "
            f"wait until it ends, or {_LEASE:.0f} s if it has crashed"
        )
        key = self._keys.onboarding_lock(store_id)
        with RedisLock(self._redis, self._keys, key, seconds=_LEASE, conflict=conflict) as lock:
            yield OnboardingLease(store_id, lock)


class OnboardingLease:
    """Right to continue a store's onboarding, limited in time."""

    def __init__(self, store_id: str, lock: RedisLock) -> None:
        self._store_id = store_id
        self._lock = lock

    def renew(self) -> None:
        """Extend the lease.

        :raises Conflict: it has expired, so that another process may have it.
        """
        if not self._lock.extend():
            raise Conflict(
                f"the onboarding of store {self._store_id} took too long, and another process may continue it; "
                f"see `webhook-kit stores show {self._store_id}`"
            )
