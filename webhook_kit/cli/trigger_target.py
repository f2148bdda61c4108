"""Target of ``webhook-kit trigger``: its address, the signature of what is sent there, and its answers."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import requests

from webhook_kit.errors import WebhookKitError
from webhook_kit.gett.signing import API_VERSION, signed_headers
from webhook_kit.sandbox.traffic_log import redact_payment
from webhook_kit.web import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_kit.kit import Kit
    from webhook_kit.settings import Settings

__all__ = ["Answer", "Target", "has_fake_pos", "target_of"]

_PATHS = {"validateOrder": "validateOrder", "placeOrder": "placeOrder", "orderEvent": "orderEvents"}
_DEFAULT_PORT = "8000"
_LARGEST_ANSWER = 8_000_000
_PATIENCE = 10.0
"""Seconds beyond the webhook's own deadline."""
_LONGEST_TEXT = 300


class _NoAnswer(WebhookKitError):
    """The address cannot be reached, or does not answer in time."""


@dataclass(frozen=True)
class Answer:
    """Answer to a webhook.

    :ivar body: its JSON object; empty if it is something else.
    :ivar text: its body as text, for what is not a JSON object.
    """

    event: str
    url: str
    status: int
    milliseconds: float
    body: Mapping[str, Any]
    text: str
    trace: str
    key: str | None

    @property
    def accepted(self) -> bool:
        """True if the webhook was not refused. A validateOrder is answered with 200 also if the order is not valid."""
        return 200 <= self.status < 300 and (self.event != "validateOrder" or self.body.get("isValid") is True)

    def summary(self) -> str:
        """Return the essentials in one line."""
        if not 200 <= self.status < 300:
            code, detail = self.body.get("errorCode"), self.body.get("detail") or self.body.get("title")
            said = ": ".join(_short(each) for each in (code, detail) if each) or _short(self.text) or "no body"
            return f"{said} (trace {self.trace})"
        if self.event == "orderEvent":
            return _short(self.body.get("outcome") or "accepted")
        words = ["valid" if self.accepted else "not valid"] if self.event == "validateOrder" else ["placed"]
        if ticket := self.body.get("partnerOrderId"):
            words[0] += f" as {_short(ticket)}"
        amounts = self.body.get("amounts")
        if isinstance(amounts, dict) and isinstance(amounts.get("total"), int | float):
            words.append(f"total {amounts['total']:.2f}")
        if self.key:
            words += [f"order {_short(self.body.get('gettOrderId') or 'without an id at Gett')}", f"key {self.key}"]
        return ", ".join(words)

    def violations(self) -> list[str]:
        """Return one line for each error in the answer."""
        errors = self.body.get("errors")
        lines = []
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                place = " ".join(_short(error[name]) for name in ("itemId", "jsonPath") if error.get(name))
                lines.append(
                    f"{_short(error.get('code'))}: {_short(error.get('message'))}{f' ({place})' if place else ''}"
                )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON data, without payment."""
        return {
            "event": self.event,
            "url": self.url,
            "accepted": self.accepted,
            "status": self.status,
            "milliseconds": round(self.milliseconds, 1),
            "traceId": self.trace,
            "idempotencyKey": self.key,
            "body": self._redacted_body(),
        }

    def _redacted_body(self) -> Any:
        try:
            return redact_payment(dict(self.body)) if self.body else _short(self.text)
        except RecursionError:
            return "nested too deeply"


@dataclass(frozen=True)
class Target:
    """Address that webhooks are sent to.

    :ivar base: base URL of the webhooks.
    :ivar secret: secret that signs; None sends ``authorization``, or nothing.
    :ivar is_own_secret: the secret is one of this installation's, not one of the command line.
    """

    base: str
    secret: str | None
    authorization: str | None
    is_own_secret: bool
    is_public_url: bool
    seconds: float

    @property
    def is_loopback(self) -> bool:
        """True if it is an address of this host."""
        host = urlsplit(self.base).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def send(self, event: str, body: Mapping[str, Any], key: str | None = None) -> Answer:
        """Send one webhook.

        :raises _NoAnswer: there is no answer.
        """
        url, trace, raw = f"{self.base}/{_PATHS[event]}", urandom(16).hex(), json.dumps(body).encode()
        headers = self._headers(raw) | {"traceparent": f"00-{trace}-{urandom(8).hex()}-01"}
        if key is not None:
            headers["Idempotency-Key"] = key
        click.echo(f"POST {url}, {self._proof()}", err=True)
        started = time.monotonic()
        try:
            response = fetch(
                "POST",
                url,
                data=raw,
                headers=headers,
                seconds=self.seconds,
                limit=_LARGEST_ANSWER,
                trust_env=not self.is_loopback,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            hint = "; is `webhook-kit serve` running there?" if self.is_loopback else ""
            raise _NoAnswer(f"no answer from {url} ({type(error).__name__}){hint}") from error
        milliseconds = (time.monotonic() - started) * 1000
        try:
            document: Any = response.json()
        except (ValueError, RecursionError):
            document = None
        answered = document if isinstance(document, dict) else {}
        return Answer(event, url, response.status_code, milliseconds, answered, response.text, trace, key)

    def _headers(self, raw: bytes) -> dict[str, str]:
        if self.secret is not None:
            return signed_headers(raw, self.secret)
        unsigned = {"Content-Type": "application/json", "API-Version": API_VERSION}
        return unsigned if self.authorization is None else {**unsigned, "Authorization": self.authorization}

    def _proof(self) -> str:
        if self.secret is not None:
            return "signed with the first of GETT_WEBHOOK_SECRETS" if self.is_own_secret else "signed with --secret"
        return "with GETT_WEBHOOK_AUTHORIZATION" if self.authorization else "not signed"


def target_of(settings: Settings, to: str | None, secret: str | None) -> Target:
    """Return the target: an address, or this installation's own.

    :raises UsageError: the address is not valid, or nothing signs what is sent there.
    """
    base = _own_base(settings) if to is None else _checked(to)
    own = [each.get_secret_value() for each in settings.gett_webhook_secrets]
    authorizations = [each.get_secret_value() for each in settings.gett_webhook_authorization]
    target = Target(
        base=base,
        secret=secret or next(iter(own), None),
        authorization=next(iter(authorizations), None),
        is_own_secret=not secret,
        is_public_url=settings.public_url is not None and _origin(base) == _origin(settings.public_url),
        seconds=settings.webhook_deadline + _PATIENCE,
    )
    if target.secret is not None:
        return target
    if not target.authorization and not settings.allow_unsigned_webhooks:
        raise click.UsageError("nothing signs the webhook; set GETT_WEBHOOK_SECRETS, or give --secret")
    if target.authorization and not (target.is_loopback or target.is_public_url):
        # Unlike a signature, the header itself is all that somebody else needs to send orders.
        raise click.UsageError(f"GETT_WEBHOOK_AUTHORIZATION is not sent to {base}; give --secret")
    return target


def has_fake_pos(kit: Kit, body: Mapping[str, Any]) -> bool:
    """Return True if the order is of a store here whose POS is the fake one; False also if that cannot be found out."""
    from webhook_kit.testing.bogus import BogusAdapter

    cart = body.get("cart")
    gett_id = cart.get("storeId") if isinstance(cart, dict) else None
    with suppress(Exception):  # Redis may be away, and an adapter may be broken
        store = kit.stores.by_gett_id(gett_id) if isinstance(gett_id, str) else None
        return store is not None and isinstance(kit.stores.adapter(store), BogusAdapter)
    return False


def _own_base(settings: Settings) -> str:
    port = os.environ.get("PORT") or _DEFAULT_PORT
    return (settings.public_url or f"http://127.0.0.1:{port}") + settings.webhook_prefix


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise click.BadParameter(
            "should be an address such as https://pos.example.org, without user, query and fragment", param_hint="--to"
        )
    base = url.rstrip("/")
    return next((base.removesuffix(f"/{path}") for path in _PATHS.values() if base.endswith(f"/{path}")), base)


def _short(said: object) -> str:
    """Return what somebody else's answer says, on one line that is not too long."""
    return " ".join(str(said).split())[:_LONGEST_TEXT]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
