"""Connections of an installation: to Redis, to Gett with its outbox, and to the POS. The base of the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from webhook_kit import logs
from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings
from webhook_kit.storage.keys import Keys

if TYPE_CHECKING:
    import redis

    from webhook_kit.alerting.channels import AlertChannel
    from webhook_kit.alerting.delivery import AlertDelivery
    from webhook_kit.gett.client import GettClient
    from webhook_kit.metrics.flush import MetricTotals
    from webhook_kit.monitoring.open_circuits import OpenCircuits
    from webhook_kit.monitoring.worker_life import WorkerLife
    from webhook_kit.outbox.lanes import Lanes
    from webhook_kit.outbox.quota import Quota
    from webhook_kit.outbox.rate_limited_client import RateLimitedClient
    from webhook_kit.outbox.sending_state import SendingState
    from webhook_kit.pos.executor import PosExecutor
    from webhook_kit.storage.alerts import Alerts
    from webhook_kit.storage.clock import ClockWatch
    from webhook_kit.storage.open_alerts import OpenAlerts
    from webhook_kit.storage.queues import WorkerNotification
    from webhook_kit.storage.replication import ReplicatedWrites
    from webhook_kit.storage.trial import TrialWrite
    from webhook_kit.stores.repository import RedisStoreRepository

__all__ = ["Connections"]

log = logs.logger("kit")


class Connections:
    """All connections of one installation, each imported and built on first use. Nothing connects before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)

    @cached_property
    def redis(self) -> redis.Redis:
        """Redis client of this process."""
        from webhook_kit.storage.connection import connect

        return connect(self.settings)

    @cached_property
    def replicated_writes(self) -> ReplicatedWrites:
        """Writes that wait until replicas of Redis have them, as many as are configured."""
        from webhook_kit.storage.replication import ReplicatedWrites

        replicas, timeout = self.settings.redis_wait_replicas, self.settings.redis_wait_timeout
        return ReplicatedWrites(self.redis, replicas=replicas, timeout=timeout)

    @cached_property
    def trial_write(self) -> TrialWrite:
        """Trial write, by which ``check`` and ``/readyz`` find out if Redis can be used."""
        from webhook_kit.storage.trial import TrialWrite

        return TrialWrite(self.redis, self.keys)

    @cached_property
    def client(self) -> GettClient:
        """Client of Gett's Commerce API.

        :raises ConfigurationError: GETT_API_KEY is not set.
        """
        from webhook_kit.gett.client import GettClient

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
        from webhook_kit.gett.http import http_date
        from webhook_kit.storage.clock import save_gett_difference

        self.sending.record_rate_limit_headers(status, headers)
        if (gett_time := http_date(headers.get("Date", ""))) is not None:
            difference = self.clock_watch.observe("Gett", gett_time)
            if difference is not None:
                save_gett_difference(self.redis, self.keys, difference)

    @cached_property
    def clock_watch(self) -> ClockWatch:
        """Reports of clocks that differ from this host's."""
        from webhook_kit.storage.clock import ClockWatch

        return ClockWatch()

    @cached_property
    def rate_limited_client(self) -> RateLimitedClient:
        """Writes at Gett that bypass the lanes but count towards the same quota."""
        from webhook_kit.outbox.rate_limited_client import RateLimitedClient

        return RateLimitedClient(self.redis, self.keys, self.sending, self.quota)

    @cached_property
    def pos_executor(self) -> PosExecutor:
        """POS calls of this process."""
        from webhook_kit.pos.executor import PosExecutor

        return PosExecutor(self.settings, on_circuit=self.open_circuits.record)

    @cached_property
    def open_circuits(self) -> OpenCircuits:
        """Open circuit breakers of all POS systems, in every process."""
        from webhook_kit.monitoring.open_circuits import OpenCircuits

        return OpenCircuits(self.redis, self.keys)

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts that a person has to act on."""
        from webhook_kit.storage.alerts import Alerts

        # Kept for longer than an order: no alert is repeated just before the record of its order expires.
        return Alerts(self.redis, self.keys, ttl=2 * self.settings.order_ttl)

    @cached_property
    def metrics(self) -> MetricTotals:
        """Counters and histograms of all processes."""
        from webhook_kit.metrics.flush import MetricTotals

        return MetricTotals(self.redis, self.keys)

    @cached_property
    def alert_channels(self) -> list[AlertChannel]:
        """Channels that get alerts."""
        from webhook_kit.alerting.channels import alert_channels

        return alert_channels(self.settings)

    @cached_property
    def open_alerts(self) -> OpenAlerts:
        """Alerts that are open."""
        from webhook_kit.storage.open_alerts import OpenAlerts

        return OpenAlerts(self.redis, self.keys)

    @cached_property
    def alert_delivery(self) -> AlertDelivery:
        """Delivery of alerts to their channels."""
        from webhook_kit.alerting.delivery import AlertDelivery

        return AlertDelivery(self.redis, self.keys, self.open_alerts, self.alert_channels, self.settings)

    @cached_property
    def lanes(self) -> Lanes:
        """Lanes of updates that wait to be sent to Gett."""
        from webhook_kit.outbox.lanes import Lanes

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
        from webhook_kit.storage.queues import WorkerNotification

        return WorkerNotification(self.redis, self.keys)

    @cached_property
    def worker_life(self) -> WorkerLife:
        """Last sign of life of each kind of worker."""
        from webhook_kit.monitoring.worker_life import WorkerLife

        return WorkerLife(self.redis, self.keys, self.alerts)

    @cached_property
    def store_repository(self) -> RedisStoreRepository:
        """Stores that were added at run time, in Redis."""
        from webhook_kit.stores.cipher import CredentialCipher
        from webhook_kit.stores.repository import RedisStoreRepository

        keys = [key.get_secret_value() for key in self.settings.webhook_kit_key]
        return RedisStoreRepository(
            self.redis, self.keys, CredentialCipher(keys, allow_plaintext=self.settings.allow_plaintext_credentials)
        )

    @cached_property
    def sending(self) -> SendingState:
        """State of sending that all workers share: rate limits, halt, circuit breaker."""
        from webhook_kit.outbox.sending_state import SendingState

        return SendingState(self.redis, self.keys, self.settings.api_key_id())

    @cached_property
    def quota(self) -> Quota:
        """Gett's limit of writes per minute."""
        from webhook_kit.outbox.quota import Quota

        return Quota(self.settings.gett_writes_per_minute)


def _log_refused_key(number: int, keys: int, why: str) -> None:
    log.error("api_key_refused", key=f"{number} of {keys} in GETT_API_KEY", why=why)
