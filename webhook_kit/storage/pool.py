"""Connection pool that follows a fail-over of Redis.

After a fail-over the former primary often lives on as a read-only replica, and every connection that was opened before still leads
to it. A server that refuses to serve is therefore left: the command is sent once more over a new connection, which leads to the
server that ``REDIS_URL`` names now, and no other connection that was opened before is used again.
"""

from __future__ import annotations

from typing import Any

import redis
from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection

from webhook_kit.storage.faults import REFUSING_SERVER, error_code

__all__ = ["FailoverPool", "ServerRefused", "connection_class"]


class ServerRefused(redis.ConnectionError):
    """The server that this connection leads to cannot serve; it has executed nothing."""


class _FailoverAware(AbstractConnection):
    """A connection that reports a refusal to its pool."""

    pool: FailoverPool | None = None
    epoch = 0

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """Return the reply to a command.

        :raises ServerRefused: the server cannot serve; the client sends the command again over a new connection.
        """
        try:
            return super().read_response(*arguments, **options)
        except redis.RedisError as error:
            if error_code(error) not in REFUSING_SERVER:
                raise
            if self.pool is not None:
                self.pool.leave_server(self)
            self.disconnect()  # type: ignore[no-untyped-call]
            if isinstance(error, redis.ConnectionError):
                raise
            raise ServerRefused(f"{type(error).__name__}: {error}") from error


class _TcpConnection(_FailoverAware, Connection):
    pass


class _TlsConnection(_FailoverAware, SSLConnection):
    pass


class _UnixConnection(_FailoverAware, UnixDomainSocketConnection):
    pass


class FailoverPool(redis.BlockingConnectionPool):
    """A pool in which one refusal condemns every connection that was opened before it.

    :ivar epoch: number of refusals so far. A connection is used only in the epoch in which it was opened.
    """

    epoch = 0

    def make_connection(self) -> Any:
        """Return a new connection that reports refusals to this pool."""
        connection = super().make_connection()  # type: ignore[no-untyped-call]
        connection.pool, connection.epoch = self, self.epoch
        return connection

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """Return a connection that was opened after the last refusal."""
        connection = super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]
        if connection.epoch != self.epoch:
            connection.disconnect()
            connection.epoch = self.epoch
            try:
                connection.connect()
            except BaseException:
                self.release(connection)  # type: ignore[no-untyped-call]
                raise
        return connection

    def leave_server(self, connection: _FailoverAware) -> None:
        """Condemn every connection that was opened before now, on the refusal that this one has got."""
        if connection.epoch == self.epoch:  # else its server was left already
            self.epoch += 1
        connection.epoch = self.epoch


def connection_class(url: str) -> type[AbstractConnection]:
    """Return the class of the connections to a URL."""
    if url.startswith("unix"):
        return _UnixConnection
    return _TlsConnection if url.startswith("rediss") else _TcpConnection
