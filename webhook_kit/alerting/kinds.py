"""Kinds of alerts: severity, sentence, and what to do. ``docs/runbook.md`` has a section for each."""

from __future__ import annotations

from dataclasses import dataclass

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.storage.alerts import Alert

__all__ = ["ALERT_KINDS", "AlertKind", "alert_kind"]

_NOW, _TODAY = AlertSeverity.CRITICAL, AlertSeverity.WARNING


@dataclass(frozen=True, slots=True)
class AlertKind:
    """Kind of an alert.

    :ivar sentence: what is wrong.
    :ivar todo: what to do first.
    :ivar shows_why: True if the reason is the kit's own text, so that it may be sent. A text of a vendor or of Gett stays inside.
    :ivar ends: True if the kit finds out that it is over; otherwise an acknowledgement ends it.
    """

    severity: AlertSeverity
    sentence: str
    todo: str
    shows_why: bool = True
    ends: bool = True


ALERT_KINDS: dict[Alert, AlertKind] = {
    Alert.IN_DOUBT: AlertKind(
        _NOW,
        "the POS may or may not have an order",
        "look for the order in the POS; then run `webhook-kit order resolve REF`",
    ),
    Alert.IN_DOUBT_FOR_LONG: AlertKind(
        _NOW,
        "an order has been in doubt for an hour, and nobody has settled it",
        "call the restaurant, find out if it has the order, and run `webhook-kit order resolve REF`",
    ),
    Alert.LOOKUP_FAILS: AlertKind(
        _NOW,
        "an order is in doubt, and the POS cannot be asked for it",
        "repair the access to the POS, or look for the order there and run `webhook-kit order resolve REF`",
    ),
    Alert.UNCONFIRMED: AlertKind(
        _NOW,
        "nobody in the restaurant has confirmed an order",
        "call the restaurant: somebody has to accept the order in the POS",
    ),
    Alert.NOT_CANCELLED: AlertKind(
        _NOW,
        "an unconfirmed order was to be cancelled, and the POS may not have done so",
        "look at the order in the POS and cancel it there; then run `webhook-kit order cancel REF`",
        shows_why=False,
        ends=False,
    ),
    Alert.UNKNOWN_ORDER: AlertKind(
        _NOW,
        "the POS works on an order that Gett does not have",
        "call the restaurant: nobody will fetch the order",
        shows_why=False,
        ends=False,
    ),
    Alert.DUPLICATE: AlertKind(
        _NOW,
        "the POS may have an order twice",
        "look for both tickets in the POS, and cancel one",
        ends=False,
    ),
    Alert.POS_ID_REUSED: AlertKind(
        _NOW,
        "the POS uses the id of one order for another order",
        "compare both orders with the POS; tell the POS vendor",
        ends=False,
    ),
    Alert.PLACED_AFTER_REFUSAL: AlertKind(
        _NOW,
        "the POS has an order that was refused towards Gett",
        "cancel the ticket in the POS: the customer was told that there is no order",
        ends=False,
    ),
    Alert.DEAD_LETTERS: AlertKind(
        _TODAY,
        "updates to Gett were given up",
        "read the reason with `webhook-kit outbox dead-letters`; replay or discard them",
    ),
    Alert.POS_DOWN: AlertKind(
        _NOW, "the POS of a store does not answer", "call the restaurant: is the POS on, and is it online"
    ),
    Alert.STORE_PAUSED: AlertKind(
        _TODAY,
        "a store is paused, because its POS failed its health checks",
        "call the restaurant; the store is resumed by itself when its POS answers again",
    ),
    Alert.STORE_STATUS: AlertKind(
        _TODAY,
        "the status of a store at Gett is not the one that was sent",
        "see `webhook-kit stores show STORE`, and pause or resume the store",
    ),
    Alert.CATALOG: AlertKind(
        _TODAY,
        "the catalog of a store is not taken, and Gett keeps the last good one",
        "read the reasons with `webhook-kit catalog status`, correct them in the POS, and run `webhook-kit catalog sync STORE`",
        shows_why=False,
    ),
    Alert.CATALOG_DAMAGED: AlertKind(
        _TODAY,
        "the stored catalog of a store cannot be read",
        "run `webhook-kit catalog sync STORE`; find out what else writes to Redis or the bucket",
        shows_why=False,
    ),
    Alert.ONBOARDING: AlertKind(
        _TODAY,
        "the onboarding of a store has stopped",
        "read the reason with `webhook-kit stores show STORE`, and run `webhook-kit stores onboard STORE`",
        shows_why=False,
    ),
    Alert.HALTED: AlertKind(
        _NOW,
        "Gett refuses the API key, and nothing is sent",
        "get a valid key from Gett's portal, set GETT_API_KEY, and restart",
        shows_why=False,
    ),
    Alert.GETT_REDIRECTED: AlertKind(
        _NOW,
        "Gett's address answers with a redirect, and nothing is sent",
        "correct GETT_API_URL, and restart",
        shows_why=False,
        ends=False,
    ),
    Alert.CIRCUIT: AlertKind(
        _NOW,
        "Gett cannot be reached, or fails again and again",
        "look at Gett's status page and at your network; sending goes on by itself",
    ),
    Alert.QUOTA: AlertKind(
        _TODAY,
        "the quota of writes at Gett has been used up for ten minutes",
        "look for another program that uses it; ask Gett for a higher quota",
    ),
    Alert.OLD_UPDATE: AlertKind(
        _NOW,
        "an update to Gett has waited for too long",
        "see `webhook-kit outbox`: are the push workers running, and enough of them",
    ),
    Alert.WORKER: AlertKind(
        _NOW, "no worker of a kind is running", "start it, and read the last lines of its log", shows_why=True
    ),
    Alert.TASK_HANGS: AlertKind(
        _NOW, "a scheduled task of a worker does not end", "restart the worker; keep its log for the developers"
    ),
    Alert.DATA_LOSS: AlertKind(
        _NOW,
        "Redis has lost data",
        "find out why it was emptied or set back; check the orders of the last hours in the POS",
        ends=False,
    ),
    Alert.REDIS_MEMORY: AlertKind(
        _NOW,
        "the memory of Redis is nearly used up",
        "choose a larger Redis plan: a full Redis takes no orders",
    ),
    Alert.REDIS_PERSISTENCE: AlertKind(
        _TODAY,
        "a restart of Redis would lose orders",
        "look at the disk and the log of Redis; switch AOF on (appendonly yes)",
    ),
    Alert.REDIS_REPLICAS: AlertKind(
        _NOW,
        "Redis has fewer replicas than each order needs, so that orders are refused",
        "start the replicas of Redis, or lower REDIS_WAIT_REPLICAS",
    ),
    Alert.REDIS_AWAY: AlertKind(
        _NOW,
        "a worker cannot reach Redis, so that orders are refused",
        "check Redis, the network and REDIS_URL with `webhook-kit check`",
    ),
    Alert.CLOCK: AlertKind(
        _TODAY,
        "the clock of a host is wrong",
        "correct it (NTP): webhooks that are more than 300 s from it are refused",
    ),
    Alert.ARCHIVE_BEHIND: AlertKind(
        _TODAY,
        "the long-term archive is behind, and no order is lost yet",
        "see the error with `webhook-kit archive status`; check PostgreSQL, ARCHIVE_URL, and that a sync worker is running",
    ),
    Alert.ARCHIVE_LOSES: AlertKind(
        _NOW,
        "orders expire from Redis before they are in the long-term archive",
        "repair the archive (`webhook-kit archive status`), or set a longer ORDER_TTL and restart, for the orders to come",
    ),
    Alert.CHANNEL: AlertKind(
        _TODAY,
        "a channel has not taken alerts for ten minutes",
        "see the error with `webhook-kit alerts`, correct the address, and run `webhook-kit alerts test`",
    ),
}


def alert_kind(code: str) -> AlertKind:
    """Return the kind of a code; a newer version may have recorded one that is not known here."""
    try:
        return ALERT_KINDS[Alert(code)]
    except (ValueError, KeyError):
        return AlertKind(_TODAY, code.replace("_", " "), "see the console and the log", shows_why=False, ends=False)
