"""Environment variables of an installation's operation: how long data is kept, logs and reports of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from webhook_kit.alert_settings import AlertSettings
from webhook_kit.fields import HeaderSecret, ModuleMember, plain_text

__all__ = ["OperatingSettings"]

_DAY = 86_400


def _dsn(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[^\s/@:]+(:[^\s/@]*)?@[^\s/@]+(/[^\s/]+)*/[0-9]+", value.get_secret_value()):
        raise ValueError("should be the DSN of a Sentry project, such as https://key@sentry.example.org/1")
    return value


_ARCHIVE = "should be an address such as postgres://user:password@host:5432/database"
_TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def _archive_url(value: SecretStr) -> SecretStr:
    """Return the address for SQLAlchemy's psycopg, with TLS unless the server is on this machine or ``sslmode`` says otherwise."""
    try:
        parts = urlsplit(plain_text(value.get_secret_value()))
        host, _ = parts.hostname, parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(_ARCHIVE) from None
    if parts.scheme not in ("postgres", "postgresql", "postgresql+psycopg") or parts.fragment or len(parts.path) < 2:
        raise ValueError(_ARCHIVE)
    if not host and not options.get("host", "").startswith("/"):
        raise ValueError(f"{_ARCHIVE}; or postgresql:///database?host=/path/of/the/socket")
    if (mode := options.get("sslmode")) is not None and mode not in _TLS_MODES:
        raise ValueError(f"sslmode should be one of {', '.join(_TLS_MODES)}")
    if mode is None and host and host not in ("localhost", "127.0.0.1", "::1"):
        options["sslmode"] = "require"
    query = f"?{urlencode(options)}" if options else ""
    return SecretStr(f"postgresql+psycopg://{parts.netloc}{parts.path}{query}")


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

    archive_url: Annotated[SecretStr, AfterValidator(_archive_url)] | None = None
    """Address of a PostgreSQL in which settled orders, their updates and the audit log are kept past ORDER_TTL (``docs/archive.md``); requires the extra ``postgres``. TLS is required unless the host is this machine, or ``?sslmode=`` says otherwise. Example: ``postgres://user:password@host:5432/database``."""

    # -- replicas of Redis ---------------------------------------------------------------------------------------------
    redis_wait_replicas: int = Field(0, ge=0, le=10)
    """Number of replicas that have to have the claim on an order before its POS is called (``docs/availability.md``). With fewer the order is answered 503. 0: none; a fail-over of Redis can then double a ticket at a POS without its own idempotency."""
    redis_wait_timeout: float = Field(1.0, gt=0, le=30)
    """Seconds to wait for these replicas. Keep it shorter than REDIS_TIMEOUT."""

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

    def replica_mistakes(self, redis_timeout: float) -> Iterator[str]:
        """Yield what is wrong with the settings of the replicas together with another one."""
        if self.redis_wait_replicas and self.redis_wait_timeout >= redis_timeout:
            yield (
                "REDIS_WAIT_TIMEOUT is not shorter than REDIS_TIMEOUT; reduce it, because Redis answers only after it has waited"
            )
