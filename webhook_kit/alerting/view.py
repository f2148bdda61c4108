"""Read model of the open alerts, for the command line and the console."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.channels import AlertChannel
from webhook_kit.alerting.composing import console_link, runbook
from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.alerting.message import plain
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.open_alerts import OpenAlerts

__all__ = ["AlertChannelView", "AlertView", "DeliveryView", "read_channels", "read_open_alerts"]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Knowledge of a channel about an alert.

    :ivar told: ``open``, ``acknowledged``, ``resolved``, or empty if it was told nothing.
    :ivar at: the moment of the last message that it took, Unix seconds, or None.
    :ivar waits: True if a message waits to be sent.
    :ivar attempts: failed attempts at that message.
    :ivar error: the last error, or empty.
    :ivar capped: True if nothing was sent because the channel had its number of alerts for the day.
    """

    channel: str
    told: str
    at: float | None
    waits: bool
    attempts: int
    error: str
    given_up: bool
    capped: bool


@dataclass(frozen=True, slots=True)
class AlertView:
    """Open alert.

    :ivar about: ``order``, ``store``, ``setting``, ``worker`` or ``outbox``: what the subject is.
    :ivar why: the reason, for people of the installation: it may quote a POS or Gett.
    :ivar opened: Unix seconds.
    :ivar over_since: the moment since when its condition is over, Unix seconds, or None; it is resolved if that lasts.
    :ivar quiet_until: the moment until when nothing is sent about its store, or None.
    """

    id: str
    code: str
    severity: AlertSeverity
    about: str
    subject: str
    store: str
    sentence: str
    why: str
    todo: str
    link: str
    runbook: str
    opened: float
    over_since: float | None
    repeats: int
    acknowledged_by: str
    acknowledged_at: float | None
    quiet_until: float | None
    deliveries: Sequence[DeliveryView]


@dataclass(frozen=True, slots=True)
class AlertChannelView:
    """State of a channel.

    :ivar failing_since: Unix seconds, or None if the last message was taken.
    :ivar waiting: number of alerts that wait to be sent.
    """

    id: str
    name: str
    least: AlertSeverity
    failing_since: float | None
    error: str
    taken_at: float | None
    waiting: int


def read_open_alerts(
    connection: redis.Redis,
    keys: Keys,
    channels: Sequence[AlertChannel],
    settings: Settings,
    open_alerts: OpenAlerts,
    *,
    start: int = 0,
    limit: int = 100,
) -> list[AlertView]:
    """Return the open alerts, the newest first.

    :raises redis.RedisError: Redis is not reachable.
    """
    ids = [text(each) for each in connection.zrevrange(keys.alerts_open, start, start + limit - 1)]
    alerts, now = open_alerts.read(ids), open_alerts.now() * 1000
    with connection.pipeline(transaction=False) as pipeline:
        for each in alerts:
            pipeline.hgetall(keys.alert_deliveries(each))
            pipeline.zscore(keys.alerts_quiet, alerts[each].get("store") or "")
            pipeline.zscore(keys.alerts_absent, each)
            for channel in channels:
                pipeline.zscore(keys.alerts_due(channel.id), each)
        replies = iter(pipeline.execute())
    views = []
    for each, alert in alerts.items():
        known = {text(name): json.loads(value) for name, value in next(replies).items()}
        quiet, over = next(replies), _seconds(next(replies))
        waits = {channel.id: next(replies) is not None for channel in channels}
        deliveries = [
            _delivery(channel, known.get(channel.id, {}), waits=waits[channel.id])
            for channel in channels
            if channel.id in known or waits[channel.id]
        ]
        quiet_until = float(quiet) if quiet and quiet > now else None
        views.append(_view(settings, each, alert, deliveries, over_since=over, quiet=quiet_until))
    return views


def _view(
    settings: Settings,
    alert_id: str,
    alert: Mapping[str, str],
    deliveries: Sequence[DeliveryView],
    *,
    over_since: float | None,
    quiet: float | None,
) -> AlertView:
    kind = alert_kind(alert["code"])
    return AlertView(
        id=alert_id,
        code=alert["code"],
        severity=kind.severity,
        about=alert["about"],
        subject=alert["subject"],
        store=alert.get("store", ""),
        sentence=kind.sentence,
        why=plain(alert.get("why", "")),
        todo=kind.todo,
        link=console_link(settings, alert["about"], alert["subject"]),
        runbook=runbook(alert["code"]),
        opened=float(alert["opened"]) / 1000,
        over_since=over_since,
        repeats=int(alert.get("repeats", 0)),
        acknowledged_by=alert.get("acked_by", ""),
        acknowledged_at=_seconds(alert.get("acked_at")),
        quiet_until=_seconds(quiet),
        deliveries=tuple(deliveries),
    )


def _delivery(channel: AlertChannel, known: Mapping[str, object], *, waits: bool) -> DeliveryView:
    return DeliveryView(
        channel.name,
        told=str(known.get("told") or ""),
        at=_seconds(known.get("at")),
        waits=waits,
        attempts=int(str(known.get("attempts") or 0)),
        error=str(known.get("error") or ""),
        given_up=bool(known.get("given_up")),
        capped=bool(known.get("over")) and not waits,
    )


def read_channels(connection: redis.Redis, keys: Keys, channels: Sequence[AlertChannel]) -> list[AlertChannelView]:
    """Return the state of the configured channels.

    :raises redis.RedisError: Redis is not reachable.
    """
    with connection.pipeline(transaction=False) as pipeline:
        for channel in channels:
            pipeline.hget(keys.alert_channels, channel.id)
            pipeline.zcard(keys.alerts_due(channel.id))
        replies = pipeline.execute()
    views = []
    for channel, raw, waiting in zip(channels, replies[::2], replies[1::2], strict=True):
        state = json.loads(raw or "{}")
        views.append(
            AlertChannelView(
                channel.id,
                channel.name,
                channel.least,
                failing_since=_seconds(state.get("failing_since")),
                error=str(state.get("error") or ""),
                taken_at=_seconds(state.get("taken_at")),
                waiting=int(waiting),
            )
        )
    return views


def _seconds(ms: object) -> float | None:
    return float(str(ms)) / 1000 if ms else None
