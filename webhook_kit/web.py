"""HTTP calls that end: within a deadline, whatever the other side does, and with a bounded answer.

The time-outs of ``requests`` count from byte to byte, so that an answer of one byte now and then never ends, and its answers are
as large as the other side likes. Here a deadline holds for everything that a thread sends and receives within
:func:`deadline`, from the connection to the last byte; and the body of an answer is bounded after its decompression.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

__all__ = [
    "AnswerTooLarge",
    "BoundedAdapter",
    "bounded_session",
    "bounded_socket",
    "bounded_tls",
    "connection_pools",
    "deadline",
    "fetch",
    "pinned_pools",
    "read_bounded",
]

_CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a connection."""

_PIECE = 65_536
"""Bytes of a body that are read at once."""

_local = threading.local()


class AnswerTooLarge(requests.RequestException):
    """The body of an answer has more bytes than its caller takes."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every call of this thread to a :func:`bounded_session` end within so many seconds; an outer deadline holds too."""
    outer = _end()
    end = time.monotonic() + seconds
    _local.end = end if outer is None else min(end, outer)
    try:
        yield
    finally:
        _local.end = outer


def bounded_session(limit: int) -> requests.Session:
    """Return a session whose calls keep to the :func:`deadline` of their thread.

    :param limit: bytes of an answer's body at most, decompressed; more raises :class:`AnswerTooLarge`.
    """
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(limit))
    return session


def connection_pools(url: str) -> PoolManager:
    """Return connections for calls to one address through urllib3 itself. They keep to the :func:`deadline` of their thread.

    Proxies and certificates are those of the environment, as ``requests`` takes them.
    """
    adapter = BoundedAdapter(0)  # only for its connections
    options = _certificates()
    if proxy := select_proxy(url, get_environ_proxies(url)):
        proxy = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call] # requests leaves it untyped
        return adapter.proxy_manager_for(proxy, **options)
    adapter.init_poolmanager(1, 1, **options)
    pools: PoolManager = adapter.poolmanager
    return pools


def pinned_pools(server_name: str) -> PoolManager:
    """Return connections as :func:`connection_pools` does, for calls to an IP address that was checked before.

    There is no proxy, because it would look the name up again.

    :param server_name: name for which the certificate has to be valid, and which the server is told.
    """
    adapter = BoundedAdapter(0)
    adapter.init_poolmanager(1, 1, server_hostname=server_name, **_certificates())
    pools: PoolManager = adapter.poolmanager
    return pools


def bounded_socket(address: str, port: int) -> socket.socket:
    """Connect to an IP address, and return a socket that keeps to the :func:`deadline` of its thread.

    :raises OSError: there is no connection in time.
    """
    remaining = _remaining()
    timeout = _CONNECT_TIMEOUT if remaining is None else min(_CONNECT_TIMEOUT, remaining)
    plain = socket.create_connection((address, port), timeout)
    return _HttpSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())


def bounded_tls() -> ssl.SSLContext:
    """Return a context of TLS with the certificates of the system, whose sockets keep to the :func:`deadline` of their thread."""
    context = ssl.create_default_context()
    context.sslsocket_class = _HttpsSocket
    return context


def _certificates() -> dict[str, str]:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    return {"cert_reqs": "CERT_REQUIRED", "ca_cert_dir" if Path(bundle).is_dir() else "ca_certs": bundle}


def read_bounded(response: BaseHTTPResponse, limit: int) -> bytes:
    """Return the body of urllib3's response.

    :param limit: bytes at most, decompressed.
    :raises AnswerTooLarge: the body is larger.
    """
    try:
        return b"".join(_bounded(response, limit)(_PIECE))
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()


