"""``kit.store_status``: pause and resume of stores at Gett.

Every pause has an owner, and only that owner or a person lifts it. Otherwise a POS that works again would reopen a kitchen that
its chef has closed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import redis

from webhook_kit.errors import Conflict, InvalidTransition
from webhook_kit.gett.models.store import PauseReason, StoreAvailability
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, Update, store_online, store_paused
from webhook_kit.pos.store import Store
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script
from webhook_kit.stores import StoreDirectory

__all__ = ["KnownStatus", "Owner", "StoreStatusService"]

_PAGE = 500
"""Stores that one round trip to Redis reads."""


class Owner(StrEnum):
    """Origin of a pause."""

    PERSON = "person"
    POS = "pos"
    """The POS reported that it is closed."""
    MONITOR = "monitor"
    """The health check of the kit found that the POS is down."""


@dataclass(frozen=True, slots=True)
class KnownStatus:
    """Status of a store for Gett, as it is known here.

    :ivar last: body of the last update; empty if there was none.
    :ivar pause_owner: owner of the pause, or None if the kit has not paused the store.
    :ivar pending: Gett has not taken the last update yet.
    :ivar given_up: the last update was given up or discarded before Gett took it.
    """

    last: Mapping[str, Any]
    pause_owner: Owner | None
    pending: bool
    given_up: bool = False


class StoreStatusService:
    """Pauses and resumes stores at Gett."""

    def __init__(self, connection: redis.Redis, keys: Keys, stores: StoreDirectory, lanes: Lanes) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._lanes = lanes
        self._change = Script(connection, keys, "webhook_kit.stores/change_status")
        self._resend = Script(connection, keys, "webhook_kit.stores/resend_pause")

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
        until = None if resume_at is None else int(resume_at.timestamp() * 1000)
        result, _ = self._run("pause", store, store_paused(reason, resume_at), owner, until=until)
        return AppendResult(result)

    def resume(self, store: Store | str, *, owner: Owner = Owner.PERSON) -> AppendResult:
        """Resume a store: Gett takes orders for it again.

        :raises Conflict: the pause has another owner.
        :raises NotFound: the store is not known here.
        :raises InvalidTransition: the store is not at Gett yet.
        """
        store = self._store_at_gett(store)
        result, current = self._run("resume", store, store_online(), owner, force=owner is Owner.PERSON)
        if result == "owned":
            raise Conflict(f"store {store.id} was paused by {current}; only {current} or a person can resume it")
        return AppendResult(result)

    def resend(self, store: Store) -> bool:
        """Send the last pause to Gett once more; its owner stays the same. Return False if that was done before.

        :raises InvalidTransition: the last update was not a pause, or another one was appended meanwhile.
        :raises InvalidArgument: the pause has ended.
        """
        last = self._lanes.state(lane_name(Kind.STORE, store.id)).get("last") or "{}"
        body = json.loads(last)
        if body.get("status") != StoreAvailability.PAUSED:
            raise InvalidTransition(f"store {store.id} is not paused")
        end = datetime.fromisoformat(body["resumeAt"]) if body.get("resumeAt") else None
        keys, arguments = self._append_parts(store, store_paused(body.get("reason"), end), force=True)
        result = text(
            self._resend(self._keys.health(store.id), *keys, last=last, request=os.urandom(8).hex(), **arguments)
        )
        if result == "changed":
            raise InvalidTransition(f"store {store.id} was paused or resumed meanwhile")
        return result != "resent_before"

    def pause_owner(self, store: Store) -> Owner | None:
        """Return the owner of the pause, or None if the kit has not paused the store."""
        owner = text(self._redis.get(self._keys.pause_owner(store.id)))
        return Owner(owner) if owner else None

    def known(self, stores: Sequence[Store]) -> Iterator[KnownStatus]:
        """Yield the status of each store as it is known here, in the order of the stores."""
        for start in range(0, len(stores), _PAGE):
            with self._redis.pipeline(transaction=False) as pipeline:
                for store in stores[start : start + _PAGE]:
                    lane = lane_name(Kind.STORE, store.id)
                    pipeline.hmget(self._keys.lane(lane), "last", "undelivered")
                    pipeline.get(self._keys.pause_owner(store.id))
                    pipeline.exists(self._keys.queue(lane))
                replies = pipeline.execute()
            for bodies, owner, waiting in zip(replies[::3], replies[1::3], replies[2::3], strict=True):
                last, undelivered = bodies
                yield KnownStatus(
                    json.loads(last or "{}"),
                    Owner(text(owner)) if owner else None,
                    bool(waiting),
                    bool(undelivered and not last),
                )

    def _run(
        self,
        action: str,
        store: Store,
        update: Update,
        owner: Owner,
        *,
        until: int | None = None,
        force: bool = False,
    ) -> tuple[str, str]:
        # Owner and update change together. Otherwise a POS that comes back while a person pauses the store could append its
        # resume after the person's pause. One script does it: a lock would outlive a process that dies.
        keys, arguments = self._append_parts(store, update, force=force)
        result, current = self._change(
            self._keys.pause_owner(store.id), *keys, name=store.id, action=action, owner=owner, until=until, **arguments
        )
        return text(result), text(current)

    def _append_parts(self, store: Store, update: Update, *, force: bool) -> tuple[list[str], dict[str, Packable]]:
        lane = lane_name(Kind.STORE, store.id)
        return self._lanes.append_parts(lane, update, store_id=store.id, gett_id=store.gett_id, force=force)

    def _store_at_gett(self, store: Store | str) -> Store:
        store = self._stores.get(store)
        if not store.gett_id:
            raise InvalidTransition(f"store {store.id} is not at Gett yet; run `webhook-kit stores onboard {store.id}`")
        return store
