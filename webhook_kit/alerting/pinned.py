"""Calls to addresses that a person typed: the name is looked up once, checked, and the checked address is called.

A second look-up could give another, private address (DNS rebinding). Redirects are not followed, and the environment's proxy is not
used, because both would look a name up again.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from webhook_kit.alert_fields import is_public
from webhook_kit.web import deadline, pinned_pools, read_bounded

__all__ = ["DeliveryFailed", "Resolve", "addresses", "post", "resolve"]

_SECONDS = 10.0
"""Seconds for a whole call, after the name was looked up."""

_MAX_ANSWER = 65_536
"""Bytes of an answer that are read at most."""

_LONGEST_WAIT = 3600.0
"""Seconds that a channel may ask to wait at most."""

_KNOWN_ANSWERS = frozenset(
    {
        *("action_prohibited", "channel_is_archived", "channel_not_found", "invalid_payload", "invalid_token"),
        *("no_active_hooks", "no_service", "no_team", "no_text", "rate_limited", "team_disabled", "user_not_found"),
    }
)
"""Words of Slack that may be shown. Any other answer may repeat what is secret."""

Resolve = Callable[[str, int], list[str]]
"""Looks a host up; returns its IP addresses."""


class DeliveryFailed(Exception):
    """A channel did not take a message. The text names no secret.

    :ivar retry_after: seconds that the channel asked to wait; 0 if it did not.
    """

    def __init__(self, why: str, *, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after = retry_after


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host.

    :raises OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def addresses(host: str, port: int, *, allow_private: bool, resolve: Resolve) -> list[str]:
    """Return the addresses of a host, each of which may be called.

    :raises DeliveryFailed: there is none, or one of them is private.
    """
    try:
        found = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailed(f"the name {host} cannot be looked up") from error
    if not found:
        raise DeliveryFailed(f"the name {host} has no address")
    if not allow_private and not all(map(is_public, found)):
        raise DeliveryFailed(f"{host} has a private address, which is refused; or set ALERT_ALLOW_PRIVATE=true")
    return found


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool, resolve: Resolve = resolve) -> None:
    """Send a body of JSON to an address, once.

    :raises DeliveryFailed: it was not taken.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    # One address is called: a second one after a lost answer would send the message twice.
    address = addresses(host, port, allow_private=allow_private, resolve=resolve)[0]
    pinned = urlunsplit((parts.scheme, f"[{address}]:{port}" if ":" in address else f"{address}:{port}", *parts[2:]))
    own = {"Host": parts.netloc, "Content-Type": "application/json", "User-Agent": "webhook-kit", "Connection": "close"}
    try:
        with deadline(_SECONDS), pinned_pools(host) as pools:
            response = pools.urlopen(
                "POST",
                pinned,
                headers={**own, **headers},
                body=body,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=_SECONDS,
            )
            status, wait = response.status, response.headers.get("Retry-After", "")
            answer = b"" if 200 <= status < 300 else _answer(response)
            response.close()
    except (OSError, HTTPError, requests.RequestException, ValueError) as error:
        raise DeliveryFailed(f"{host} cannot be reached ({type(error).__name__})") from error
    if not 200 <= status < 300:
        word = answer.decode(errors="replace").strip()
        told = f" {word}" if word in _KNOWN_ANSWERS else ""
        raise DeliveryFailed(f"{host} answered {status}{told}", retry_after=_seconds(wait))


def _answer(response: object) -> bytes:
    try:
        return read_bounded(response, _MAX_ANSWER)  # type: ignore[arg-type]
    except (OSError, HTTPError, requests.RequestException):  # the status counts all the same
        return b""


def _seconds(value: str) -> float:
    return min(float(value), _LONGEST_WAIT) if re.fullmatch(r"\d{1,9}", value) else 0.0
