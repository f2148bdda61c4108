"""Connections of an installation: to Redis, to Gett with its outbox, and to the POS. The base of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import redis

from webhook_kit import logs
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import http_date
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.rate_limited_client import RateLimitedClient
from webhook_kit.outbox.sending_state import SendingState
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alerts
from webhook_kit.storage.clock import ClockWatch, save_gett_difference
from webhook_kit.storage.connection import connect
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.storage.trial import TrialWrite

__all__ = ["Connections"]

log = logs.logger("kit")


class Connections:
    """All connections of one installation, each built on first use. Nothing connects before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)

    @cached_property
    def redis(self) -> redis.Redis:
        """Redis client of this process."""
        return connect(self.settings)

    @cached_property
    def trial_write(self) -> TrialWrite:
        """Trial write, by which ``check`` and ``/readyz`` find out if Redis can be used."""
        return TrialWrite(self.redis, self.keys)

    @cached_property
    def client(self) -> GettClient:
        """Client of Gett's Commerce API.

        :raises ConfigurationError: GETT_API_KEY is not set.
        """
        if not self.settings.gett_api_key:
            raise ConfigurationError("GETT_API_KEY is not set; it is required to call Gett")
        return GettClient(
            self.settings.gett_api_url,
            self.settings.api_keys(),
            connect_timeout=self.settings.gett_connect_timeout,
            read_timeout=self.settings.gett_read_timeout,
            on_response=self._on_gett_response,
            on_key_refused=_log_refused_key,
        )

    def _on_gett_response(self, status: int, headers: Mapping[str, str]) -> None:
        self.sending.record_rate_limit_headers(status, headers)
        if (gett_time := http_date(headers.get("Date", ""))) is not None:
            difference = self.clock_watch.observe("Gett", gett_time)
            if difference is not None:
                save_gett_difference(self.redis, self.keys, difference)

    @cached_property
    def clock_watch(self) -> ClockWatch:
        """Reports of clocks that differ from this host's."""
        return ClockWatch()

    @cached_property
    def rate_limited_client(self) -> RateLimitedClient:
        """Writes at Gett that bypass the lanes but count towards the same quota."""
        return RateLimitedClient(self.redis, self.keys, self.sending, self.quota)

    @cached_property
    def pos_executor(self) -> PosExecutor:
        """POS calls of this process."""
        return PosExecutor(self.settings)

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts that a person has to act on."""
        # Kept for longer than an order: no alert is repeated just before the record of its order expires.
        return Alerts(self.redis, self.keys, ttl=2 * self.settings.order_ttl)

    @cached_property
    def lanes(self) -> Lanes:
        """Lanes of updates that wait to be sent to Gett."""
        return Lanes(
            self.redis,
            self.keys,
            self.worker_notification,
            self.quota,
            ttl=self.settings.order_ttl,
            api_key_id=self.settings.api_key_id(),
        )

    @cached_property
    def worker_notification(self) -> WorkerNotification:
        """Notification of the push workers about appended updates."""
        return WorkerNotification(self.redis, self.keys)

    @cached_property
    def sending(self) -> SendingState:
        """State of sending that all workers share: rate limits, halt, circuit breaker."""
        return SendingState(self.redis, self.keys, self.settings.api_key_id())

    @cached_property
    def quota(self) -> Quota:
        """Gett's limit of writes per minute."""
        return Quota(self.settings.gett_writes_per_minute)


def _log_refused_key(number: int, keys: int, why: str) -> None:
    log.error("api_key_refused", key=f"{number} of {keys} in GETT_API_KEY", why=why)
