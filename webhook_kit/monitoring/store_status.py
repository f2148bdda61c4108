"""What Gett says of a store, read back and compared with what it was told.

Somebody may have paused or resumed a store in Gett's own portal; Gett lifts a pause with an end by itself; an emptied Redis has
forgotten whose a pause is. Each difference is one alert, for as long as it lasts. Only one kind is healed, and once: a pause of ours
that Gett took and no longer has is said again. A pause of somebody else's is never lifted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import GettError, GettNotFound, OperationRejected
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import StoreAvailability, StoreStatus
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import Lanes, lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.status import StoreStatusService

__all__ = ["Difference", "StatusComparison", "StoreStatusCheck"]

log = logger("status")

_CLOCKS_AGREE = timedelta(seconds=60)
"""Two moments closer than this are the same."""


class Difference(StrEnum):
    """How Gett and we differ on a store."""

    NONE = "none"
    PENDING = "pending"
    """What we said last is still on its way, or was said just now."""
    PAUSED_THERE = "paused there"
    """Gett has it paused, and nobody here did."""
    ONLINE_THERE = "online there"
    """Gett has it online, and it is paused here."""
    LIFTED_BY_GETT = "lifted by gett"
    """Gett has it online, since the end of the pause that Gett had came."""
    NOT_TAKEN = "not taken"
    """What we said last is a dead letter: Gett never took it."""
    UNKNOWN_THERE = "unknown there"
    """Gett does not know the store."""


@dataclass(frozen=True, slots=True)
class StatusComparison:
    """One store, as Gett has it and as it was told.

    :ivar theirs: None when Gett does not know the store.
    """

    difference: Difference
    theirs: StoreStatus | None
    told: dict[str, Any]

    @property
    def why(self) -> str:
        """In words, for people."""
        return _WORDS[self.difference].format(
            theirs=_described(self.theirs),
            told=self.told.get("status") or "nothing",
            reason=self.told.get("reason", ""),
        )


class StoreStatusCheck:
    """Compares, tells differences, and heals what is ours to heal."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        lanes: Lanes,
        client: GettClient,
        alerts: Alerts,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._store_status = store_status
        self._lanes = lanes
        self._client = client
        self._alerts = alerts

    def compare(self, store: Store) -> StatusComparison:
        """Ask Gett and compare; nothing is changed.

        :raises GettError: when Gett cannot be asked.
        """
        lane = lane_name(Kind.STORE, store.id)
        before, waiting = self._lanes.state(lane), self._lanes.waiting(lane)
        try:
            theirs = self._client.store_status(store.gett_id)
        except GettNotFound:
            return StatusComparison(Difference.UNKNOWN_THERE, None, _body(before, "last"))
        told = _body(before, "last")
        moved = self._lanes.state(lane).get("last") != before.get("last")
        if waiting or moved or self._lanes.waiting(lane):
            return StatusComparison(Difference.PENDING, theirs, told)
        return StatusComparison(self._difference(store, theirs, before), theirs, told)

    def check(self, store: Store) -> Difference:
        """Compare one store, and do what follows.

        :raises GettError: when Gett cannot be asked.
        """
        compared = self.compare(store)
        difference = compared.difference
        if difference is Difference.PENDING:
            return difference
        if difference is Difference.NONE:
            self._alerts.clear(Alert.STATUS, store.id)
            self._remember(store, compared)
            return difference
        if difference is Difference.ONLINE_THERE and self._heal(store):
            log.warning("pause said again", store=store.id, why=compared.why)
            return difference
        self._alerts.raise_once(Alert.STATUS, store.id, compared.why, about="store")
        return difference

    def check_all(self) -> int:
        """Compare every store that is at Gett.

        :return: how many differ.
        """
        differing = 0
        for store in self._stores:
            if not store.gett_id:
                continue
            try:
                differing += self.check(store) not in (Difference.NONE, Difference.PENDING)
            except GettError as error:  # which will be the same for the others
                log.warning("stores not compared with gett", store=store.id, why=str(error))
                break
        return differing

    def _difference(self, store: Store, theirs: StoreStatus, lane: dict[str, str]) -> Difference:
        if theirs.status not in set(StoreAvailability):
            return Difference.NONE  # a status that was added since: nothing is known about it
        told, given_up = _body(lane, "last"), _body(lane, "given_up")
        if given_up and not told:
            return Difference.NONE if theirs.status == given_up.get("status") else Difference.NOT_TAKEN
        paused = told.get("status") == StoreAvailability.PAUSED and not _is_past(_moment(told.get("resumeAt")))
        if paused is (theirs.status == StoreAvailability.PAUSED):
            return Difference.NONE
        if not paused:
            return Difference.PAUSED_THERE
        # [D] A person in Gett's portal may give our pause an end: what Gett then lifts is not ours to put back.
        end = text(self._redis.hget(self._keys.health(store.id), "gett_resume_at"))
        return Difference.LIFTED_BY_GETT if _is_past(_moment(end)) else Difference.ONLINE_THERE

    def _remember(self, store: Store, compared: StatusComparison) -> None:
        """Keep when Gett will lift a pause, for as long as there is one."""
        key, theirs = self._keys.health(store.id), compared.theirs
        if theirs is None or theirs.status != StoreAvailability.PAUSED:
            self._redis.hdel(key, "gett_resume_at", "healed")
            return
        end = theirs.resume_at
        if end is None:
            self._redis.hdel(key, "gett_resume_at")
            return
        if self._redis.hget(key, "gett_resume_at") is None and not _same(end, _moment(compared.told.get("resumeAt"))):
            log.warning("gett will lift the pause", store=store.id, at=end.isoformat())
        self._redis.hset(key, "gett_resume_at", end.isoformat())

    def _heal(self, store: Store) -> bool:
        """Say our pause again, once: who lifts it a second time means it."""
        key = self._keys.health(store.id)
        if self._store_status.pause_owner(store) is None or not self._redis.hsetnx(key, "healed", "1"):
            return False
        try:
            self._store_status.resend(store)
        except OperationRejected as error:
            log.warning("pause not said again", store=store.id, why=str(error))
            return False
        return True


_WORDS = {
    Difference.NONE: "Gett has it {theirs}",
    Difference.PENDING: "Gett has it {theirs}, and is being told: {told}",
    Difference.PAUSED_THERE: "Gett has it {theirs}, and nobody here paused it (told last: {told}): only a person lifts that, with "
    "webhook-kit stores resume",
    Difference.ONLINE_THERE: "Gett has it {theirs}, although it is paused here ({reason}): resume it here, or pause it again",
    Difference.LIFTED_BY_GETT: "Gett has it {theirs}: the end that its pause had there has come, while it is paused here ({reason})",
    Difference.NOT_TAKEN: "Gett has it {theirs}, and did not take what it was told last ({told}): see webhook-kit outbox dead-letters",
    Difference.UNKNOWN_THERE: "Gett does not know a store of that id",
}


def _described(status: StoreStatus | None) -> str:
    if status is None:
        return "nothing"
    since = f" since {status.paused_at.isoformat(timespec='minutes')}" if status.paused_at else ""
    return f"{status.status}{since}" + (f" ({status.reason})" if status.reason else "")


def _body(lane: dict[str, str], which: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lane.get(which) or "{}")
    return found


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= datetime.now(UTC)


def _same(one: datetime, other: datetime | None) -> bool:
    return other is not None and abs(one - other) < _CLOCKS_AGREE
