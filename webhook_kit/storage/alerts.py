"""Alerts that a person has to act on. Each is raised once per order or store: a log line, a count, an incident."""

from __future__ import annotations

import json
import os
import time
from enum import StrEnum
from typing import Literal

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["Alert", "Alerts"]

log = logger("alerts")


class Alert(StrEnum):
    """Kind of an alert, in logs, counts and incidents."""

    UNCONFIRMED = "order_not_confirmed"
    """The POS took an order as pending and did not confirm it in time."""
    NOT_CANCELLED = "order_not_cancelled"
    """An unconfirmed order was to be cancelled, and it is not certain that the POS did so."""
    UNKNOWN_ORDER = "order_unknown_at_gett"
    """The POS works on an order that Gett does not have."""
    DUPLICATE = "duplicate_ticket"
    """The POS may have an order twice."""
    POS_ID_REUSED = "pos_order_id_reused"
    """The POS uses the id of one order for another order."""
    PLACED_AFTER_REFUSAL = "placed_after_refusal"
    """The POS has an order that was refused towards Gett."""
    STORE_STATUS = "store_status_differs"
    """A store's status at Gett is not the one that was sent last."""
    ONBOARDING = "onboarding_failed"
    """An onboarding that a worker continues has failed."""
    GETT_REDIRECTED = "gett_redirected"
    """Gett's address answers with a redirect, so that nothing is sent."""
    DATA_LOSS = "redis_lost_data"
    """Redis was emptied or set back while workers were running."""
    WORKER = "worker_not_running"
    """No worker of a kind has given a sign of life for some minutes."""
    CATALOG_DAMAGED = "catalog_damaged"
    """A store's catalog in Redis or in the bucket cannot be read."""
    CATALOG = "catalog_not_published"
    """A store's catalog has errors, or shrank suddenly; Gett keeps the last good one."""


class Alerts:
    """Raises alerts.

    :param ttl: seconds for which a raised alert is not raised again.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, ttl: int) -> None:
        self._redis = connection
        self._keys = keys
        self._ttl = ttl
        self._raise = Script(connection, keys, "webhook_kit.storage/raise_alert")

    def raise_once(
        self,
        alert: Alert,
        subject: str,
        why: str,
        *,
        incident: bool = True,
        about: Literal["order", "store", "setting", "worker"] = "order",
    ) -> bool:
        """Raise an alert, unless it was raised for this subject.

        :param subject: an orderRef, a store's id, the name of a setting or a kind of worker, as ``about`` says.
        :param incident: False if the incident is recorded already.
        :return: True if it was raised now.
        """
        entry = {"at": int(time.time() * 1000), "kind": alert.value, about: subject, "why": why}
        raised = bool(
            self._raise(
                self._keys.alerted(alert, subject),
                self._keys.alert_counts,
                self._keys.incidents,
                kind=alert.value,
                request=os.urandom(8).hex(),
                ttl=self._ttl,
                incident=json.dumps(entry) if incident else None,
            )
        )
        if raised:
            log.error("alert_raised", kind=alert.value, **{about: subject}, why=why)
        return raised

    def clear(self, alert: Alert, subject: str) -> None:
        """Clear an alert, so that a recurrence is raised again."""
        self._redis.delete(self._keys.alerted(alert, subject))
