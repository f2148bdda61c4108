"""Environment variables of the kit. They are read once at start, and all mistakes are reported at once."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from webhook_kit.alert_settings import AlertSettings
from webhook_kit.console_settings import COMMA_SEPARATED, ConsoleSettings
from webhook_kit.errors import ConfigurationError
from webhook_kit.fields import (
    Credential,
    EncryptionKey,
    GettId,
    HeaderSecret,
    JsonTable,
    ModuleMember,
    RedisAddress,
    Secret,
    StoreId,
    WebAddress,
    ZoneName,
    plain_text,
    stripped,
    unquoted,
)
from webhook_kit.operating_settings import OperatingSettings

__all__ = ["PricePolicy", "Settings", "TlsVerify", "meanings"]

_DAY = 86_400
_TABLES = ("store_options", "store_credentials")


class PricePolicy(StrEnum):
    """Handling of a price difference within the tolerance. A greater difference is always refused."""

    REFUSE = "refuse"
    """Refuse the order, whatever the difference."""
    ACCEPTED = "accepted"
    """Place the order at the amounts that the customer accepted."""
    POS = "pos"
    """Place the order at the amounts that are computed now."""


class TlsVerify(StrEnum):
    """Verification of the certificate of a ``rediss://`` server."""

    REQUIRED = "required"
    NONE = "none"
    """Encryption without authentication: Heroku's Redis has a self-signed certificate."""


