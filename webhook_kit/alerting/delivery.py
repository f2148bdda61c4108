"""Delivery of alerts: a queue per channel in Redis, with leases, retries and a bound per day.

A queue holds ids of alerts, not messages: what a channel is told is decided when it is told. So an alert that is over before it
could be sent is not sent, and one that comes and goes while a channel is away is told once. An alert that a killed worker was
sending is sent again after its lease: at least once, with the same id.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import redis

from webhook_kit.alerting.channels import AlertChannel
from webhook_kit.alerting.composing import compose
from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.alerting.message import AlertEvent
from webhook_kit.alerting.pinned import DeliveryFailed
from webhook_kit.logs import logger
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.open_alerts import OpenAlerts
from webhook_kit.storage.scripts import Script

__all__ = ["AlertDelivery"]

log = logger("alerts")

_LEASE = 90.0
"""Seconds after which another worker sends what a worker was sending; longer than any channel takes."""

_FIRST_RETRY, _LONGEST_RETRY = 5.0, 600.0
_GIVE_UP_AFTER = 4 * 3600.0
_LONGEST_REPEAT = 86_400.0
_BATCH = 200


class AlertDelivery:
    """Brings the events of alerts into the queues of the channels, and sends them."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        open_alerts: OpenAlerts,
        channels: Sequence[AlertChannel],
        settings: Settings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._open = open_alerts
        self._channels = channels
        self._settings = settings
        self._jitter = jitter
        self._queue = Script(connection, keys, "webhook_kit.alerting/queue_alert")
        self._lease = Script(connection, keys, "webhook_kit.alerting/lease_alert")
        self._finish = Script(connection, keys, "webhook_kit.alerting/finish_alert")

    def queue_changes(self) -> int:
        """Repeat what is due, and put every new event into the queues of the channels. Return the number of events."""
        now = self._open.now() * 1000
        for each in self._redis.zrangebyscore(self._keys.alerts_repeat, "-inf", now, 0, _BATCH):
            self._open.repeat(text(each))
        changed = [text(each) for each in self._redis.zrange(self._keys.alerts_changed, 0, _BATCH - 1)]
        alerts = self._open.read(changed)
        for each in changed:
            alert = alerts.get(each)
            if alert is None:  # its record has expired
                self._redis.zrem(self._keys.alerts_changed, each)
                continue
            self._queue(
                self._keys.alerts_changed,
                id=each,
                number=int(alert["number"]),
                now=int(now),
                channels=[channel.id for channel in self._channels if _tells(channel, alert)],
                repeat_at=self._repeat_at(now, int(alert.get("repeats", 0))),
            )
        return len(changed)

    def _repeat_at(self, now: float, repeats: int) -> int | None:
        every = self._settings.alert_repeat_every
        return int(now + 1000 * min(every * 2.0 ** min(repeats, 20), _LONGEST_REPEAT)) if every else None

    def deliver(self, channel: AlertChannel, stopping: Callable[[], bool] = lambda: False) -> int:
        """Send everything that is due to a channel. Return the number of messages that it took."""
        taken = 0
        while not stopping() and (took := self._deliver_next(channel)) is not None:
            taken += took
        return taken

    def _deliver_next(self, channel: AlertChannel) -> bool | None:
        """Send the next message to a channel. Return True if it took it; None if nothing is due."""
        now = self._open.now()
        leased = self._lease(
            self._keys.alerts_due(channel.id),
            channel=channel.id,
            now=int(now * 1000),
            lease=int(_LEASE * 1000),
            day=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d"),
            cap=self._settings.alerts_per_day,
        )
        if leased is None:
            return None
        alert_id, event, number, attempts, since = text(leased[0]), AlertEvent(text(leased[1])), *map(int, leased[2:])
        error = self._send(channel, alert_id, event, number, now)
        now, retry_at = self._open.now(), None
        if error is not None:
            seconds = min(_FIRST_RETRY * 2.0 ** min(attempts - 1, 20), _LONGEST_RETRY) * (0.5 + self._jitter() / 2)
            if now - since / 1000 < _GIVE_UP_AFTER:
                retry_at = int((now + max(seconds, error.retry_after)) * 1000)
            if retry_at is None:
                log.error("alert_given_up", alert=alert_id, channel=channel.name, attempts=attempts, why=str(error))
            else:
                log.warning("alert_not_sent", alert=alert_id, channel=channel.name, attempts=attempts, why=str(error))
        else:
            log.info("alert_sent", alert=alert_id, channel=channel.name, sent=event)
        self._finish(
            self._keys.alerts_due(channel.id),
            channel=channel.id,
            id=alert_id,
            event=event,
            number=number,
            now=int(now * 1000),
            error=None if error is None else str(error),
            retry_at=retry_at,
        )
        return error is None

    def _send(
        self, channel: AlertChannel, alert_id: str, event: AlertEvent, number: int, now: float
    ) -> DeliveryFailed | None:
        try:
            alert = self._open.read([alert_id])[alert_id]
            channel.send(compose(self._settings, alert_id, alert, event, number, now))
        except DeliveryFailed as error:
            return error
        except redis.RedisError:
            raise
        except Exception as error:  # one alert must not keep the others of the channel from being sent
            log.exception("alert_failed", alert=alert_id, channel=channel.name)
            return DeliveryFailed(type(error).__name__)
        return None


def _tells(channel: AlertChannel, alert: Mapping[str, str]) -> bool:
    """Return True if a channel is told of an alert: it is severe enough, and not about the channel itself."""
    about_itself = alert["code"] == Alert.CHANNEL and alert["subject"] == channel.name
    return channel.takes(alert_kind(alert["code"]).severity) and not about_itself
