"""Every environment variable of the kit, with its meaning. Read once at start; all mistakes are reported at once."""

from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from webhook_kit.errors import ConfigurationError

__all__ = ["PricePolicy", "Settings", "TlsVerify", "ZoneName"]


class PricePolicy(StrEnum):
    """What happens to a price difference within the tolerance; beyond it, placement is always refused."""

    REFUSE = "refuse"
    """Any difference is refused."""
    ACCEPTED = "accepted"
    """Place at the amounts that the customer accepted."""
    POS = "pos"
    """Place at the amounts computed now."""


class TlsVerify(StrEnum):
    """How the certificate of a ``rediss://`` server is checked."""

    REQUIRED = "required"
    NONE = "none"
    """Encrypted, not authenticated: Heroku's Redis presents a self-signed chain."""


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no IANA time zone (example: America/New_York)") from None
    return value


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""The name of an IANA time zone."""

Secrets = Annotated[list[SecretStr], NoDecode]


class Settings(BaseSettings):
    """The configuration, from environment variables of the fields' names in capitals."""

    model_config = SettingsConfigDict(
        extra="ignore", hide_input_in_errors=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    # -- Redis ---------------------------------------------------------------------------------------------------------
    redis_url: str = Field("redis://127.0.0.1:6379/0", pattern=r"^(rediss?|unix)://", repr=False)
    """The Redis server: ``redis://``, ``rediss://`` (TLS) or ``unix://``."""
    redis_tls_verify: TlsVerify = TlsVerify.REQUIRED
    """``none`` accepts a self-signed chain."""
    redis_max_connections: int = Field(40, ge=2)
    """Connections a process may hold; plans with few of them want this times the processes to stay below their limit."""
    redis_timeout: float = Field(2.0, gt=0)
    """Seconds to wait for Redis to connect or answer."""
    key_prefix: str = Field("wk:", min_length=1, max_length=40)
    """What every key of this installation begins with."""

    # -- Gett ----------------------------------------------------------------------------------------------------------
    gett_api_url: str = Field("https://api.gett-tech.com", pattern=r"^https?://")
    """Production; the sandbox is ``https://api-sandbox.gett-tech.com``."""
    gett_api_key: SecretStr | None = None
    """The bearer key of the Commerce API."""
    gett_connect_timeout: float = Field(3.05, gt=0, le=60)
    """Seconds to wait for a connection to Gett."""
    gett_read_timeout: float = Field(10.0, gt=0, le=60)
    """Seconds to wait for Gett's answer; together they decide how soon another worker takes over from one that died."""
    gett_webhook_secrets: Secrets = Field(default_factory=list)
    """Secrets that sign Gett's webhooks, separated by commas; several while one is rotated."""
    gett_webhook_authorization: Secrets = Field(default_factory=list)
    """Static ``Authorization`` headers accepted instead of a signature, separated by commas."""
    allow_unsigned_webhooks: bool = False
    """Development only: take webhooks from anyone."""

    gett_writes_per_minute: int = Field(100, ge=0)
    """Gett's quota of writes for the whole organisation: 100 in production, 500 in the sandbox; 0 switches it off."""
    push_threads: int = Field(16, ge=1, le=200)
    """Updates that one push worker sends at the same time."""
    outbox_max_age: float = Field(14_400.0, gt=0)
    """Seconds after which an update that keeps failing goes to the dead letters."""

    unconfirmed_after: float = Field(300.0, gt=0)
    """Seconds after which an order that the POS left pending, and nobody confirmed, is an alert."""
    cancel_unconfirmed: bool = False
    """True: such an order is also cancelled, at the POS and at Gett."""
    event_hold_timeout: float = Field(600.0, gt=0)
    """Seconds for which a POS event of an order that is not known (yet) is held."""
    reconcile_every: float = Field(300.0, ge=5)
    """Seconds between two comparisons of what the POS says with what Gett was told."""
    reconcile_window: float = Field(86_400.0, gt=0)
    """Seconds into the past that a comparison looks."""
    health_check_interval: float = Field(15.0, ge=0)
    """Seconds between two looks whether a store's POS is well; 0 switches the monitor off."""
    health_failure_threshold: int = Field(3, ge=1)
    """Bad looks in a row after which a store is paused."""
    health_success_threshold: int = Field(2, ge=1)
    """Good looks in a row after which such a pause is lifted."""
    compare_status_every: float = Field(120.0, ge=0)
    """Seconds between two comparisons of each store's status with what Gett says; 0 switches them off."""

    # -- the webhooks --------------------------------------------------------------------------------------------------
    webhook_prefix: str = Field("", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path under which validateOrder and placeOrder are served (``/gett``); the root when empty."""
    webhook_deadline: float = Field(25.0, gt=0, le=600)
    """Seconds within which Gett gets an answer, under a Heroku router's 30 s."""
    require_idempotency_key: bool = True
    """False: an absent Idempotency-Key is replaced by the gettOrderId."""
    require_validated_token: bool = False
    """True: placeOrder without a validatedOrderToken is refused."""
    token_secrets: Secrets = Field(default_factory=list)
    """Keys of the validatedOrderToken, newest first; derived from the webhook secrets when empty."""
    price_policy: PricePolicy = PricePolicy.REFUSE
    """What happens to a price difference within the tolerance: ``refuse``, ``accepted`` or ``pos``."""
    price_tolerance: Decimal = Field(Decimal("0.00"), ge=0, max_digits=8, decimal_places=2)
    """Difference in major units up to which ``price_policy`` decides."""

    order_event_handler: str | None = Field(None, pattern=r"^[\w.]+:\w+$")
    """``module:function`` that is handed Gett's order events, for distribution partners; without it there is no ``/orderEvents``."""

    # -- the POS -------------------------------------------------------------------------------------------------------
    pos_adapter: str | None = None
    """The adapter of the single store: a registered name, or ``module:Class``."""
    gett_store_id: str | None = None
    """Gett's id of the single store."""
    pos_store_id: str = "main"
    """The partner's own id of the single store."""
    store_name: str = ""
    """What people call the single store; its id when empty."""
    store_timezone: ZoneName = "UTC"
    """IANA zone of the single store (``America/New_York``)."""
    store_options: Annotated[dict[str, str | int | float | bool], NoDecode] = Field(default_factory=dict)
    """Options of the single store for its adapter, as a JSON object."""
    store_credentials: Annotated[dict[str, SecretStr], NoDecode] = Field(default_factory=dict)
    """Credentials of the single store for its adapter, as a JSON object."""
    stores_file: Path | None = None
    """A TOML file of stores, for more than one; read again when it changes."""
    stores_source: str | None = None
    """A directory of the vendor's own instead of a file, as ``module:Class`` (``docs/stores.md``)."""
    webhook_kit_key: Secrets = Field(default_factory=list)
    """Keys that encrypt credentials in Redis, newest first, separated by commas; ``webhook-kit stores generate-key`` makes one."""
    allow_plaintext_credentials: bool = False
    """True: without a key, credentials are stored in Redis as they are, instead of being refused."""
    pos_deadline: float = Field(20.0, gt=0, le=600)
    """Seconds a POS call may take before Gett is answered without it; the call itself goes on and is still recorded."""
    pos_abandon_after: float = Field(300.0, gt=0)
    """Seconds after which a call that never came back counts as dead; the order is then in doubt."""
    pos_max_calls: int = Field(32, ge=1)
    """POS calls in flight per process; more are answered 503 at once."""
    pos_max_calls_per_store: int = Field(16, ge=1)
    """The same per store, so that one hung POS leaves the others their share."""
    pos_breaker_failures: int = Field(5, ge=1)
    """Failures of a store's POS in a row that open its circuit breaker."""
    pos_breaker_seconds: float = Field(15.0, gt=0)
    """How long the breaker stays open before one call may try again."""
    lookup_retry_delay: float = Field(1.0, ge=0, le=60)
    """Seconds between two look-ups of an order in doubt: a POS may commit an order after it answered that it has none."""
    catalog_refresh: float = Field(300.0, gt=0)
    """Seconds after which a store's menu is fetched from its POS again."""

    # -- publishing menus ----------------------------------------------------------------------------------------------
    public_url: str | None = Field(None, pattern=r"^https?://[^/?#]+[^?#]*$")
    """This installation's base URL as Gett reaches it (``https://pos.example.org``); without it, or a bucket, no menu is published."""
    catalog_bucket: str | None = None
    """An S3 bucket to keep published menus in, for Gett to pull from; Redis keeps and the kit serves them when empty."""
    catalog_bucket_endpoint: str | None = Field(None, pattern=r"^https?://")
    """Where an S3-compatible store other than Amazon's listens."""
    catalog_bucket_url: str | None = Field(None, pattern=r"^https?://")
    """Where anyone can read the bucket; addresses are signed, for a week, when empty."""
    catalog_retention: int = Field(2 * 86_400, ge=86_400)
    """Seconds for which a published menu is kept after its successor: Gett pulls late."""
    publish_debounce: float = Field(10.0, ge=0, le=3_600)
    """Seconds to wait, when something has run out or is back, for more of the same before the menu is published anew."""

    # -- how long things are kept --------------------------------------------------------------------------------------
    idempotency_ttl: int = Field(86_400, ge=60)
    """Seconds for which a key replays its answer: 24 h by the protocol."""
    order_ttl: int = Field(7 * 86_400, ge=60)
    """Seconds for which a settled order's record is kept."""

    # -- logs ----------------------------------------------------------------------------------------------------------
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    """The least severe log line that is written."""
    log_format: str = Field("json", pattern=r"^(json|console)$")
    """``json`` for platforms, ``console`` for people."""

    @field_validator(
        "gett_webhook_secrets", "gett_webhook_authorization", "token_secrets", "webhook_kit_key", mode="before"
    )
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("store_options", "store_credentials", mode="before")
    @classmethod
    def _json_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('is no JSON object (example: {"terminal": "3"})') from None

    @field_validator("webhook_kit_key")
    @classmethod
    def _fernet_keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        for key in value:
            try:
                length = len(base64.urlsafe_b64decode(key.get_secret_value()))
            except ValueError:
                length = 0
            if length != 32:
                raise ValueError("holds a key that is none; webhook-kit stores generate-key makes one")
        return value

    @field_validator("gett_api_url", "public_url", "catalog_bucket_url")
    @classmethod
    def _no_trailing_slash(cls, value: str | None) -> str | None:
        return value and value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = []
        if self.pos_adapter and self.stores_file:
            mistakes.append("POS_ADAPTER and STORES_FILE exclude each other: name the adapter per store in the file")
        if self.stores_source and (self.pos_adapter or self.stores_file):
            mistakes.append("STORES_SOURCE excludes POS_ADAPTER and STORES_FILE: its class names every store")
        if self.pos_adapter and not self.gett_store_id:
            mistakes.append("GETT_STORE_ID is missing: POS_ADAPTER serves one store, say which one it is at Gett")
        if self.pos_deadline > self.webhook_deadline:
            mistakes.append(
                "POS_DEADLINE is longer than WEBHOOK_DEADLINE: Gett would have given up before the POS does"
            )
        if self.pos_abandon_after < self.pos_deadline:
            mistakes.append("POS_ABANDON_AFTER is shorter than POS_DEADLINE")
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment.

        :raises ConfigurationError: with every mistake, one line each, naming the variable.
        """
        try:
            return cls()
        except ValidationError as error:
            mistakes = [_mistake(details["loc"], details["msg"]) for details in error.errors(include_input=False)]
        raise ConfigurationError(*(line for mistake in mistakes for line in mistake.splitlines()))

    def require_authenticity(self) -> None:
        """Refuse to serve webhooks that anybody could have sent (``gett-protocol.md §3``).

        :raises ConfigurationError: when nothing proves a webhook and unsigned ones are not allowed explicitly.
        """
        if not (self.gett_webhook_secrets or self.gett_webhook_authorization or self.allow_unsigned_webhooks):
            raise ConfigurationError(
                "GETT_WEBHOOK_SECRETS is missing: without it anybody could send orders. Set it (or "
                "GETT_WEBHOOK_AUTHORIZATION), or ALLOW_UNSIGNED_WEBHOOKS=true on a developer's machine"
            )

    def token_keys(self) -> list[str]:
        """The keys that sign tokens, newest first: the configured ones, else derived from what proves the webhooks."""
        if self.token_secrets:
            return [secret.get_secret_value() for secret in self.token_secrets]
        proofs = [*self.gett_webhook_secrets, *self.gett_webhook_authorization]
        return [
            hashlib.sha256(b"webhook-kit token\n" + proof.get_secret_value().encode()).hexdigest() for proof in proofs
        ] or ["unsigned development"]


def _mistake(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    variable, *inside = (str(part) for part in location)
    place = variable.upper() + "".join(f"[{part}]" for part in inside)
    return f"{place}: {message}"
