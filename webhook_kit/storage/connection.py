"""Redis connections: TLS, pool size, timeouts and health checks, the same for web, worker and CLI. Nothing else opens one."""

from __future__ import annotations

import ssl
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from webhook_kit.errors import ConfigurationError
from webhook_kit.redis_address import SentinelAddress, names_cluster, names_sentinels, node_addresses
from webhook_kit.settings import Settings, TlsVerify
from webhook_kit.storage.cluster import ClusterNodes, require_one_slot
from webhook_kit.storage.pool import FailoverPool, connection_class
from webhook_kit.storage.sentinels import Sentinels

__all__ = ["OUT_OF_REACH", "connect", "sentinels_of", "text"]

OUT_OF_REACH = (redis.ConnectionError, redis.TimeoutError)
"""Errors of Redis that concern every command; another error may concern one record only."""


def connect(settings: Settings, *, timeout: float | None = None) -> redis.Redis:
    """Return a client with its own pool. Connections are opened on first use, never before a fork.

    :param timeout: seconds to wait for a response; None uses the setting.
    :raises ConfigurationError: the URL cannot be read, or names a cluster and the keys do not lie in one hash slot.
    """
    tls = _tls_options(settings)
    try:
        sentinels = SentinelAddress.parse(settings.redis_url) if names_sentinels(settings.redis_url) else None
        servers = [sentinels.server_url] if sentinels else node_addresses(settings.redis_url)
        pool = FailoverPool.from_url(servers[0], **_options(settings, timeout), **tls)
        pool.connection_class(**pool.connection_kwargs)  # checks the options without connecting
    except (ValueError, TypeError) as error:
        # The message does not repeat the URL: it may contain the password.
        raise ConfigurationError(
            "REDIS_URL: cannot be read; write rediss://user:password@host:port/0, with special characters "
            "percent-encoded and no options that redis-py does not have"
        ) from error
    if sentinels:
        pool.locator = Sentinels(sentinels, tls, timeout=settings.redis_timeout)
    if names_cluster(settings.redis_url):
        require_one_slot(settings.key_prefix)
        named = [(url["host"], url.get("port", 6379)) for url in map(parse_url, servers)]
        pool.locator = ClusterNodes(named, settings.key_prefix, pool.ask)
    return _Client(connection_pool=pool)


def sentinels_of(connection: redis.Redis) -> Sentinels | None:
    """Return the sentinels that a client asks for the primary; None if its address names a server."""
    pool = connection.connection_pool
    locator = pool.locator if isinstance(pool, FailoverPool) else None
    return locator if isinstance(locator, Sentinels) else None


def _options(settings: Settings, timeout: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connection_class": connection_class(settings.redis_url),
        "max_connections": settings.redis_max_connections,
        # A web thread that finds no free connection waits for one instead of failing the order.
        "timeout": settings.redis_timeout,
        "socket_timeout": timeout or settings.redis_timeout,
        "health_check_interval": 30,
        # One retry, for a stale connection or a server that refuses to serve; no sleep inside a webhook.
        "retry": Retry(NoBackoff(), 1),
        "protocol": 2,
        # A text from outside that UTF-8 cannot encode is stored with a mark in that place.
        "encoding_errors": "replace",
    }
    if not settings.redis_url.startswith("unix"):
        options |= {"socket_connect_timeout": settings.redis_timeout, "socket_keepalive": True}
    return options


def _tls_options(settings: Settings) -> dict[str, Any]:
    """Return options for TLS; none without it."""
    if not settings.redis_url.startswith("rediss"):
        return {}
    verify = settings.redis_tls_verify is TlsVerify.REQUIRED
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED if verify else ssl.CERT_NONE, "ssl_check_hostname": verify}


class _Client(redis.Redis):
    """A client that does not measure its commands for metrics, as redis-py's own does."""

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        """Send a command over a connection of the pool, again as often as its ``retry`` says, and return the reply."""
        pool = self.connection_pool
        connection: Any = pool.get_connection()

        def execute() -> Any:
            connection.send_command(*arguments)
            return self.parse_response(connection, arguments[0], **options)  # type: ignore[no-untyped-call]

        try:
            return connection.retry.call_with_retry(execute, lambda _error: connection.disconnect())
        finally:
            pool.release(connection)


def text(value: Any) -> str:
    """Return a Redis reply as text; None is the empty text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
