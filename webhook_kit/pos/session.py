"""HTTP session of adapters: with timeouts, the deadline of the current call, and a distinct error if nothing was sent.

A call ends at its deadline even if the POS's answer trickles, and an answer of more than 64 MB is an error.

If no connection to the POS was made, and the current call has sent nothing before, the error is
:class:`~webhook_kit.errors.NotPlaced`. Every other error of ``requests`` is passed on, because the POS may have acted.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from traceback import walk_tb
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, SSLError

from webhook_kit.errors import NotPlaced
from webhook_kit.web import BoundedAdapter, deadline

__all__ = ["PosSession", "call_deadline", "current_session", "never_connected"]

_CONNECT_TIMEOUT = 3.05
"""Seconds to wait for a connection if the adapter gives none."""

_READ_TIMEOUT = 30.0
"""Seconds to wait for a response if the adapter gives none."""

_MAX_ANSWER = 64_000_000
"""Bytes of an answer of a POS at most: as large as a catalog may be."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_local = threading.local()


class PosSession(requests.Session):
    """``requests.Session`` with the deadline of the adapter call in its thread."""

    def __init__(self) -> None:
        super().__init__()
        self.deadline: float | None = None
        self.may_have_written = False
        self.mount("https://", _DeadlineAdapter(self))
        self.mount("http://", _DeadlineAdapter(self))
        # One session serves many stores: a cookie of one must never travel with another's call.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def timeouts(self, timeout: Any) -> tuple[float, float]:
        """Return the connect and read timeout of the next request, limited by the deadline of the call.

        :param timeout: timeout that the adapter gives, in the form that ``requests`` takes.
        :raises NotPlaced: the deadline has passed, and nothing was sent.
        :raises requests.exceptions.Timeout: the deadline has passed, and something was sent.
        """
        connect, read = timeout if isinstance(timeout, tuple) else (None, timeout)
        connect, read = connect or _CONNECT_TIMEOUT, read or _READ_TIMEOUT
        if self.deadline is None:
            return connect, read
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            if not self.may_have_written:
                raise NotPlaced("the deadline of this POS call passed before anything was sent")
            raise requests.exceptions.Timeout("the deadline of this POS call has passed")
        return min(connect, remaining), min(read, remaining)


class _DeadlineAdapter(BoundedAdapter):
    """Sends a request within the deadline. ``requests`` calls it again for each redirect."""

    def __init__(self, session: PosSession) -> None:
        self._session = session
        super().__init__(_MAX_ANSWER)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request as ``requests`` does, within the deadline.

        :raises NotPlaced: nothing can have reached the POS during this call.
        """
        session = self._session
        timeouts = session.timeouts(timeout)
        writes = (request.method or "").upper() not in _SAFE_METHODS
        try:
            response = super().send(request, stream, timeouts, verify, cert, proxies)
        except requests.exceptions.RequestException as error:
            if not never_connected(error):
                session.may_have_written |= writes
            elif not session.may_have_written:
                raise NotPlaced(f"no connection to the POS ({type(error).__name__})") from error
            raise
        session.may_have_written |= writes
        return response


def current_session() -> PosSession:
    """Return the session of this thread. A forked process gets a new one, because connections do not survive a fork."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.session = PosSession()
        _local.pid = os.getpid()
    session: PosSession = _local.session
    return session


@contextmanager
def call_deadline(seconds: float) -> Iterator[None]:
    """Set the deadline of this thread's session for the duration of one adapter call."""
    session = current_session()
    session.deadline = time.monotonic() + seconds
    session.may_have_written = False
    try:
        with deadline(seconds):
            yield
    finally:
        session.deadline = None


def never_connected(error: BaseException | None) -> bool:
    """Return True if nothing of the request can have reached the other side.

    :param error: of requests, or of urllib3 itself.
    """
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, requests.exceptions.ConnectionError) and error.args else error
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, SSLError):  # TLS can also fail after the handshake, when the request was sent
        return bool(reason.args) and _in_handshake(reason.args[0])
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _in_handshake(error: object) -> bool:
    frames = walk_tb(error.__traceback__) if isinstance(error, BaseException) else ()
    return any(frame.f_code.co_name == ssl.SSLSocket.do_handshake.__name__ for frame, _ in frames)
