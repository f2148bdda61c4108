"""The HTTP session that adapters get: time-outs always, a deadline when a call has one, and honest failures.

Honest: when no connection to the POS came about, and this call has sent nothing before, the failure is
:class:`~webhook_kit.errors.NotPlaced`. Every other failure stays what ``requests`` made of it, because the POS may have acted.
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
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, SSLError

from webhook_kit.errors import NotPlaced

__all__ = ["PosSession", "call_deadline", "current_session", "never_connected"]

CONNECT_TIMEOUT = 3.05
READ_TIMEOUT = 30.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_local = threading.local()


class PosSession(requests.Session):
    """A ``requests.Session`` bound to the deadline of the adapter call that runs in its thread."""

    def __init__(self) -> None:
        super().__init__()
        self.deadline: float | None = None
        self.may_have_written = False
        self.mount("https://", _Exchange(self))
        self.mount("http://", _Exchange(self))
        # One session serves many stores: a cookie of one must never travel with another's call.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def timeouts(self, wanted: Any) -> tuple[float, float]:
        """Connect and read time-out of the next exchange: never more than what is left of the call's deadline.

        :raises NotPlaced: when the deadline has passed and nothing was sent.
        :raises requests.exceptions.Timeout: when it has passed and something was.
        """
        connect, read = wanted if isinstance(wanted, tuple) else (None, wanted)
        connect, read = connect or CONNECT_TIMEOUT, read or READ_TIMEOUT
        if self.deadline is None:
            return connect, read
        left = self.deadline - time.monotonic()
        if left <= 0:
            if not self.may_have_written:
                raise NotPlaced("the deadline of this POS call passed before anything was sent")
            raise requests.exceptions.Timeout("the deadline of this POS call has passed")
        return min(connect, left), min(read, left)


class _Exchange(HTTPAdapter):
    """One request on the wire; a redirect that is followed is one more, so that each is judged by itself."""

    def __init__(self, session: PosSession) -> None:
        self._session = session
        # A retry inside the library would be a second attempt that nobody knows of.
        super().__init__(max_retries=0)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """As ``requests``, within the deadline.

        :raises NotPlaced: when nothing can have reached the POS during this call.
        """
        session = self._session
        timeouts = session.timeouts(timeout)
        writes = (request.method or "").upper() not in _SAFE
        try:
            response = super().send(request, stream, timeouts, verify, cert, proxies)
        except requests.exceptions.RequestException as failure:
            if not never_connected(failure):
                session.may_have_written |= writes
            elif not session.may_have_written:
                raise NotPlaced(f"no connection to the POS ({type(failure).__name__})") from failure
            raise
        session.may_have_written |= writes
        return response


def current_session() -> PosSession:
    """This thread's session, opened when first asked for: connections do not survive a fork."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.session = PosSession()
        _local.pid = os.getpid()
    session: PosSession = _local.session
    return session


@contextmanager
def call_deadline(seconds: float) -> Iterator[None]:
    """Bind this thread's session to a deadline for the length of one adapter call."""
    session = current_session()
    session.deadline = time.monotonic() + seconds
    session.may_have_written = False
    try:
        yield
    finally:
        session.deadline = None


def never_connected(failure: BaseException | None) -> bool:
    """Whether nothing of a request can have reached the other side."""
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        return True
    if not isinstance(failure, requests.exceptions.ConnectionError) or not failure.args:
        return False
    cause = failure.args[0]
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, SSLError):  # TLS can fail long after the handshake, when the request is out
        return bool(reason.args) and _in_handshake(reason.args[0])
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _in_handshake(failure: object) -> bool:
    frames = walk_tb(failure.__traceback__) if isinstance(failure, BaseException) else ()
    return any(frame.f_code.co_name == ssl.SSLSocket.do_handshake.__name__ for frame, _ in frames)
