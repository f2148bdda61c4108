"""``kit.store_status``: pause and resume of stores at Gett.

Every pause has an owner, and only that owner or a person lifts it. Otherwise a POS that works again would reopen a kitchen that
its chef has closed.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import Conflict, InvalidTransition
from webhook_kit.gett.models.store import PauseReason, StoreAvailability
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, Update, store_online, store_paused
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import RedisLock
from webhook_kit.stores import StoreDirectory

__all__ = ["Owner", "StoreStatusService"]


class Owner(StrEnum):
    """Origin of a pause."""

    PERSON = "person"
    POS = "pos"
    """The POS reported that it is closed."""
    MONITOR = "monitor"
    """The health check of the kit found that the POS is down."""


class StoreStatusService:
    """Pauses and resumes stores at Gett."""

    def __init__(self, connection: redis.Redis, keys: Keys, stores: StoreDirectory, lanes: Lanes) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._lanes = lanes

    def pause(
        self,
        store: Store | str,
        reason: PauseReason | str,
        resume_at: datetime | None = None,
        *,
        owner: Owner = Owner.PERSON,
    ) -> AppendResult:
        """Pause a store: Gett takes no orders for it. A pause by a person is not changed by the POS or the monitor.

        :param resume_at: time at which Gett lifts the pause by itself; aware, in the future.
        :raises InvalidArgument: the reason is not valid, or ``resume_at`` is in the past.
        :raises NotFound: the store is not known here.
        :raises InvalidTransition: the store is not at Gett yet.
        """
        store = self._store_at_gett(store)
        update = store_paused(reason, resume_at)
        with self._lock(store):
            current = self.pause_owner(store)
            if current is Owner.PERSON and owner is not Owner.PERSON:
                return AppendResult.DUPLICATE
            if current is None or owner is Owner.PERSON:
                # Gett lifts a pause with an end by itself: it has no owner after that.
                self._redis.set(self._keys.pause_owner(store.id), owner, exat=resume_at)
            return self._append(store, update)

    def resume(self, store: Store | str, *, owner: Owner = Owner.PERSON) -> AppendResult:
        """Resume a store: Gett takes orders for it again.

        :raises Conflict: the pause has another owner.
        :raises NotFound: the store is not known here.
        :raises InvalidTransition: the store is not at Gett yet.
        """
        store = self._store_at_gett(store)
        with self._lock(store):
            current = self.pause_owner(store)
            if current is not None and owner not in (Owner.PERSON, current):
                raise Conflict(f"store {store.id} was paused by {current}; only {current} or a person can resume it")
            self._redis.delete(self._keys.pause_owner(store.id))
            return self._append(store, store_online(), force=owner is Owner.PERSON)

    def resend(self, store: Store) -> AppendResult:
        """Send the last pause to Gett once more; its owner stays the same.

        :raises InvalidTransition: the last update was not a pause.
        :raises InvalidArgument: the pause has ended.
        """
        with self._lock(store):
            last_sent = json.loads(self._lanes.state(lane_name(Kind.STORE, store.id)).get("last") or "{}")
            if last_sent.get("status") != StoreAvailability.PAUSED:
                raise InvalidTransition(f"store {store.id} is not paused")
            end = datetime.fromisoformat(last_sent["resumeAt"]) if last_sent.get("resumeAt") else None
            return self._append(store, store_paused(last_sent.get("reason"), end), force=True)

    def pause_owner(self, store: Store) -> Owner | None:
        """Return the owner of the pause, or None if the kit has not paused the store."""
        owner = text(self._redis.get(self._keys.pause_owner(store.id)))
        return Owner(owner) if owner else None

    def _append(self, store: Store, update: Update, *, force: bool = False) -> AppendResult:
        lane = lane_name(Kind.STORE, store.id)
        return self._lanes.append(lane, update, store_id=store.id, gett_id=store.gett_id, force=force)

    def _lock(self, store: Store) -> RedisLock:
        # Owner and update change together. Without the lock, a POS that comes back while a person pauses the store could append
        # its resume after the person's pause.
        conflict = f"store {store.id} is being paused or resumed by another process; try again"
        return RedisLock(self._redis, self._keys.status_lock(store.id), seconds=10, wait=5, conflict=conflict)

    def _store_at_gett(self, store: Store | str) -> Store:
        store = self._stores.get(store)
        if not store.gett_id:
            raise InvalidTransition(f"store {store.id} is not at Gett yet; run `webhook-kit stores onboard {store.id}`")
        return store
