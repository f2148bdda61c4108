"""Report that Redis is away: the one alert that cannot go through Redis.

Of all workers one holds a mark in Redis while it works. If Redis then is away for a minute, that worker alone tells the channels by
itself, and tells them when Redis is back. If it ends together with Redis, nobody reports: the supervisor's own alert is about that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import redis

from webhook_kit.alerting.channels import AlertChannel
from webhook_kit.alerting.composing import compose
from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.alerting.message import AlertEvent
from webhook_kit.alerting.pinned import DeliveryFailed
from webhook_kit.logs import logger
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.faults import fault
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.marks import Mark
from webhook_kit.storage.open_alerts import AlertSubject

__all__ = ["RedisWatch"]

log = logger("alerts")

_HOLD = 60.0
"""Seconds for which the mark lasts; another worker takes it over when its holder has ended."""

_AWAY_AFTER = 60.0
_RETRY = 60.0


class RedisWatch:
    """Watches if Redis can be reached.

    :param clock: returns monotonic seconds.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        channels: Sequence[AlertChannel],
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mark = Mark(connection, keys, keys.alert_watch)
        severity = alert_kind(Alert.REDIS_AWAY).severity
        self._channels = [channel for channel in channels if channel.takes(severity)]
        self._settings = settings
        self._clock = clock
        self._holds = False
        self._away_since: float | None = None
        self._opened = 0.0
        self._tried = 0.0
        self._told: list[AlertChannel] = []

    def check(self) -> None:
        """Take the mark; or report that this has failed for a minute. No error of Redis is raised."""
        try:
            self._holds = self._mark.take(_HOLD)
        except redis.RedisError as error:
            self._handle_absence(error)
            return
        self._away_since = None
        if self._told:
            self._tell(self._told, AlertEvent.RESOLVED, "Redis is back")
            self._told = []

    def _handle_absence(self, error: redis.RedisError) -> None:
        now = self._clock()
        if self._away_since is None:
            self._away_since, self._opened, self._tried = now, time.time(), now - _RETRY
        left = [channel for channel in self._channels if channel not in self._told]
        if self._holds and left and now - self._away_since >= _AWAY_AFTER and now - self._tried >= _RETRY:
            self._tried = now
            self._told += self._tell(left, AlertEvent.OPENED, fault(error).advice)

    def _tell(self, channels: Sequence[AlertChannel], event: AlertEvent, why: str) -> list[AlertChannel]:
        """Send a message to channels, all at the same time. Return those that took it."""
        subject = AlertSubject(Alert.REDIS_AWAY, "REDIS_URL", "setting", why)
        record = {
            "code": subject.code,
            "about": subject.about,
            "subject": subject.subject,
            "why": why,
            "opened": str(self._opened * 1000),
        }
        # The moment is the number: without Redis nobody counts.
        number = int(self._opened) + (event is AlertEvent.RESOLVED)
        message = compose(self._settings, subject.id, record, event, number, time.time())
        took: list[AlertChannel] = []

        def send(channel: AlertChannel) -> None:
            try:
                channel.send(message)
            except DeliveryFailed as error:
                log.warning("alert_not_sent", alert=message.id, channel=channel.name, attempts=1, why=str(error))
            except Exception:
                log.exception("alert_failed", alert=message.id, channel=channel.name)
            else:
                log.info("alert_sent", alert=message.id, channel=channel.name, sent=event)
                took.append(channel)

        threads = [threading.Thread(target=send, args=(channel,), daemon=True) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return took
