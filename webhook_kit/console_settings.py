"""Environment variables of the console: where it is served, who may log in and how, and its sessions."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import BaseModel, ConfigDict, Field, field_validator

from webhook_kit.fields import HeaderSecret, NonEmptyText, Secret, WebAddress

__all__ = ["COMMA_SEPARATED", "ConsoleSettings"]

_DAY = 86_400

COMMA_SEPARATED = (
    "console_operators",
    "console_viewers",
    "console_proxy_secret",
    "console_proxy_addresses",
    "console_session_keys",
)
"""Settings that are lists, written with commas."""


class ConsoleSettings(BaseModel):
    """Part of the settings that the console reads."""

    model_config = ConfigDict(hide_input_in_errors=True)

    console: bool = False
    """True: the web server serves the console at ``/console``. It requires a way to log in: CONSOLE_PASSWORDS, CONSOLE_OIDC_ISSUER or CONSOLE_PROXY_HEADER."""
    console_url: WebAddress | None = None
    """Address of the console's server as browsers reach it, without ``/console``. Example: ``https://ops.example.org``. Required with CONSOLE_OIDC_ISSUER. Empty: taken from each request."""
    console_trusted_proxies: int = Field(0, ge=0, le=10)
    """Number of proxies in front of the console that append to ``X-Forwarded-For`` and set ``X-Forwarded-Proto`` (Heroku, Render, Fly: 1)."""
    console_passwords: bool = False
    """True: the users of ``webhook-kit console add-user`` may log in with their passwords."""
    console_operators: list[NonEmptyText] = Field(default_factory=list)
    """Users of an OpenID provider or a proxy who may read and change, separated by commas: e-mail addresses or names, and groups as ``group:NAME``. Example: ``jo@example.org,group:on-call``."""
    console_viewers: list[NonEmptyText] = Field(default_factory=list)
    """Users who may only read, written as in CONSOLE_OPERATORS. Nobody else is let in."""
    console_oidc_issuer: WebAddress | None = None
    """Address of the OpenID provider; ``/.well-known/openid-configuration`` is read below it. Example: ``https://login.example.org``. Requires the extra ``console``."""
    console_oidc_client_id: NonEmptyText | None = None
    """Client id of the console at the OpenID provider."""
    console_oidc_client_secret: Secret | None = None
    """Client secret of the console at the OpenID provider. Empty: a public client; PKCE is always used."""
    console_oidc_scope: NonEmptyText = "openid email profile"
    """Scopes that are asked for, separated by spaces. Some providers send groups only with one more: ``openid email groups``."""
    console_oidc_groups_claim: NonEmptyText = "groups"
    """Claim of the ID token that lists the user's groups or roles."""
    console_proxy_header: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,100}$")
    """Header in which an authenticating proxy names the user. Example: ``X-Forwarded-User``. It counts only with CONSOLE_PROXY_SECRET or from CONSOLE_PROXY_ADDRESSES."""
    console_proxy_groups_header: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,100}$")
    """Header in which the proxy names the user's groups, separated by commas. Example: ``X-Forwarded-Groups``."""
    console_proxy_secret: list[HeaderSecret] = Field(default_factory=list)
    """Secrets, of which the proxy sends one in the header ``X-Console-Proxy-Secret``, separated by commas."""
    console_proxy_addresses: list[NonEmptyText] = Field(default_factory=list)
    """Addresses or networks from which the proxy connects, separated by commas. Example: ``10.0.3.7,10.1.0.0/16``."""
    console_contact: NonEmptyText | None = None
    """Contact for the API key of Gett and the deployment, shown on the health page to everybody who logs in. Example: ``Ops on call, +44 20 7946 0000``."""
    console_session_keys: list[Secret] = Field(default_factory=list)
    """Keys that sign the console's cookies, newest first, separated by commas. Empty: derived from the webhook secrets."""
    console_session_idle: int = Field(1_800, ge=60, le=_DAY)
    """Seconds without a request after which a session ends (1800: half an hour)."""
    console_session_limit: int = Field(43_200, ge=60, le=7 * _DAY)
    """Seconds after which a session ends in any case (43200: 12 hours)."""

    @field_validator("console_proxy_addresses")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(
                    "contains something that is no address and no network; write 10.0.3.7 or 10.1.0.0/16"
                ) from None
        return value

    def console_log_ins(self) -> list[str]:
        """Return the settings by which a way to log in to the console is configured."""
        ways = ("console_passwords", "console_oidc_issuer", "console_proxy_header")
        return [way.upper() for way in ways if getattr(self, way)]

    def console_mistakes(self) -> list[str]:
        """Return one line for each combination of settings that cannot work."""
        return [
            message
            for wrong, message in (
                (
                    self.console and not self.console_log_ins(),
                    "CONSOLE is set without a way to log in; set CONSOLE_PASSWORDS=true, CONSOLE_OIDC_ISSUER or CONSOLE_PROXY_HEADER",
                ),
                (
                    self.console_oidc_issuer and not self.console_oidc_client_id,
                    "CONSOLE_OIDC_CLIENT_ID is not set; CONSOLE_OIDC_ISSUER requires it",
                ),
                (
                    self.console_oidc_issuer and not self.console_url,
                    "CONSOLE_URL is not set; CONSOLE_OIDC_ISSUER requires it, because the provider sends browsers back to it",
                ),
                (
                    self.console_proxy_header and not (self.console_proxy_secret or self.console_proxy_addresses),
                    "CONSOLE_PROXY_HEADER is set without CONSOLE_PROXY_SECRET or CONSOLE_PROXY_ADDRESSES, so that anybody could send it",
                ),
                (
                    (self.console_oidc_issuer or self.console_proxy_header)
                    and not (self.console_operators or self.console_viewers),
                    "CONSOLE_OPERATORS and CONSOLE_VIEWERS are empty, so that nobody of the provider or the proxy is let in; set one",
                ),
                (
                    self.console_url and "/" in self.console_url.partition("://")[2],
                    "CONSOLE_URL has a path; write only scheme, host and port, the console is served at /console below them",
                ),
                (
                    self.console_session_idle > self.console_session_limit,
                    "CONSOLE_SESSION_IDLE is longer than CONSOLE_SESSION_LIMIT; reduce it",
                ),
            )
            if wrong
        ]
