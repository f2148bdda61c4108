"""Users whom an authenticating proxy names in a header, which counts only if the proxy itself has sent it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from flask import Request

from webhook_kit.console.access import identities, valid_name
from webhook_kit.settings import Settings

__all__ = ["AuthenticatingProxy", "ProxyUser"]

_SECRET_HEADER = "X-Console-Proxy-Secret"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class ProxyUser:
    """User of a request.

    :ivar trusted: False if the header does not come from the proxy.
    """

    name: str
    identities: list[str]
    trusted: bool


class AuthenticatingProxy:
    """The configured proxy."""

    def __init__(self, settings: Settings) -> None:
        self._header = settings.console_proxy_header
        self._groups_header = settings.console_proxy_groups_header
        self._secrets = [secret.get_secret_value().encode() for secret in settings.console_proxy_secret]
        self._networks = [ip_network(each) for each in settings.console_proxy_addresses]

    def user(self, request: Request) -> ProxyUser | None:
        """Return the user of a request; None if it names none."""
        if self._header is None or (name := request.headers.get(self._header)) is None:
            return None
        # A comma: the header was sent twice, and one of the two is not the proxy's.
        trusted = self._is_trusted(request) and valid_name(name) and "," not in name
        groups = request.headers.get(self._groups_header or "", "").split(",") if self._groups_header else []
        return ProxyUser(name, identities(name, [group.strip() for group in groups if group.strip()]), trusted)

    def _is_trusted(self, request: Request) -> bool:
        sent = request.headers.get(_SECRET_HEADER, "").encode("latin-1", "replace")
        # All are compared, so that the time does not tell which one is close.
        right = [hmac.compare_digest(sent, secret) for secret in self._secrets]
        return (not right or any(right)) and (not self._networks or self._is_peer(request))

    def _is_peer(self, request: Request) -> bool:
        # The address of the connection, not the one that a header names.
        original = request.environ.get("werkzeug.proxy_fix.orig", {})
        address = original.get("REMOTE_ADDR") or request.environ.get("REMOTE_ADDR", "")
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self._networks)
