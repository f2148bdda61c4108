"""Channels from the settings, and the signature of the generic webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from pydantic import SecretStr

from tests.alerting.examples import message
from tests.alerting.receiver import receiving
from tests.alerting.smtp_server import mailbox
from webhook_kit.alert_fields import AlertSeverity, AlertTarget
from webhook_kit.alerting.channels import alert_channels
from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings

KEY = "R" * 32
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.from_env()


@pytest.mark.parametrize(("secret", "key"), [(WHSEC, b"0123456789abcdef01234567"), ("my secret", b"my secret")])
def test_a_generic_webhook_is_signed_over_its_bytes(secret: str, key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        env = {"ALERT_WEBHOOKS": receiver.url, "ALERT_WEBHOOK_SECRET": secret, "ALERT_ALLOW_PRIVATE": "true"}
        (channel,) = alert_channels(settings(monkeypatch, **env))
        channel.send(message())
    (request,) = receiver.received
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == expected
    assert request.headers["webhook-id"] == "order_in_doubt-0123456789.3"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "type": "alert.opened",
        "id": "order_in_doubt-0123456789",
        "number": 3,
        "timestamp": "2023-11-14T22:14:20Z",
        "code": "order_in_doubt",
        "severity": "critical",
        "subject": {"type": "order", "id": "order-1", "store": "main"},
        "title": "CRITICAL: the POS may or may not have an order (order-1)",
        "sentence": "the POS may or may not have an order",
        "detail": "since 18:30",
        "todo": "check the POS, then settle the order",
        "openedAt": "2023-11-14T22:13:20Z",
        "acknowledgedBy": None,
        "link": "https://console.example.org/console/order?ref=order-1",
        "runbook": "docs/runbook.md#order_in_doubt",
    }


def test_a_generic_webhook_has_a_signature_by_each_secret_during_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = []
    for secrets in ("new", "old", "new, old"):
        with receiving() as receiver:
            env = {"ALERT_WEBHOOKS": receiver.url, "ALERT_WEBHOOK_SECRET": secrets, "ALERT_ALLOW_PRIVATE": "true"}
            monkeypatch.setattr("webhook_kit.alerting.channels.time.time", lambda: 1_700_000_000)
            (channel,) = alert_channels(settings(monkeypatch, **env))
            channel.send(message())
        signatures.append(receiver.received[0].headers["webhook-signature"])
    assert signatures[2] == f"{signatures[0]} {signatures[1]}"


def test_every_kind_of_channel_sends_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        env = {
            "ALERT_SLACK": f"{receiver.url}/slack, {receiver.url}/slack2 critical",
            "ALERT_TEAMS": f"{receiver.url}/teams",
            "ALERT_PAGERDUTY": KEY,
            "ALERT_PAGERDUTY_URL": f"http://127.0.0.1:{receiver.port}/v2/enqueue",
            "ALERT_ALLOW_PRIVATE": "TRUE",
        }
        channels = alert_channels(settings(monkeypatch, **env))
        for channel in channels:
            channel.send(message())
    bodies = {request.path.rpartition("/")[2]: request.json for request in receiver.received}
    assert set(bodies) == {"slack", "slack2", "teams", "enqueue"}
    assert bodies["enqueue"]["routing_key"] == KEY
    assert [channel.takes(AlertSeverity.WARNING) for channel in channels] == [True, False, True, True]
    assert all(channel.takes(AlertSeverity.CRITICAL) for channel in channels)
    shown = [channel.name for channel in channels] + [channel.id for channel in channels] + [repr(channels)]
    assert not any("s3cret" in text or KEY in text for text in shown)
    assert len({channel.id for channel in channels}) == 4


def test_each_address_of_email_is_a_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    with mailbox() as box:
        env = {
            "ALERT_EMAIL_TO": "ops@example.org, boss@example.org critical",
            "ALERT_EMAIL_FROM": "kit@example.org",
            "SMTP_URL": f"smtp://127.0.0.1:{box.port}",
            "ALERT_ALLOW_PRIVATE": "true",
        }
        channels = alert_channels(settings(monkeypatch, **env))
        for channel in channels:
            channel.send(message())
    assert [mail["To"] for mail in box.mails] == ["ops@example.org", "boss@example.org"]
    assert [channel.name for channel in channels] == ["email 1 (ops@example.org)", "email 2 (boss@example.org)"]
    assert [channel.takes(AlertSeverity.WARNING) for channel in channels] == [True, False]


def test_a_channel_has_the_same_id_after_a_restart_and_is_there_once() -> None:
    target = AlertTarget(SecretStr("https://hooks.example.org/x"))
    once, again = (alert_channels(Settings(alert_slack=[target, target])) for _ in range(2))
    assert [channel.id for channel in once] == [channel.id for channel in again]
    assert len(once) == 1


BAD: list[tuple[dict[str, str], str]] = [
    ({"ALERT_SLACK": "https://user:secret@hooks.example.org/x"}, "ALERT_SLACK[0]: should be an address"),
    ({"ALERT_SLACK": "https://hooks.example.org/secret loud"}, "ALERT_SLACK[0]: has another severity"),
    ({"ALERT_TEAMS": "ftp://secret.example.org"}, "ALERT_TEAMS[0]: should be an address"),
    ({"ALERT_TEAMS": "http://hooks.example.org/secret"}, "ALERT_TEAMS: should be a public https:// address"),
    ({"ALERT_TEAMS": "https://[::ffff:10.0.0.1]/secret"}, "ALERT_TEAMS: should be a public https:// address"),
    ({"ALERT_PAGERDUTY": "secret"}, "ALERT_PAGERDUTY[0]: should be the integration key"),
    ({"ALERT_WEBHOOKS": "https://hooks.example.org/secret"}, "ALERT_WEBHOOK_SECRET is not set"),
    ({"ALERT_EMAIL_TO": "ops@example.org"}, "SMTP_URL is not set"),
    ({"ALERT_EMAIL_TO": "ops@example.org"}, "ALERT_EMAIL_FROM is not set"),
    ({"ALERT_EMAIL_TO": "secret"}, "ALERT_EMAIL_TO[0]: should be an e-mail address"),
    ({"SMTP_URL": "smtp://secret@mail.example.org"}, "SMTP_URL: should be an address"),
    ({"SMTP_URL": "smtp://kit:secret@169.254.169.254"}, "SMTP_URL: should be a public address"),
    ({"ALERT_PAGERDUTY_URL": "http://events.pagerduty.com/secret"}, "ALERT_PAGERDUTY_URL: should be a public https"),
    ({"ALERT_PAGERDUTY_URL": "https://169.254.169.254/secret"}, "ALERT_PAGERDUTY_URL: should be a public https"),
    ({"ALERTS_PER_DAY": "0"}, "ALERTS_PER_DAY:"),
]


@pytest.mark.parametrize(("variables", "mistake"), BAD)
def test_a_mistake_is_named_without_its_value(
    variables: dict[str, str], mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError) as failed:
        settings(monkeypatch, **variables)
    assert any(line.startswith(mistake) for line in failed.value.mistakes), failed.value.mistakes
    assert "secret" not in str(failed.value)


def test_all_mistakes_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: dict[str, Any] = {"ALERT_SLACK": "x", "ALERT_TEAMS": "y", "SMTP_URL": "z", "ALERTS_PER_DAY": "many"}
    with pytest.raises(ConfigurationError) as failed:
        settings(monkeypatch, **wrong)
    assert len(failed.value.mistakes) == 4