def fetch(
    method: str,
    url: str,
    *,
    seconds: float,
    limit: int,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    follow: bool = False,
    trust_env: bool = True,
) -> requests.Response:
    """Make one call and return its whole answer.

    :param seconds: time for everything, from the connection to the last byte.
    :param limit: bytes of the body at most, decompressed.
    :param follow: follow redirects. Never for a call that is signed: the signature is for one address.
    :param trust_env: use the proxies of the environment.
    :raises AnswerTooLarge: the body is larger.
    :raises requests.RequestException: there is no answer, or it is not complete in time.
    """
    if seconds <= 0:
        raise requests.Timeout("no time was left for the call")
    timeouts = min(_CONNECT_TIMEOUT, seconds), seconds
    with deadline(seconds), bounded_session(limit) as session:
        session.trust_env = trust_env
        return session.request(method, url, data=data, headers=headers, allow_redirects=follow, timeout=timeouts)


class BoundedAdapter(HTTPAdapter):
    """Transport of ``requests`` with sockets that keep to the deadline, and bounded bodies. Nothing is sent twice."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make connections that keep to the deadline."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """Make connections through a proxy that keep to the deadline, too."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the response, whose body is bounded."""
        resp.stream = _bounded(resp, self._limit)
        return super().build_response(req, resp)


def _bounded(raw: Any, limit: int) -> Callable[..., Iterator[bytes]]:
    stream = raw.stream

    def bounded(*arguments: Any, **options: Any) -> Iterator[bytes]:
        size = 0
        for piece in stream(*arguments, **options):
            size += len(piece)
            if size > limit:
                raw.close()
                raise AnswerTooLarge(f"the answer has more than {limit} bytes")
            yield piece

    return bounded


# -- sockets -----------------------------------------------------------------------------------------------------------


def _end() -> float | None:
    end: float | None = getattr(_local, "end", None)
    return end


def _remaining() -> float | None:
    """Return the seconds until this thread's deadline; None without one.

    :raises TimeoutError: it has passed.
    """
    end = _end()
    if end is None:
        return None
    remaining = end - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the deadline of this call has passed")
    return remaining


def _limit(sock: socket.socket) -> None:
    """Let the next operation of a socket end by the deadline."""
    remaining = _remaining()
    if remaining is not None:
        timeout = sock.gettimeout()
        sock.settimeout(remaining if timeout is None else min(timeout, remaining))


class _HttpSocket(socket.socket):
    """A socket that keeps to the deadline of the thread that uses it."""

    def recv_into(self, *arguments: Any) -> int:
        _limit(self)
        return super().recv_into(*arguments)

    def recv(self, *arguments: Any) -> bytes:
        _limit(self)
        return super().recv(*arguments)

    def sendall(self, *arguments: Any) -> None:  # its time-out is that of the whole operation
        _limit(self)
        super().sendall(*arguments)


class _HttpsSocket(ssl.SSLSocket):
    """A TLS socket that keeps to the deadline of the thread that uses it, its handshake included."""

    def do_handshake(self, block: bool = False) -> None:
        _limit(self)
        super().do_handshake(block)

    def read(self, *arguments: Any) -> Any:
        _limit(self)
        return super().read(*arguments)

    def send(self, *arguments: Any) -> int:
        _limit(self)
        return super().send(*arguments)


class _HttpConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self, super()._new_conn)


class _HttpsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self, super()._new_conn)

    def connect(self) -> None:
        if self.ssl_context is None:
            self.ssl_context = create_urllib3_context()
        self.ssl_context.sslsocket_class = _HttpsSocket
        super().connect()


def _connected(connection: HTTPConnection, connect: Callable[[], socket.socket]) -> socket.socket:
    try:
        remaining = _remaining()
        if remaining is not None:
            timeout = connection.timeout
            connection.timeout = min(timeout, remaining) if isinstance(timeout, int | float) else remaining
        plain = connect()
        timeout = plain.gettimeout()
        sock = _HttpSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        sock.settimeout(timeout)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    return sock


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_POOLS: dict[str, Any] = {"http": _HttpPool, "https": _HttpsPool}
