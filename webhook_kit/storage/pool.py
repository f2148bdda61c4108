"""Connection pool that follows a fail-over of Redis.

After a fail-over the former primary often lives on as a read-only replica, and every connection that was opened before still leads
to it. A server that refuses to serve is therefore left: the command is sent once more over a new connection, which leads to the
server that ``REDIS_URL`` names now, and no other connection that was opened before is used again.

Where ``REDIS_URL`` names several servers, a locator tells each new connection to which one it has to lead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from webhook_kit.storage.faults import REFUSING_SERVER, error_code

__all__ = ["Address", "FailoverPool", "Locator", "ServerRefused", "connection_class"]

Address = tuple[str, int]
"""Host and port of a server."""


class ServerRefused(redis.ConnectionError):
    """The server that this connection leads to cannot serve; it has executed nothing."""


class Locator(Protocol):
    """Knows which one of several servers serves this installation.

    :ivar verify_role: True if the server has to say that it is a primary: what is known of it may be old.
    """

    verify_role: bool

    def address(self) -> Address:
        """Return the address of the server.

        :raises redis.ConnectionError: none serves now.
        """

    def leave(self, address: Address, error: Exception) -> None:
        """Take notice that this server cannot be reached, or refuses to serve."""


class _FailoverAware(AbstractConnection):
    """A connection that reports a refusal to its pool."""

    pool: FailoverPool | None = None
    epoch = 0
    host: str
    port: int

    def _connect(self) -> Any:
        """Open the socket: redis-py calls it once more when it fails, and then the locator may know another server."""
        open_socket: Callable[[], Any] = super()._connect  # type: ignore[safe-super] # of the class that this one is mixed into
        locator = self.pool.locator if self.pool is not None else None
        if locator is None:
            return open_socket()
        self.host, self.port = locator.address()
        try:
            return open_socket()
        except OSError as error:
            locator.leave((self.host, self.port), error)
            raise

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Begin the session; where several servers are named, make sure that this one is the right one.

        :raises ServerRefused: it is a replica.
        """
        pool = self.pool
        if pool is None or pool.locator is None:
            super().on_connect_check_health(check_health)
            return
        try:
            super().on_connect_check_health(check_health)
            if pool.locator.verify_role and not self._is_primary():
                raise ServerRefused(f"{self.host}:{self.port} is a replica; a primary is not known yet")
        except (redis.ConnectionError, redis.TimeoutError) as error:  # also of one that accepts connections and hangs
            pool.locator.leave((self.host, self.port), error)
            raise
        pool.follow(self)

    def _is_primary(self) -> bool:
        self.send_command("ROLE", check_health=False)  # type: ignore[no-untyped-call]
        try:
            return bool(self.read_response()[0] == b"master")
        except redis.ResponseError:  # the user may not ask; a replica refuses the first write
            return True

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
                self.pool.leave_server(self, error)
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


class FailoverPool(redis.ConnectionPool):
    """A pool in which one refusal condemns every connection that was opened before it.

    The connection that was released last is used first. A thread that finds none waits for one. redis-py's own pools count each
    step for metrics, which takes a fourth of the time of a command.

    :ivar epoch: number of refusals so far. A connection is used only in the epoch in which it was opened.
    :ivar locator: where several servers are named, it knows the one that serves.
    """

    epoch = 0
    locator: Locator | None = None
    _serving: Address | None = None

    def __init__(self, *, timeout: float, **options: Any) -> None:
        """Create a pool; options are those of redis-py.

        :param timeout: seconds to wait for a connection if all are in use.
        """
        self._timeout = timeout
        super().__init__(**options)

    def reset(self) -> None:
        """Forget all connections: in a new pool, or after a fork."""
        self._lock = threading.RLock()  # another thread may have held the former one during the fork
        self._released = threading.Condition(self._lock)
        super().reset()

    def make_connection(self) -> Any:
        """Return a new connection that reports refusals to this pool."""
        connection: Any = super().make_connection()
        connection.pool, connection.epoch = self, self.epoch
        return connection

    def get_connection(self, *_arguments: Any, **_options: Any) -> Any:
        """Return an open connection on which nothing waits to be read, and that was opened after the last refusal.

        :raises redis.ConnectionError: no connection was released within the time-out.
        """
        self._checkpid()
        with self._released:
            if not self._released.wait_for(self._has_free, self._timeout):
                raise redis.ConnectionError("all connections to Redis are in use; see REDIS_MAX_CONNECTIONS")
            idle = self._available_connections
            connection: Any = idle.pop() if idle else self.make_connection()
            self._in_use_connections.add(connection)
        try:
            connection.connect()
            if connection.epoch != self.epoch or not _is_clean(connection):
                connection.disconnect()
                connection.epoch = self.epoch
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back. One of another process, or of before a reset, is closed."""
        self._checkpid()
        with self._released:
            if connection in self._in_use_connections:
                self._in_use_connections.remove(connection)
                self._available_connections.append(connection)
                self._released.notify()
                return
        connection.disconnect()

    def _has_free(self) -> bool:
        return bool(self._available_connections) or self._created_connections < self.max_connections

    def leave_server(self, connection: _FailoverAware, error: redis.RedisError) -> None:
        """Condemn every connection that was opened before now, on the refusal that this one has got."""
        if connection.epoch == self.epoch:  # else its server was left already
            self.epoch += 1
            if self.locator is not None:
                self.locator.leave((connection.host, connection.port), error)
        connection.epoch = self.epoch

    def follow(self, connection: _FailoverAware) -> None:
        """Condemn every other connection if this one, which was just opened, leads to another server than the one before."""
        server = connection.host, connection.port
        if self._serving not in (None, server):
            self.epoch += 1
        self._serving = server
        connection.epoch = self.epoch

    def ask(self, address: Address, *command: str) -> Any:
        """Send a command to a server over a connection apart, and return the reply.

        :raises redis.RedisError: it cannot be reached, or refuses.
        """
        host, port = address
        once = {"host": host, "port": port, "retry": Retry(NoBackoff(), 0)}
        connection: Any = self.connection_class(**self.connection_kwargs | once)
        try:
            connection.connect()
            connection.send_command(*command)
            return connection.read_response()
        finally:
            connection.disconnect()


def _is_clean(connection: Any) -> bool:
    """Return True if there is nothing to read: neither the reply to an earlier command nor the end of the connection."""
    try:
        return not connection.can_read()
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def connection_class(url: str) -> type[AbstractConnection]:
    """Return the class of the connections to a URL."""
    if url.startswith("unix"):
        return _UnixConnection
    return _TlsConnection if url.startswith("rediss") else _TcpConnection
