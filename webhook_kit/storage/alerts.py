"""Alerts: what a person has to look at. Each is given once per order: a log line, a count, an incident."""

from __future__ import annotations

import json
import time
from enum import StrEnum

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.keys import Keys

__all__ = ["Alert", "Alerts"]

log = logger("alerts")

_ONCE = """
-- KEYS: mark, counts, incidents. ARGV: kind, seconds the mark lives, incident as JSON or ''.
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
if ARGV[3] ~= '' then
  redis.call('LPUSH', KEYS[3], ARGV[3])
  redis.call('LTRIM', KEYS[3], 0, 999)
end
return 1
"""


class Alert(StrEnum):
    """What an alert is about; the text is the log line, the name of the count and the kind of the incident."""

    UNCONFIRMED = "order not confirmed"
    """The POS took it as pending, and nobody confirmed it in time."""
    NOT_WITHDRAWN = "unconfirmed order not cancelled"
    """It was to be cancelled, and it is not certain that the POS did."""
    UNKNOWN = "ticket unknown to Gett"
    """The POS works on an order that Gett does not know."""
    DUPLICATE = "duplicate ticket"
    """The POS may have the order twice."""
    STATUS = "store differs at Gett"
    """Gett has a store paused or online that it was told otherwise of."""
    ONBOARDING = "store not onboarded"
    """An onboarding that runs in the background came to a bad end."""
    AFTER_REFUSAL = "placed after a refusal"
    """The POS has an order that Gett was told is refused."""
    MENU = "menu not taken"
    """The POS's menu has errors, or shrank suddenly; Gett keeps the last good one."""


class Alerts:
    """Gives alerts.

    :param ttl: seconds for which it is remembered that an alert was given.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, *, ttl: int) -> None:
        self._redis = connection
        self._once = connection.register_script(_ONCE)
        self._keys = keys
        self._ttl = ttl

    def raise_once(self, alert: Alert, order: str, why: str, *, incident: bool = True, about: str = "order") -> bool:
        """Give an alert, unless it was given for this order.

        :param about: ``store`` when it is about a store, of that id.
        :param incident: False when there is an incident of it already.
        :return: whether it was given now.
        """
        entry = {"at": int(time.time() * 1000), "kind": alert, about: order, "why": why}
        keys = [self._keys.alerted(alert, order), self._keys.alert_counts, self._keys.incidents]
        given = bool(self._once(keys=keys, args=[alert, self._ttl, json.dumps(entry) if incident else ""]))
        if given:
            log.error(alert.value, **{about: order}, why=why)
        return given

    def clear(self, alert: Alert, subject: str) -> None:
        """What an alert was about is over: should it come back, it is news."""
        self._redis.delete(self._keys.alerted(alert, subject))
