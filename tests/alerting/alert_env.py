"""Open alerts, their delivery to a receiver, and a clock of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.channels import AlertChannel
from webhook_kit.alerting.delivery import AlertDelivery
from webhook_kit.alerting.message import AlertMessage
from webhook_kit.alerting.pinned import DeliveryFailed
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.open_alerts import AlertSubject, OpenAlerts


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class Recorder:
    """Channel that keeps what it is told, and fails as told."""

    def __init__(self, name: str = "recorder", least: AlertSeverity = AlertSeverity.WARNING) -> None:
        self.got: list[AlertMessage] = []
        self.fails: list[Exception] = []
        self.during: Callable[[], object] = lambda: None
        self.channel = AlertChannel(f"id-{name}", name, least, self._send)

    def _send(self, message: AlertMessage) -> None:
        self.during()
        if self.fails:
            raise self.fails.pop(0)
        self.got.append(message)

    @property
    def events(self) -> list[str]:
        return [str(message.event) for message in self.got]


class AlertEnv:
    def __init__(self, kit: Kit, *recorders: Recorder, **settings: Any) -> None:
        self.kit = kit
        self.clock = Clock()
        self.recorders = recorders or (Recorder(),)
        self.settings = kit.settings.model_copy(update=settings)
        self.open = OpenAlerts(kit.redis, kit.keys, self.clock)
        self.delivery = self.new_delivery()

    def new_delivery(self) -> AlertDelivery:
        channels = [recorder.channel for recorder in self.recorders]
        return AlertDelivery(self.kit.redis, self.kit.keys, self.open, channels, self.settings, jitter=lambda: 1.0)

    def run(self, *, seconds: float = 0.0) -> None:
        """Advance the clock, and send everything that is due."""
        self.clock.advance(seconds)
        self.delivery.queue_changes()
        for recorder in self.recorders:
            self.delivery.deliver(recorder.channel)

    def waiting(self) -> dict[bytes, float]:
        keys = self.kit.keys
        members: Any = self.kit.redis.zrange(keys.alerts_due(self.recorders[0].channel.id), 0, -1, withscores=True)
        return dict(members)


def worker(subject: str) -> AlertSubject:
    return AlertSubject(Alert.WORKER, subject, "worker", "none is running")


def in_doubt(ref: str = "order-1", store: str = "main") -> AlertSubject:
    return AlertSubject(Alert.IN_DOUBT, ref, "order", "in doubt", store)


def pos_down(store: str = "main") -> AlertSubject:
    return AlertSubject(Alert.POS_DOWN, store, "store", "down")


def refused() -> DeliveryFailed:
    return DeliveryFailed("host answered 500")
