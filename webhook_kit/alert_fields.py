"""Types of the settings of alerts: addresses of channels, each with a least severity, and addresses that must be public.

No message contains the value: the address of a chat's webhook is a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

__all__ = [
    "AlertSeverity",
    "AlertTarget",
    "HookTarget",
    "MailAddress",
    "MailTarget",
    "RoutingKeyTarget",
    "SmtpAddress",
    "SmtpServer",
    "is_public",
    "literal_address",
    "smtp_server",
]

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOOK = "should be an address such as https://hooks.example.org/alerts, without user and fragment, with `critical` or `warning` after a space if needed"
_MAIL = "should be an e-mail address such as ops@example.org"
_SMTP = (
    "should be an address such as smtp://user:password@mail.example.org:587 or smtps://…:465, with special characters "
    "percent-encoded"
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NOT_PUBLIC = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 within a network
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4, translated
    ipaddress.IPv6Network("fec0::/10"),  # site-local, of old
)
"""Networks that older versions of Python regard as public."""


class AlertSeverity(StrEnum):
    """AlertSeverity of an alert."""

    WARNING = "warning"
    """Something has to be looked at today."""
    CRITICAL = "critical"
    """Orders are affected now."""


@dataclass(frozen=True, slots=True)
class AlertTarget:
    """Address of a channel.

    :ivar least: alerts that are less severe are not sent there.
    """

    address: SecretStr
    least: AlertSeverity = AlertSeverity.WARNING


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Server that takes e-mail.

    :ivar tls: TLS from the first byte; otherwise STARTTLS.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: SecretStr


def is_public(address: str) -> bool:
    """Return True if an IP address belongs to the public Internet, and so does any IPv4 address that it contains."""
    try:
        parsed: IpAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and any(parsed in network for network in _NOT_PUBLIC):
        return False
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in _with_embedded(parsed))


def _with_embedded(address: IpAddress) -> list[IpAddress]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    embedded: list[IpAddress] = []
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address in _IPV4_COMPATIBLE:
        embedded.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded += address.teredo
    return [address, *embedded]


def literal_address(host: str) -> str | None:
    """Return the IP address that a host of a URL is, or None if it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _target(check: Callable[[str], str]) -> Callable[[object], object]:
    def parse(value: object) -> object:
        if not isinstance(value, str):
            return value
        address, _, least = value.strip().partition(" ")
        try:
            severity = AlertSeverity(least.strip().lower()) if least.strip() else AlertSeverity.WARNING
        except ValueError:
            raise ValueError("has another severity than `warning` or `critical` after the space") from None
        return AlertTarget(SecretStr(check(address)), severity)

    return parse


def _hook(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_HOOK) from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or "@" in parts.netloc or parts.fragment:
        raise ValueError(_HOOK)
    if re.search(r"[\s\\\x00-\x20\x7f]", value) or not value.isascii():
        raise ValueError(_HOOK)
    return value


def _routing_key(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{32}", value):
        raise ValueError("should be the integration key of an Events API v2 integration: 32 letters and digits")
    return value


def _mail(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
        raise ValueError(_MAIL)
    return value


def _smtp(value: SecretStr) -> SecretStr:
    smtp_server(value)
    return value


def smtp_server(value: SecretStr) -> SmtpServer:
    """Return the server that an address stands for.

    :raises ValueError: it cannot be read.
    """
    text = value.get_secret_value().strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_SMTP) from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme not in ("smtp", "smtps") or not host or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError(_SMTP)
    if bool(user) != bool(password) or not f"{user}{password}".isprintable() or parts.fragment:
        raise ValueError(_SMTP)
    tls = parts.scheme == "smtps"
    return SmtpServer(host, port or (465 if tls else 587), tls, user, SecretStr(password))


HookTarget = Annotated[AlertTarget, BeforeValidator(_target(_hook))]
"""Web address that takes alerts, and perhaps a least severity."""
RoutingKeyTarget = Annotated[AlertTarget, BeforeValidator(_target(_routing_key))]
"""Routing key of PagerDuty, and perhaps a least severity."""
MailTarget = Annotated[AlertTarget, BeforeValidator(_target(_mail))]
"""E-mail address that takes alerts, and perhaps a least severity."""
MailAddress = Annotated[str, AfterValidator(_mail)]
"""E-mail address."""
SmtpAddress = Annotated[SecretStr, AfterValidator(_smtp)]
"""Address of an SMTP server, with user and password."""
