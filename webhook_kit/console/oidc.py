"""Log-in with an OpenID provider: authorization code with PKCE, ``state`` and ``nonce``, by Authlib."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from webhook_kit.console.access import identities, valid_name
from webhook_kit.errors import WebhookKitError
from webhook_kit.settings import Settings
from webhook_kit.web import BoundedAdapter, deadline

__all__ = ["CALLBACK", "STATE_SECONDS", "OpenIdFailed", "OpenIdLogin", "OpenIdUser"]

CALLBACK = "/console/login/oidc/callback"
"""Path to which the provider sends browsers back; it is registered there."""

STATE_SECONDS = 600
"""Seconds in which a person logs in at the provider."""

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures that are made with a key which only the provider has."""

_LEEWAY = 120
_SECONDS = 10.0
_MAX_ANSWER = 1024 * 1024
_METADATA_SECONDS = 300.0
_calls = threading.BoundedSemaphore(4)
"""A provider that does not answer must not take the threads with which orders are received."""


class OpenIdFailed(WebhookKitError):
    """Nobody is logged in; the message says why, and repeats nothing that the browser sent."""


@dataclass(frozen=True, slots=True)
class OpenIdUser:
    """User whom the provider has authenticated.

    :ivar name: the verified e-mail address, else ``sub:`` and the provider's id of the user.
    :ivar identities: name, id and groups as the lists of the settings write them.
    """

    name: str
    identities: list[str]


class OpenIdLogin:
    """The configured provider."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = str(settings.console_oidc_issuer)
        self._client_id = str(settings.console_oidc_client_id)
        secret = settings.console_oidc_client_secret
        self._client_secret = secret.get_secret_value() if secret else None
        self._scope = settings.console_oidc_scope
        self._groups_claim = settings.console_oidc_groups_claim
        self._callback = f"{settings.console_url}{CALLBACK}"
        self._states = URLSafeTimedSerializer(list(reversed(settings.console_keys())), salt="console oidc")
        self._metadata: dict[str, Any] = {}
        self._read_at = -_METADATA_SECONDS

    def begin(self, target: str) -> tuple[str, str]:
        """Return the provider's address to send a browser to, and the value of a cookie for :meth:`finish`.

        :raises OpenIdFailed: the provider cannot be used.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._session() as session:
            endpoint = self._provider(session)["authorization_endpoint"]
            url, _ = session.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce)
        return url, self._states.dumps([state, nonce, verifier, target])

    def finish(self, query: dict[str, str], cookie: str) -> tuple[OpenIdUser, str]:
        """Return the user, and the target of :meth:`begin`.

        :param query: parameters of the address to which the provider sent the browser.
        :raises OpenIdFailed: this browser did not begin, the provider refuses, or what it says is not authentic.
        """
        try:
            state, nonce, verifier, target = self._states.loads(cookie, max_age=STATE_SECONDS)
        except BadData:
            raise OpenIdFailed("the log-in was not begun in this browser, or took too long; begin again") from None
        if not secrets.compare_digest(state.encode(), query.get("state", "").encode("utf-8", "surrogatepass")):
            raise OpenIdFailed("the provider's answer belongs to another log-in; begin again")
        if "code" not in query:
            raise OpenIdFailed("the provider did not log you in")
        with self._session() as session:
            provider = self._provider(session)
            if query.get("iss", provider["issuer"]) != provider["issuer"]:
                raise OpenIdFailed("the answer comes from another provider")
            token = session.fetch_token(
                provider["token_endpoint"],
                grant_type="authorization_code",
                code=query["code"],
                code_verifier=verifier,
                redirect_uri=self._callback,
                allow_redirects=False,
                timeout=_SECONDS,
            )
            claims = self._claims(session, provider, token, nonce)
        return self._user(claims), target

    def _claims(
        self, session: OAuth2Session, provider: dict[str, Any], token: dict[str, Any], nonce: str
    ) -> dict[str, Any]:
        keys = KeySet.import_key_set(cast("KeySetSerialization", _json(session, provider["jwks_uri"])))
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        decoded = jwt.decode(str(token.get("id_token", "")), keys, registry=registry)
        expected = {
            "iss": {"essential": True, "value": provider["issuer"]},
            "aud": {"essential": True, "value": self._client_id},
        }
        parameters = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, expected, parameters)
        claims.validate(leeway=_LEEWAY)
        known = dict(claims)
        if "userinfo_endpoint" in provider and not {"email", self._groups_claim} <= known.keys():
            more = _json(session, provider["userinfo_endpoint"], withhold_token=False)
            if more.get("sub") != known["sub"]:
                raise OpenIdFailed("the provider's user info is about somebody else")
            known = more | known
        return known

    def _user(self, claims: dict[str, Any]) -> OpenIdUser:
        subject, email = f"sub:{claims['sub']}", claims.get("email")
        verified = isinstance(email, str) and claims.get("email_verified") is True and "@" in email
        name = str(email) if verified else subject
        if not valid_name(name):
            raise OpenIdFailed("the provider's name of the user cannot be shown")
        return OpenIdUser(name, [*identities(name, self._groups(claims)), subject])

    def _groups(self, claims: dict[str, Any]) -> list[str]:
        found: Any = claims.get(self._groups_claim)
        if found is None:  # Keycloak's roles: realm_access.roles
            found = claims
            for part in self._groups_claim.split("."):
                found = found.get(part) if isinstance(found, dict) else None
        found = [found] if isinstance(found, str) else found
        return [group for group in found if isinstance(group, str)] if isinstance(found, list) else []

    def _provider(self, session: OAuth2Session) -> dict[str, Any]:
        """Return the provider's metadata, read at most every five minutes."""
        if time.monotonic() - self._read_at >= _METADATA_SECONDS:
            found = _json(session, f"{self._issuer}/.well-known/openid-configuration")
            if str(found.get("issuer")).rstrip("/") != self._issuer:
                raise OpenIdFailed("the provider calls itself another issuer than CONSOLE_OIDC_ISSUER")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                parts = urlsplit(str(found.get(name)))
                if parts.scheme not in ("https", urlsplit(self._issuer).scheme):
                    raise OpenIdFailed(f"the provider's {name} is not an https address")
            self._metadata, self._read_at = found, time.monotonic()
        return self._metadata

    @contextmanager
    def _session(self) -> Iterator[OAuth2Session]:
        if not _calls.acquire(blocking=False):
            raise OpenIdFailed("too many people are logging in at this moment; try again")
        session = OAuth2Session(
            self._client_id,
            self._client_secret,
            scope=self._scope,
            redirect_uri=self._callback,
            code_challenge_method="S256",
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter(_MAX_ANSWER))
        try:
            with deadline(_SECONDS), session:
                yield session
        except requests.RequestException as error:
            raise OpenIdFailed(f"the provider cannot be reached ({type(error).__name__}); try again") from error
        except (AuthlibBaseError, JoseError) as error:
            raise OpenIdFailed(
                f"the provider's answer was not accepted ({error.error or type(error).__name__})"
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise OpenIdFailed(f"the provider's answer cannot be read ({type(error).__name__})") from error
        finally:
            _calls.release()


def _json(session: OAuth2Session, url: str, *, withhold_token: bool = True) -> dict[str, Any]:
    answer = session.request("GET", url, withhold_token=withhold_token, allow_redirects=False, timeout=_SECONDS)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found
