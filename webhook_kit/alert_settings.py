"""Environment variables of alerts: the channels that get them, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from webhook_kit.alert_fields import (
    AlertTarget,
    HookTarget,
    MailAddress,
    MailTarget,
    RoutingKeyTarget,
    SmtpAddress,
    is_public,
    literal_address,
    smtp_server,
)
from webhook_kit.console_settings import ConsoleSettings
from webhook_kit.fields import Secret, WebAddress

__all__ = ["AlertSettings"]

_DAY = 86_400


class AlertSettings(ConsoleSettings):
    """Part of the settings that alerts read."""

    model_config = ConfigDict(hide_input_in_errors=True)

    alert_webhooks: list[HookTarget] = Field(default_factory=list)
    """Addresses that get alerts as JSON (``docs/monitoring.md``), separated by commas. Here and below, ``critical`` after a space sends only what is critical. Example: ``https://a.example.org/alerts, https://b.example.org critical``."""
    alert_webhook_secret: list[Secret] = Field(default_factory=list)
    """Secrets that sign the JSON of ALERT_WEBHOOKS (Standard Webhooks), separated by commas: there is a signature of each, so that they can be rotated. Required with them."""
    alert_slack: list[HookTarget] = Field(default_factory=list)
    """Incoming webhooks of Slack that get alerts, separated by commas."""
    alert_teams: list[HookTarget] = Field(default_factory=list)
    """Webhooks of Microsoft Teams (Workflows) that get alerts, separated by commas."""
    alert_pagerduty: list[RoutingKeyTarget] = Field(default_factory=list)
    """Integration keys of PagerDuty (Events API v2) that get alerts, separated by commas."""
    alert_pagerduty_url: WebAddress = "https://events.pagerduty.com/v2/enqueue"
    """Address of PagerDuty's Events API. Europe: ``https://events.eu.pagerduty.com/v2/enqueue``."""
    alert_email_to: list[MailTarget] = Field(default_factory=list)
    """E-mail addresses that get alerts, separated by commas. Requires SMTP_URL and ALERT_EMAIL_FROM."""
    alert_email_from: MailAddress | None = None
    """Sender of the e-mails."""
    smtp_url: SmtpAddress | None = None
    """Server that sends the e-mails: ``smtp://`` (STARTTLS) or ``smtps://`` (TLS). Example: ``smtp://user:password@mail.example.org:587``."""
    alert_allow_private: bool = False
    """True: alerts may go to private addresses, over ``http://``, and to an SMTP server without TLS and password."""
    alert_repeat_every: int = Field(3_600, ge=0, le=7 * _DAY)
    """Seconds after which an open alert is sent again; each time twice as long as before, up to a day. 0: never."""
    alerts_per_day: int = Field(50, ge=1, le=10_000)
    """Number of alerts that one channel gets per day (UTC), half as many of each kind. Messages that an alert is over do not count."""

    @field_validator(
        "alert_webhooks",
        "alert_webhook_secret",
        "alert_slack",
        "alert_teams",
        "alert_pagerduty",
        "alert_email_to",
        mode="before",
    )
    @classmethod
    def _separated(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    def alert_mistakes(self) -> Iterator[str]:
        """Yield what is wrong with the settings of alerts together."""
        if self.alert_webhooks and not self.alert_webhook_secret:
            yield "ALERT_WEBHOOK_SECRET is not set; ALERT_WEBHOOKS requires it, so that the receiver can verify alerts"
        if self.alert_email_to and self.smtp_url is None:
            yield "SMTP_URL is not set; ALERT_EMAIL_TO requires it"
        if self.alert_email_to and self.alert_email_from is None:
            yield "ALERT_EMAIL_FROM is not set; ALERT_EMAIL_TO requires it"
        if self.alert_allow_private:
            return
        hooks = {
            "ALERT_WEBHOOKS": self.alert_webhooks,
            "ALERT_SLACK": self.alert_slack,
            "ALERT_TEAMS": self.alert_teams,
            "ALERT_PAGERDUTY_URL": [AlertTarget(SecretStr(self.alert_pagerduty_url))],
        }
        for name, targets in hooks.items():
            if not all(_is_public_https(target) for target in targets):
                yield f"{name}: should be a public https:// address; or set ALERT_ALLOW_PRIVATE=true"
        if self.smtp_url and (literal := literal_address(smtp_server(self.smtp_url).host)) and not is_public(literal):
            yield "SMTP_URL: should be a public address; or set ALERT_ALLOW_PRIVATE=true"


def _is_public_https(target: AlertTarget) -> bool:
    parts = urlsplit(target.address.get_secret_value())
    literal = literal_address(parts.hostname or "")
    return parts.scheme == "https" and (literal is None or is_public(literal))
