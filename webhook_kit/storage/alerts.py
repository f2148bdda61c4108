"""Alerts that a person has to act on. Each is raised once per order or store: a log line, a count, an incident, an open alert."""

from __future__ import annotations

import json
import os
import time
from enum import StrEnum

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.open_alerts import AlertSubject, AlertSubjectKind, OpenAlerts, alert_id
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

    # Opened by rules (:mod:`webhook_kit.operations.alert_rules`), and resolved when their condition is over.
    IN_DOUBT = "order_in_doubt"
    """The POS may or may not have an order."""
    IN_DOUBT_FOR_LONG = "order_in_doubt_for_long"
    """An order is in doubt, and nobody has settled it for an hour."""
    LOOKUP_FAILS = "order_lookup_fails"
    """An order is in doubt, and the POS cannot be asked for it."""
    DEAD_LETTERS = "dead_letters"
    """Updates were given up."""
    POS_DOWN = "pos_down"
    """A POS fails its health checks, or its circuit breaker is open."""
    STORE_PAUSED = "store_paused_by_monitor"
    """A store is paused because its POS failed its health checks."""
    HALTED = "sending_halted"
    """Gett refuses the API key."""
    CIRCUIT = "gett_failing"
    """Gett has failed for minutes."""
    QUOTA = "quota_exhausted"
    """The quota of writes at Gett has been used up for minutes."""
    OLD_UPDATE = "update_waits_too_long"
    """An update has waited for minutes although it could be sent."""
    TASK_HANGS = "scheduled_task_hangs"
    """A scheduled task of a worker does not end."""
    REDIS_MEMORY = "redis_nearly_full"
    """The memory of Redis is nearly used up."""
    REDIS_PERSISTENCE = "redis_not_persistent"
    """A restart of Redis would lose orders."""
    REDIS_REPLICAS = "redis_replicas_missing"
    """Replicas are missing that orders have to wait for."""
    REDIS_AWAY = "redis_unreachable"
    """A worker cannot reach Redis; it reports this by itself."""
    CLOCK = "clock_differs"
    """The clock of a host differs from that of Redis or Gett."""
    ARCHIVE_BEHIND = "archive_behind"
    """Orders wait for the long-term archive for too long."""
    ARCHIVE_LOSES = "archive_loses_orders"
    """Orders will expire, or have expired, before they were written to the long-term archive."""
    CHANNEL = "alert_channel_fails"
    """A channel has not taken alerts for minutes."""


_OPENED_BY_RULES = frozenset({Alert.CATALOG})
"""Alerts that are raised anew with each reason, while a rule keeps one open per store."""


class Alerts:
    """Raises alerts.

    :param ttl: seconds for which a raised alert is not raised again.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, ttl: int) -> None:
        self._redis = connection
        self._keys = keys
        self._ttl = ttl
        self._open = OpenAlerts(connection, keys)
        self._raise = Script(connection, keys, "webhook_kit.storage/raise_alert")

    def raise_once(
        self,
        alert: Alert,
        subject: str,
        why: str,
        *,
        incident: bool = True,
        about: AlertSubjectKind = "order",
    ) -> bool:
        """Raise an alert, unless it was raised for this subject.

        :param subject: an orderRef, a store's id, the name of a setting or a kind of worker, as ``about`` says.
        :param incident: False if the incident is recorded already.
        :return: True if it was raised now.
        """
        entry = {"at": int(time.time() * 1000), "kind": alert.value, about: subject, "why": why}
        opened = None if alert in _OPENED_BY_RULES else AlertSubject(alert, subject, about, why)
        raised = bool(
            self._raise(
                self._keys.alerted(alert, subject),
                self._keys.alert_counts,
                self._keys.incidents,
                kind=alert.value,
                request=os.urandom(8).hex(),
                ttl=self._ttl,
                incident=json.dumps(entry) if incident else None,
                id=opened.id if opened else None,
                alert=opened.fields() if opened else None,
            )
        )
        if raised:
            log.error("alert_raised", kind=alert.value, **{about: subject}, why=why)
        return raised

    def clear(self, alert: Alert, subject: str) -> None:
        """Clear an alert, so that a recurrence is raised again."""
        name = alert_id(alert, subject)
        with self._redis.pipeline(transaction=False) as pipeline:  # one round trip where nothing was raised
            pipeline.delete(self._keys.alerted(alert, subject))
            pipeline.zscore(self._keys.alerts_open, name)
            _, opened = pipeline.execute()
        if opened is not None:
            self._open.resolve(name)
