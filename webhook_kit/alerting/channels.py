"""Channels of alerts: webhooks, chats, pagers and e-mail, as the settings name them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from webhook_kit.alert_fields import AlertSeverity, AlertTarget, smtp_server
from webhook_kit.alert_settings import AlertSettings
from webhook_kit.alerting.formats import pagerduty, slack, teams
from webhook_kit.alerting.mail import mail, send_mail
from webhook_kit.alerting.message import AlertMessage
from webhook_kit.alerting.pinned import Resolve, post, resolve

__all__ = ["AlertChannel", "alert_channels", "signed"]


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """Channel that takes alerts.

    :ivar id: stable name in Redis: the same address has the same id.
    :ivar name: name for people, without secrets.
    :ivar least: alerts that are less severe are not sent there.
    :ivar send: sends one message; raises :class:`~webhook_kit.alerting.pinned.DeliveryFailed`.
    """

    id: str
    name: str
    least: AlertSeverity
    send: Callable[[AlertMessage], None]

    def takes(self, severity: AlertSeverity) -> bool:
        """Return True if alerts of this severity are sent there."""
        return severity is AlertSeverity.CRITICAL or self.least is AlertSeverity.WARNING


def alert_channels(settings: AlertSettings, *, resolve: Resolve = resolve) -> list[AlertChannel]:
    """Return the channels of the settings.

    :param resolve: looks up the hosts.
    """
    return list({channel.id: channel for channel in _channels(settings, resolve)}.values())


def _channels(settings: AlertSettings, resolve: Resolve) -> Iterator[AlertChannel]:
    secrets = [secret.get_secret_value() for secret in settings.alert_webhook_secret]

    def send_json(url: str, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        body = _encoded(document)
        post(url, body, headers or {}, allow_private=settings.alert_allow_private, resolve=resolve)

    def webhook(url: str, message: AlertMessage) -> None:
        body = _encoded(message.document())
        headers = signed(body, f"{message.id}.{message.number}", int(time.time()), secrets)
        post(url, body, headers, allow_private=settings.alert_allow_private, resolve=resolve)

    def by_mail(to: str, message: AlertMessage) -> None:
        assert settings.smtp_url is not None
        assert settings.alert_email_from is not None
        send_mail(
            mail(message, settings.alert_email_from, to),
            smtp_server(settings.smtp_url),
            allow_private=settings.alert_allow_private,
            resolve=resolve,
        )

    kinds: list[tuple[str, list[AlertTarget], Callable[[str, AlertMessage], None]]] = [
        ("webhook", settings.alert_webhooks, webhook),
        ("slack", settings.alert_slack, lambda url, message: send_json(url, slack(message))),
        ("teams", settings.alert_teams, lambda url, message: send_json(url, teams(message))),
        (
            "pagerduty",
            settings.alert_pagerduty,
            lambda key, message: send_json(settings.alert_pagerduty_url, pagerduty(message, key)),
        ),
        ("email", settings.alert_email_to, by_mail),
    ]
    for kind, targets, send in kinds:
        for number, target in enumerate(targets, 1):
            yield _channel(kind, number, target, send)


def _channel(kind: str, number: int, target: AlertTarget, send: Callable[[str, AlertMessage], None]) -> AlertChannel:
    address = target.address.get_secret_value()
    host = address if kind == "email" else urlsplit(address).hostname
    digest = hashlib.sha256(address.encode()).hexdigest()[:8]
    name = f"{kind} {number}" + (f" ({host})" if host else "")
    return AlertChannel(f"{kind}-{digest}", name, target.least, lambda message: send(address, message))


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")


def signed(body: bytes, message_id: str, at: int, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of a signed webhook (Standard Webhooks), with a signature by each secret.

    :param secrets: each is ``whsec_`` and the key in base64, or any other text, which is the key itself.
    """
    content = f"{message_id}.{at}.".encode() + body
    digests = [hmac.new(_key(secret), content, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        with suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()
