"""``kit.store_status_check``: comparison of the status of stores at Gett with the last update that was sent.

A person may have paused or resumed a store in Gett's own portal; Gett lifts a pause with an end by itself; after Redis was emptied,
the owner of a pause is lost. Each difference raises one alert for as long as it lasts. Only one kind is corrected, and once:
a pause that Gett accepted and no longer has is sent again. A pause that was not sent from here is never lifted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import GettNotFound, GettRetriable, GettUnauthorized, OperationRejected
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import StoreAvailability, StoreStatus
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import Lanes, lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.connection import OUT_OF_REACH, text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores.status import StoreStatusService

__all__ = ["Difference", "StatusComparison", "StoreStatusCheck"]

log = logger("store_status")

_TIME_TOLERANCE = timedelta(seconds=60)
"""Two times closer than this are equal."""


class Difference(StrEnum):
    """Difference between the status at Gett and the last update."""

    NONE = "none"
    PENDING = "pending"
    """The last update is not at Gett yet, or was appended during the comparison."""
    PAUSED_AT_GETT = "paused at gett"
    """The store is paused at Gett, but not from here."""
    ONLINE_AT_GETT = "online at gett"
    """The store is online at Gett, but paused here."""
    RESUMED_BY_GETT = "resumed by gett"
    """The store is online at Gett, because the pause had an end there, but paused here."""
    NOT_DELIVERED = "not delivered"
    """The last update is a dead letter: Gett did not accept it."""
    UNKNOWN_AT_GETT = "unknown at gett"
    """Gett has no store with this id."""


@dataclass(frozen=True, slots=True)
class StatusComparison:
    """Comparison of one store.

    :ivar at_gett: status at Gett; None if Gett has no such store.
    :ivar last_sent: body of the last update.
    """

    difference: Difference
    at_gett: StoreStatus | None
    last_sent: dict[str, Any]

    @property
    def why(self) -> str:
        """Explanation for people."""
        return _EXPLANATIONS[self.difference].format(
            at_gett=_described(self.at_gett),
            last_sent=self.last_sent.get("status") or "nothing",
            reason=self.last_sent.get("reason", ""),
        )


class StoreStatusCheck:
    """Compares the status of stores, raises alerts, and sends a lost pause again."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        store_status: StoreStatusService,
        lanes: Lanes,
        client: GettClient,
        alerts: Alerts,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._store_status = store_status
        self._lanes = lanes
        self._client = client
        self._alerts = alerts

    def compare(self, store: Store) -> StatusComparison:
        """Compare one store, and change nothing.

        :raises GettError: the call to Gett failed.
        """
        lane = lane_name(Kind.STORE, store.id)
        before, waiting = self._lanes.state(lane), self._lanes.waiting(lane)
        last_sent = _body(before, "last")
        try:
            at_gett = self._client.store_status(store.gett_id)
        except GettNotFound:
            return StatusComparison(Difference.UNKNOWN_AT_GETT, None, last_sent)
        changed = self._lanes.state(lane).get("last") != before.get("last")
        if waiting or changed or self._lanes.waiting(lane):
            return StatusComparison(Difference.PENDING, at_gett, last_sent)
        return StatusComparison(self._difference(store, at_gett, before), at_gett, last_sent)

    def check(self, store: Store) -> Difference:
        """Compare one store, and act on a difference.

        :raises GettError: the call to Gett failed.
        """
        comparison = self.compare(store)
        difference = comparison.difference
        if difference is Difference.PENDING:
            return difference
        if difference is Difference.NONE:
            self._alerts.clear(Alert.STORE_STATUS, store.id)
            self._save_end_at_gett(store, comparison)
            return difference
        if difference is Difference.ONLINE_AT_GETT and self._resend_pause(store):
            log.warning("pause_resent", store=store.id, why=comparison.why)
            return difference
        self._alerts.raise_once(Alert.STORE_STATUS, store.id, comparison.why, about="store")
        return difference

    def visit(self, store: Store) -> None:
        """Check a store in its turn, if it is at Gett.

        :raises GettError: other stores would have the same error.
        """
        if not store.gett_id:
            return
        try:
            self.check(store)
        except (GettRetriable, GettUnauthorized) as error:
            log.warning("status_comparison_stopped", store=store.id, why=str(error))
            raise
        except OUT_OF_REACH:
            raise
        except Exception:
            log.exception("status_comparison_failed", store=store.id)

    def _difference(self, store: Store, at_gett: StoreStatus, lane: dict[str, str]) -> Difference:
        if at_gett.status not in set(StoreAvailability):
            return Difference.NONE  # Gett has added a status that this version of the kit does not have
        last_sent, given_up = _body(lane, "last"), _body(lane, "undelivered")
        if given_up and not last_sent:
            return Difference.NONE if at_gett.status == given_up.get("status") else Difference.NOT_DELIVERED
        paused = last_sent.get("status") == StoreAvailability.PAUSED and not _is_past(_time(last_sent.get("resumeAt")))
        if paused is (at_gett.status == StoreAvailability.PAUSED):
            return Difference.NONE
        if not paused:
            return Difference.PAUSED_AT_GETT
        # [D] A person may give our pause an end in Gett's portal. A pause that has ended in this way is not sent again.
        end = text(self._redis.hget(self._keys.health(store.id), "gett_resume_at"))
        return Difference.RESUMED_BY_GETT if _is_past(_time(end)) else Difference.ONLINE_AT_GETT

    def _save_end_at_gett(self, store: Store, comparison: StatusComparison) -> None:
        """Save the time at which Gett will lift a pause, while there is one."""
        key, at_gett = self._keys.health(store.id), comparison.at_gett
        if at_gett is None or at_gett.status != StoreAvailability.PAUSED:
            self._redis.hdel(key, "gett_resume_at", "pause_resent")
            return
        end = at_gett.resume_at
        if end is None:
            self._redis.hdel(key, "gett_resume_at")
            return
        sent_end = _time(comparison.last_sent.get("resumeAt"))
        if self._redis.hget(key, "gett_resume_at") is None and not _is_same_time(end, sent_end):
            log.warning("end_of_pause_added_at_gett", store=store.id, at=end.isoformat())
        self._redis.hset(key, "gett_resume_at", end.isoformat())

    def _resend_pause(self, store: Store) -> bool:
        """Send our pause again, but only once: a person who lifts it a second time does so on purpose."""
        if self._store_status.pause_owner(store) is None:
            return False
        try:
            return self._store_status.resend(store)
        except OperationRejected as error:
            log.warning("pause_resend_rejected", store=store.id, why=str(error))
            return False


