"""Address of Redis (``REDIS_URL``): its grammar, and its parts. It names a server, sentinels, or nodes of a cluster.

A server::

    redis://[user:password@]host[:port][/database][?option=value&…]
    unix:///path/to/socket

Sentinels, which name the primary::

    redis+sentinel://[user:password@]host[:port],host[:port],…/primary[/database][?option=value&…]

``rediss+sentinel://`` connects to the servers and to the sentinels with TLS. User and password are those of the servers; the
options ``sentinel_username`` and ``sentinel_password`` are those of the sentinels, which have none unless they are given. Special
characters in them are percent-encoded. Every other option is one of redis-py for the connections to the servers.

A cluster, by some of its nodes::

    redis+cluster://[user:password@]host[:port],host[:port],…

``rediss://`` and ``rediss+cluster://`` connect with TLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

__all__ = ["SentinelAddress", "canonical_address", "names_cluster", "names_sentinels", "node_addresses"]

_SERVER = "should be an address such as rediss://user:password@host:6380/0"
_CLUSTERS = "redis+cluster", "rediss+cluster"
_SENTINELS = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_PORT = 26379
_EXAMPLE = "redis+sentinel://user:password@host,host:26379,host/primary"
_HOST = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.%]+\])(:(?P<port>\d{1,5}))?")
_PRIMARY = re.compile(r"[A-Za-z0-9._-]+")
"""Names that a sentinel accepts for a primary."""


def canonical_address(address: str) -> str:
    """Return an address with its scheme in lower case.

    :raises ValueError: it has another form. The message does not repeat it, because it may contain a password.
    """
    scheme, _, rest = address.partition("://")
    if names_sentinels(address):
        SentinelAddress.parse(address)
        return f"{scheme.lower()}://{rest}"
    if not names_cluster(address):
        return _server_address(address)
    for each in node_addresses(address):
        if urlsplit(_server_address(each)).path not in ("", "/", "/0"):
            raise ValueError("should name no database but 0, the only one of a cluster")
    return f"{scheme.lower()}://{rest}"


def _server_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        port = parts.port if parts.scheme != "unix" else None
    except ValueError:
        raise ValueError(_SERVER) from None
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in ("redis", "rediss", "unix") or not place or port == 0:
        raise ValueError(f"{_SERVER}; or unix:///path/to/socket; or redis+sentinel://host,host,host/primary")
    if "," in (parts.hostname or ""):
        raise ValueError(
            "lists several hosts; write redis+sentinel://host,host,host/primary, or redis+cluster://host,host of a cluster"
        )
    if parts.scheme != "unix" and not re.fullmatch(r"(/\d*)?", parts.path):
        raise ValueError("should end with the number of a database, as in redis://host:6379/0")
    return parts.scheme + address[len(parts.scheme) :]


def names_cluster(address: str) -> bool:
    """Return True if an address names nodes of a cluster."""
    return address.partition("://")[0].lower() in _CLUSTERS


def node_addresses(address: str) -> list[str]:
    """Return the address of each server that an address names; several are nodes of a cluster."""
    scheme, _, rest = address.partition("://")
    if not names_cluster(address):
        return [address]
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    return [f"{scheme.lower().partition('+')[0]}://{user}{at}{host}{slash}{path}" for host in hosts.split(",")]


def names_sentinels(address: str) -> bool:
    """Return True if an address names sentinels, and not a server."""
    return address.partition("://")[0].lower() in _SENTINELS


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Parts of an address that names sentinels.

    :ivar sentinels: host and port of each sentinel.
    :ivar primary: the name that the sentinels have for the primary.
    :ivar server_url: the address without its sentinels, for redis-py: ``redis://user:password@host:port/0``. Its host is a sentinel's
        and stands for the one that the sentinels name.
    :ivar username: of the sentinels.
    :ivar password: of the sentinels.
    """

    sentinels: tuple[tuple[str, int], ...]
    primary: str
    server_url: str
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, address: str) -> SentinelAddress:
        """Return the parts of an address.

        :raises ValueError: it has another form. The message does not repeat it, because it may contain a password.
        """
        scheme, _, rest = address.partition("://")
        scheme = scheme.lower()
        if "#" in rest:
            raise ValueError("contains a #; write it as %23")
        authority, _, rest = rest.partition("/")
        path, _, query = rest.partition("?")
        user, at, hosts = authority.rpartition("@")
        sentinels = tuple(_sentinel(each.strip()) for each in hosts.split(","))
        primary, _, database = path.partition("/")
        if not primary:
            raise ValueError(f"should end with the name that the sentinels have for the primary, as in {_EXAMPLE}")
        if not _PRIMARY.fullmatch(primary):
            raise ValueError(
                f"should name the primary with letters, digits, dots, hyphens and underscores only, as in {_EXAMPLE}"
            )
        if database and not re.fullmatch(r"[0-9]+", database):
            raise ValueError(f"should have the number of a database after the primary, or nothing, as in {_EXAMPLE}/0")
        options = dict(parse_qsl(query, keep_blank_values=True))
        username, password = options.pop("sentinel_username", None), options.pop("sentinel_password", None)
        host = f"[{sentinels[0][0]}]" if ":" in sentinels[0][0] else sentinels[0][0]
        server = f"{_SENTINELS[scheme]}://{user}{at}{host}:{sentinels[0][1]}/{database or 0}"
        left = f"?{urlencode(options)}" if options else ""
        return cls(sentinels, primary, server + left, username or None, password or None)


def _sentinel(text: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match["port"] or _PORT) < 65_536:
        raise ValueError(
            "should list the hosts of the sentinels with commas between them, each with or without a port, and have / ? @ in a "
            f"password percent-encoded, as in {_EXAMPLE}"
        )
    return match["host"].strip("[]"), int(match["port"] or _PORT)