class Settings(OperatingSettings):
    """Configuration of an installation. :meth:`from_env` reads each field from the variable of its name in capitals."""

    # -- Redis ---------------------------------------------------------------------------------------------------------
    redis_url: RedisAddress = Field("redis://127.0.0.1:6379/0", repr=False)
    """Address of the Redis server: ``redis://``, ``rediss://`` (TLS) or ``unix://``; of its sentinels: ``redis+sentinel://host,host,host/primary`` (``docs/availability.md``); or some nodes of a cluster: ``redis+cluster://host,host`` (``docs/scaling.md``). ``rediss+…`` is with TLS. Example: ``rediss://user:password@host:6380/0``."""
    redis_tls_verify: TlsVerify = TlsVerify.REQUIRED
    """Verification of the certificate of a ``rediss://`` server: ``required``, or ``none`` to accept a self-signed certificate (Heroku)."""
    redis_max_connections: int = Field(5, ge=2, le=10_000)
    """Maximum number of connections per process; each is used for one command at a time. ``check`` compares all processes with what Redis allows."""
    redis_timeout: float = Field(2.0, gt=0, le=60)
    """Seconds to wait for a connection to Redis or for its answer."""
    key_prefix: str = Field("wk:", min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._:{}-]+$")
    """Prefix of all Redis keys. Give each installation that shares a Redis its own. Example: ``wk-test:``."""

    # -- Gett ----------------------------------------------------------------------------------------------------------
    gett_api_url: WebAddress = "https://api.gett-tech.com"
    """Address of Gett's API. The default is production; the sandbox is ``https://api-sandbox.gett-tech.com``."""
    gett_api_key: list[HeaderSecret] = Field(default_factory=list)
    """Bearer keys of the Commerce API, newest first, separated by commas. Required to send updates and to onboard stores. During a rotation list both, ``new,old`` (``docs/rotating-secrets.md``)."""
    gett_connect_timeout: float = Field(3.05, gt=0, le=60)
    """Seconds to wait for a connection to Gett."""
    gett_read_timeout: float = Field(10.0, gt=0, le=60)
    """Seconds to wait for Gett's whole answer. The longer both timeouts are, the later another worker continues the work of a crashed one."""
    gett_webhook_secrets: list[Secret] = Field(default_factory=list)
    """Secrets that sign Gett's webhooks, newest first, separated by commas; each is accepted. During a rotation list both: first ``old,new``, then ``new,old`` (``docs/rotating-secrets.md``)."""
    gett_webhook_authorization: list[HeaderSecret] = Field(default_factory=list)
    """Static ``Authorization`` headers that are accepted instead of a signature, separated by commas. Example: ``Bearer abc``."""
    allow_unsigned_webhooks: bool = False
    """True: accept webhooks without a signature. For development only, because anyone can send orders."""

    gett_writes_per_minute: int = Field(100, ge=0, le=100_000)
    """Gett's limit of writes per minute for the whole organisation: 100 in production, 500 in Gett's sandbox and in the local one. 0 sends without a limit."""
    push_threads: int = Field(16, ge=1, le=200)
    """Number of updates that one push worker sends at the same time."""
    outbox_max_age: float = Field(14_400.0, gt=0, le=30 * _DAY)
    """Seconds after which an update that keeps failing becomes a dead letter (14400: 4 hours)."""

    unconfirmed_after: float = Field(300.0, gt=0, le=7 * _DAY)
    """Seconds after which a pending order that the POS has not confirmed raises an alert."""
    cancel_unconfirmed: bool = False
    """True: also cancel such an order, at the POS and at Gett."""
    event_hold_timeout: float = Field(600.0, gt=0, le=7 * _DAY)
    """Seconds for which an event of the POS is held when its order is not known yet."""
    reconcile_every: float = Field(300.0, ge=5, le=_DAY)
    """Seconds between two reconciliations, which compare the orders of the POS with the updates that were sent to Gett."""
    reconcile_window: float = Field(86_400.0, gt=0, le=30 * _DAY)
    """Seconds into the past from which a reconciliation reads orders (86400: one day)."""
    health_check_interval: float = Field(15.0, ge=0, le=_DAY)
    """Seconds between two health checks of a store's POS. 0 disables the checks."""
    health_failure_threshold: int = Field(3, ge=1, le=1_000)
    """Number of failed health checks in a row after which the store is paused."""
    health_success_threshold: int = Field(2, ge=1, le=1_000)
    """Number of successful health checks in a row after which such a pause is lifted."""
    compare_status_every: float = Field(120.0, ge=0, le=_DAY)
    """Seconds between two comparisons of each store's status at Gett with the last update sent. 0 disables them."""

    # -- the webhooks --------------------------------------------------------------------------------------------------
    webhook_prefix: str = Field("", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path below which the webhooks are served. Example: ``/gett`` serves ``/gett/placeOrder``. Empty: the root."""
    webhook_deadline: float = Field(25.0, gt=0, le=600)
    """Seconds within which a webhook is answered. Keep it below the timeout of your router (Heroku: 30 s)."""
    require_idempotency_key: bool = True
    """True: placeOrder without an Idempotency-Key is refused. False: the gettOrderId takes its place."""
    require_validated_token: bool = False
    """True: placeOrder without a validatedOrderToken is refused."""
    token_secrets: list[Secret] = Field(default_factory=list)
    """Keys that sign validatedOrderTokens and addresses of catalogs, newest first, separated by commas. Empty: derived from the webhook secrets."""
    price_policy: PricePolicy = PricePolicy.REFUSE
    """Handling of a price difference within the tolerance: ``refuse`` the order, or place it at the ``accepted`` amounts or at those of the ``pos``."""
    price_tolerance: Decimal = Field(Decimal("0.00"), ge=0, max_digits=8, decimal_places=2)
    """Largest price difference, in major units of the currency, that PRICE_POLICY applies to. Example: ``0.05``."""

    order_event_handler: ModuleMember | None = None
    """Function that handles Gett's order events, for distribution partners. Example: ``my_shop.events:handle``. Empty: ``/orderEvents`` is not served."""

    # -- the POS -------------------------------------------------------------------------------------------------------
    pos_adapter: str | None = None
    """Adapter of a single store: a registered name, or ``module:Class``. Example: ``my_pos.adapter:MyPos``."""
    gett_store_id: GettId | None = None
    """Gett's id of the single store. Required with POS_ADAPTER."""
    pos_store_id: StoreId = "main"
    """Your own id of the single store."""
    store_name: str = ""
    """Display name of the single store. Empty: its id."""
    store_timezone: ZoneName = "UTC"
    """IANA time zone of the single store. Example: ``America/New_York``."""
    store_options: Annotated[dict[str, Any], JsonTable] = Field(default_factory=dict)
    """Options of the single store for its adapter, as a JSON object. Example: ``{"terminal": 3}``."""
    store_credentials: Annotated[dict[str, Credential], JsonTable] = Field(default_factory=dict)
    """Credentials of the single store for its adapter, as a JSON object. Example: ``{"token": "secret"}``."""
    stores_file: Path | None = None
    """TOML file of several stores. It is read again when it changes. Example: ``/etc/webhook-kit/stores.toml``."""
    stores_source: ModuleMember | None = None
    """Class of your own that provides the stores, as ``module:Class`` (``docs/stores.md``). Example: ``my_pos.stores:OurStores``."""
    webhook_kit_key: list[EncryptionKey] = Field(default_factory=list)
    """Keys that encrypt credentials in Redis, newest first, separated by commas. Create one with ``webhook-kit stores generate-key``, or let the platform generate 64 hexadecimal digits."""
    allow_plaintext_credentials: bool = False
    """True: without a key, store credentials in Redis in plaintext instead of refusing them."""
    pos_deadline: float = Field(20.0, gt=0, le=600)
    """Seconds to wait for a POS call before Gett is answered without its result. The call continues, and its result is recorded."""
    catalog_deadline: float = Field(120.0, gt=0, le=240)
    """Seconds to wait for a catalog from the POS. A cart that needs a store's first catalog waits for POS_DEADLINE only."""
    pos_abandon_after: float = Field(300.0, gt=0, le=_DAY)
    """Seconds after which a POS call without a result is abandoned; its order is then in doubt."""
    pos_max_calls: int = Field(32, ge=1, le=10_000)
    """Maximum number of concurrent POS calls per process. Further webhooks that need one are answered 503 at once. Keep it below WEB_THREADS, so that threads remain for the others."""
    pos_max_calls_per_store: int = Field(16, ge=1, le=10_000)
    """Maximum number of concurrent POS calls per store and process, so that one POS that does not answer does not block the others."""
    pos_breaker_failures: int = Field(5, ge=1, le=1_000)
    """Number of failed POS calls of a store in a row that open its circuit breaker."""
    pos_breaker_seconds: float = Field(15.0, gt=0, le=_DAY)
    """Seconds for which an open circuit breaker rejects calls before one call may try again."""
    lookup_retry_delay: float = Field(1.0, ge=0, le=60)
    """Seconds between two lookups of an order in doubt. A POS may commit an order after it has answered that it has none."""
    catalog_refresh: float = Field(300.0, gt=0, le=7 * _DAY)
    """Seconds after which a store's catalog is fetched from its POS again."""
    catalog_cache_items: int = Field(200_000, ge=1, le=100_000_000)
    """Maximum number of items and options, of all catalogs together, that one web process keeps ready. 200,000 take about 50 MB; a catalog that was not used for longest is dropped first, and read from Redis when an order needs it."""

    # -- publishing catalogs -------------------------------------------------------------------------------------------
    public_url: WebAddress | None = None
    """Base URL of this installation as Gett reaches it. Example: ``https://pos.example.org``. Required to onboard stores, and to publish catalogs without a bucket."""
    catalog_bucket: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{3,255}$")
    """S3 bucket for published catalogs, from which Gett fetches them. Empty: they are stored in Redis and served by the kit."""
    catalog_bucket_endpoint: WebAddress | None = None
    """Address of an S3-compatible service other than Amazon's. Example: ``https://minio.example.org``."""
    catalog_bucket_url: WebAddress | None = None
    """Public address of the bucket. Empty: Gett gets signed addresses that are valid for a week."""
    catalog_retention: int = Field(2 * _DAY, ge=_DAY, le=365 * _DAY)
    """Seconds for which a published catalog is kept after its successor, because Gett may fetch it late (172800: two days)."""
    publish_debounce: float = Field(10.0, ge=0, le=3_600)
    """Seconds to collect changes of item availability before the catalog is published again."""

    @model_validator(mode="before")
    @classmethod
    def _without_blank_values(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if not isinstance(value, str) or value.strip()}

    @field_validator(
        "gett_api_key",
        "gett_webhook_secrets",
        "gett_webhook_authorization",
        "token_secrets",
        "webhook_kit_key",
        "metrics_token",
        *COMMA_SEPARATED,
        mode="before",
    )
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("redis_tls_verify", "price_policy", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("*", mode="before")  # the last before-validator is called first
    @classmethod
    def _plain(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        # A JSON object may be written over several lines.
        return unquoted(value) if info.field_name in _TABLES else plain_text(value)

    @field_validator("store_options", "store_credentials")
    @classmethod
    def _stripped(cls, value: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", stripped(value))

    @field_validator("gett_api_key")
    @classmethod
    def _keys_alone(cls, value: list[SecretStr]) -> list[SecretStr]:
        if any(" " in key.get_secret_value() for key in value):
            raise ValueError("contains a space; write the key alone, without Bearer, and a comma between two keys")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = [*self.alert_mistakes(), *self.replica_mistakes(self.redis_timeout)]
        if self.pos_adapter and self.stores_file:
            mistakes.append(
                "POS_ADAPTER and STORES_FILE cannot be used together; name the adapter of each store in the file"
            )
        if self.stores_source and (self.pos_adapter or self.stores_file):
            mistakes.append(
                "STORES_SOURCE cannot be used together with POS_ADAPTER or STORES_FILE; its class provides every store"
            )
        if self.pos_adapter and not self.gett_store_id:
            mistakes.append("GETT_STORE_ID is not set; POS_ADAPTER serves one store and requires its id at Gett")
        if self.pos_deadline > self.webhook_deadline:
            mistakes.append(
                "POS_DEADLINE is longer than WEBHOOK_DEADLINE; reduce it, because Gett does not wait that long for the POS"
            )
        if self.pos_abandon_after < self.pos_deadline:
            mistakes.append("POS_ABANDON_AFTER is shorter than POS_DEADLINE; increase it")
        if self.console and f"{self.webhook_prefix}/".startswith("/console/"):
            mistakes.append("WEBHOOK_PREFIX begins with /console, which belongs to the console; choose another one")
        mistakes += self.console_mistakes()
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @classmethod
    def from_env(cls) -> Self:
        """Return the settings of the environment.

        :raises ConfigurationError: with one line per mistake, naming the variable.
        """
        # An environment file that begins with a byte order mark gives the first variable another name.
        mistakes = [
            f"{name[1:]}: a byte order mark is in front of its name; save the environment file as UTF-8 without one"
            for name in os.environ
            if name.startswith("\ufeff") and name[1:].lower() in cls.model_fields
        ]
        values = {name.lower(): value for name, value in os.environ.items()}
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_input=False)
            mistakes += [cls._mistake(details) for details in found]
            if wrong := {str(details["loc"][0]) for details in found if details["loc"]}:
                mistakes += cls._contradictions(values, wrong)
        else:
            if not mistakes:
                return settings
        raise ConfigurationError(*(line for mistake in mistakes for line in mistake.splitlines()))

    @classmethod
    def _contradictions(cls, values: Mapping[str, str], wrong: AbstractSet[str]) -> list[str]:
        """Return what is wrong with the other settings together, because pydantic looks at it only if each one is right."""
        try:
            cls.model_validate({name: value for name, value in values.items() if name not in wrong})
        except ValidationError as error:
            lines = "\n".join(details["msg"].removeprefix("Value error, ") for details in error.errors()).splitlines()
            return [line for line in lines if wrong.isdisjoint(re.findall(r"\w+", line.lower()))]
        return []

    def require_authenticity(self) -> None:
        """Raise an error if webhooks could not be authenticated (``gett-protocol.md §3``).

        :raises ConfigurationError: there is no secret, and unsigned webhooks are not allowed explicitly.
        """
        if not (self.gett_webhook_secrets or self.gett_webhook_authorization or self.allow_unsigned_webhooks):
            raise ConfigurationError(
                "GETT_WEBHOOK_SECRETS is not set, so that anyone could send orders; set it or GETT_WEBHOOK_AUTHORIZATION, "
                "or set ALLOW_UNSIGNED_WEBHOOKS=true on a developer's machine"
            )

    def api_keys(self) -> list[str]:
        """Return the keys of Gett's API, newest first."""
        return [key.get_secret_value() for key in self.gett_api_key]

    def api_key_id(self) -> str:
        """Return an id of the API keys, to which a halt of sending belongs; the empty text without a key."""
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:12] if (keys := self.api_keys()) else ""

    def token_keys(self) -> list[str]:
        """Return the keys that sign tokens, newest first: the configured ones, or keys derived from the webhook secrets."""
        if self.token_secrets:
            return [secret.get_secret_value() for secret in self.token_secrets]
        return self._derived_keys("token") or ["unsigned development"]

    def console_keys(self) -> list[str]:
        """Return the keys that sign the console's cookies, newest first: configured ones, or derived from the webhook secrets.

        :raises ConfigurationError: there is nothing to derive them from.
        """
        keys = [key.get_secret_value() for key in self.console_session_keys] or self._derived_keys("console")
        if not keys:
            raise ConfigurationError(
                "CONSOLE_SESSION_KEYS is not set; without GETT_WEBHOOK_SECRETS the console requires it"
            )
        return keys

    def _derived_keys(self, purpose: str) -> list[str]:
        secrets = [*self.gett_webhook_secrets, *self.gett_webhook_authorization]
        return [
            hashlib.sha256(f"webhook-kit {purpose}\n{secret.get_secret_value()}".encode()).hexdigest()
            for secret in secrets
        ]

    @classmethod
    def _mistake(cls, details: ErrorDetails) -> str:
        message = details["msg"].removeprefix("Value error, ")
        if not details["loc"]:
            return message
        name, *inside = (str(part) for part in details["loc"])
        if details["type"] == "string_pattern_mismatch":
            message = (
                f"has a character or form that is not allowed here; it is this: {meanings()[name].replace('``', '')}"
            )
        return f"{name.upper()}{''.join(f'[{part}]' for part in inside)}: {message}"


def meanings() -> dict[str, str]:
    """Return the meaning of each setting: the docstring below its field.

    It is read from the source when it is needed, because pydantic's own option reads it at every start.
    """
    return {
        ast.unparse(field.target): below.value.value
        for group in (Settings, OperatingSettings, AlertSettings, ConsoleSettings)
        for field, below in pairwise(ast.parse(inspect.getsource(group)).body[0].body)  # type: ignore[attr-defined]
        if isinstance(field, ast.AnnAssign)
    }
