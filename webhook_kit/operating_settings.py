"""Environment variables of an installation's operation: how long data is kept, logs and reports of errors."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from webhook_kit.alert_settings import AlertSettings
from webhook_kit.fields import HeaderSecret, ModuleMember

__all__ = ["OperatingSettings"]

_DAY = 86_400


def _dsn(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[^\s/@:]+(:[^\s/@]*)?@[^\s/@]+(/[^\s/]+)*/[0-9]+", value.get_secret_value()):
        raise ValueError("should be the DSN of a Sentry project, such as https://key@sentry.example.org/1")
    return value


class OperatingSettings(AlertSettings):
    """Part of the settings with which an installation is operated."""

    model_config = ConfigDict(hide_input_in_errors=True)

    # -- retention -----------------------------------------------------------------------------------------------------
    idempotency_ttl: int = Field(_DAY, ge=60, le=30 * _DAY)
    """Seconds for which a repeated Idempotency-Key gets the same answer (86400: 24 hours, as the protocol requires)."""
    order_ttl: int = Field(7 * _DAY, ge=60, le=365 * _DAY)
    """Seconds for which the record of a settled order is kept (604800: 7 days)."""
    contact_ttl: int = Field(2 * _DAY, ge=0, le=365 * _DAY)
    """Seconds after which customer and delivery are removed from the record of a placed order (172800: two days). Never before IDEMPOTENCY_TTL."""
    dead_letter_ttl: int = Field(30 * _DAY, ge=3600, le=30 * _DAY)
    """Seconds for which a dead letter is kept for a person (2592000: 30 days)."""
    incident_ttl: int = Field(90 * _DAY, ge=3600, le=3650 * _DAY)
    """Seconds for which an incident is kept (7776000: 90 days); the newest 1,000 at most."""
    audit_ttl: int = Field(90 * _DAY, ge=60, le=3650 * _DAY)
    """Seconds for which an action of a person is kept in the audit log (7776000: 90 days); the newest 100,000 at most."""

    # -- logs ----------------------------------------------------------------------------------------------------------
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is logged: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``."""
    log_format: str = Field("json", pattern=r"^(json|console)$")
    """Format of the log lines: ``json`` for platforms, ``console`` for people."""

    # -- metrics -------------------------------------------------------------------------------------------------------
    metrics_token: list[HeaderSecret] = Field(default_factory=list)
    """Tokens with which Prometheus reads ``/metrics`` of the web server (``Authorization: Bearer …``), separated by commas; 32 random characters are enough. Empty: ``/metrics`` is not served; ``webhook-kit metrics serve`` serves the metrics on a port of their own."""

    # -- errors --------------------------------------------------------------------------------------------------------
    error_reporter: ModuleMember | None = None
    """Function that is called with each unexpected exception and a dict of ids (``docs/monitoring.md``). Example: ``my_pos.errors:report``."""
    sentry_dsn: Annotated[SecretStr, AfterValidator(_dsn)] | None = None
    """Address of a Sentry project, to which unexpected exceptions are sent; requires the extra ``sentry``. Example: ``https://key@sentry.example.org/1``."""