_EXPLANATIONS = {
    Difference.NONE: "{at_gett} at Gett",
    Difference.PENDING: "{at_gett} at Gett; an update to {last_sent} is on its way",
    Difference.PAUSED_AT_GETT: "{at_gett} at Gett, but not paused from here (last sent: {last_sent}); to end the pause, "
    "run `webhook-kit stores resume`",
    Difference.ONLINE_AT_GETT: "{at_gett} at Gett, but paused here ({reason}); resume the store here, or pause it again",
    Difference.RESUMED_BY_GETT: "{at_gett} at Gett, because the pause has ended there, but paused here ({reason})",
    Difference.NOT_DELIVERED: "{at_gett} at Gett, which rejected the last update ({last_sent}); see "
    "`webhook-kit outbox dead-letters`",
    Difference.UNKNOWN_AT_GETT: "Gett has no store with this id",
}


def _described(status: StoreStatus | None) -> str:
    if status is None:
        return "nothing"
    since = f" since {status.paused_at.isoformat(timespec='minutes')}" if status.paused_at else ""
    return f"{status.status}{since}" + (f" ({status.reason})" if status.reason else "")


def _body(lane: dict[str, str], name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(lane.get(name) or "{}")
    return body


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _is_past(time: datetime | None) -> bool:
    return time is not None and time <= datetime.now(UTC)


def _is_same_time(one: datetime, other: datetime | None) -> bool:
    return other is not None and abs(one - other) < _TIME_TOLERANCE
