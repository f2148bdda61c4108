"""``kit.store_status``: pausing and resuming stores at Gett.

Every pause has an owner, and only that owner or a person lifts it: a POS that comes back must not reopen a kitchen that its chef
has closed.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum

import redis
from redis.lock import Lock

from webhook_kit.adapter import Store
from webhook_kit.errors import Conflict, InvalidTransition
from webhook_kit.gett.models.store import PauseReason, StoreAvailability
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, Update, store_online, store_paused
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["Owner", "StoreStatusService"]


class Owner(StrEnum):
    """Who paused a store."""

    PERSON = "person"
    POS = "pos"
    """The POS said that it is closed."""
    MONITOR = "monitor"
    """The kit saw that the POS is down."""


class StoreStatusService:
    """Pauses and resumes stores at Gett."""

    def __init__(self, stores: StoreDirectory, connection: redis.Redis, keys: Keys, lanes: Lanes) -> None:
        self._stores = stores
        self._redis = connection
        self._keys = keys
        self._lanes = lanes

    def pause(
        self,
        store: Store | str,
        reason: PauseReason | str,
        resume_at: datetime | None = None,
        *,
        owner: Owner = Owner.PERSON,
    ) -> AppendResult:
        """Take no orders for now. What a person has paused, a POS leaves as it is.

        :param resume_at: when Gett lifts the pause by itself; aware, in the future.
        :raises InvalidArgument: the reason is not valid, or ``resume_at`` is in the past.
        :raises NotFound: the store is not known here.
        :raises InvalidTransition: the store is not at Gett yet.
        """
        store = self._at_gett(store)
        update = store_paused(reason, resume_at)
        with self._one_at_a_time(store):
            held = self.pause_owner(store)
            if held is Owner.PERSON and owner is not Owner.PERSON:
                return AppendResult.DUPLICATE
            if held is None or owner is Owner.PERSON:
                # Gett lifts a pause with an end by itself: nobody owns it after that.
                self._redis.set(self._keys.pause_owner(store.id), owner, exat=resume_at)
            return self._append(store, update)

    def resume(self, store: Store | str, *, owner: Owner = Owner.PERSON) -> AppendResult:
        """Take orders again.

        :raises Conflict: somebody else paused the store.
        :raises NotFound: the store is not known here.
        :raises InvalidTransition: the store is not at Gett yet.
        """
        store = self._at_gett(store)
        with self._one_at_a_time(store):
            held = self.pause_owner(store)
            if held is not None and owner not in (Owner.PERSON, held):
                raise Conflict(f"store {store.id} was paused by {held}: only {held} or a person lifts that")
            self._redis.delete(self._keys.pause_owner(store.id))
            return self._append(store, store_online(), force=owner is Owner.PERSON)

    def resend(self, store: Store) -> AppendResult:
        """Tell Gett once more of the pause that it was told of last; whose it is stays as it is.

        :raises InvalidTransition: the store is not paused.
        :raises InvalidArgument: the pause has ended.
        """
        with self._one_at_a_time(store):
            told = json.loads(self._lanes.state(lane_name(Kind.STORE, store.id)).get("last") or "{}")
            if told.get("status") != StoreAvailability.PAUSED:
                raise InvalidTransition(f"store {store.id} is not paused")
            end = datetime.fromisoformat(told["resumeAt"]) if told.get("resumeAt") else None
            return self._append(store, store_paused(told.get("reason"), end), force=True)

    def _append(self, store: Store, update: Update, *, force: bool = False) -> AppendResult:
        lane = lane_name(Kind.STORE, store.id)
        return self._lanes.append(lane, update, store_id=store.id, gett_id=store.gett_id, force=force)

    def _one_at_a_time(self, store: Store) -> Lock:
        # Whose a pause is, and what Gett is told, change together: a POS that comes back in the moment in which a person pauses
        # the store must not have the last word.
        return Lock(self._redis, self._keys.status_lock(store.id), timeout=10, blocking_timeout=5)

    def pause_owner(self, store: Store) -> Owner | None:
        """Who paused the store, or None when nobody did."""
        owner = text(self._redis.get(self._keys.pause_owner(store.id)))
        return Owner(owner) if owner else None

    def _at_gett(self, store: Store | str) -> Store:
        known = self._stores.known(store)
        if not known.gett_id:
            raise InvalidTransition(f"store {known.id} is not at Gett yet; run `webhook-kit stores onboard {known.id}`")
        return known
