"""The HTTP session that adapters get: time-outs always, a deadline when a call has one, and honest failures.

Honest: when no connection to the POS came about, and this call has sent nothing before, the failure is
:class:`~webhook_kit.errors.NotPlaced`. Every other failure stays what ``requests`` made of it, because the POS may have acted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from webhook_kit.errors import NotPlaced

__all__ = ["PosSession", "call_deadline", "current_session"]

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
        # A retry inside the library would be a second attempt that nobody knows of.
        self.mount("https://", HTTPAdapter(max_retries=0))
        self.mount("http://", HTTPAdapter(max_retries=0))
        # One session serves many stores: a cookie of one must never travel with another's call.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As ``requests``, with time-outs that never exceed what is left of the call's deadline.

        :raises NotPlaced: when nothing can have reached the POS during this call.
        """
        kwargs["timeout"] = self._timeouts(kwargs.get("timeout"))
        verb = method.decode() if isinstance(method, bytes) else method
        writes = verb.upper() not in _SAFE
        try:
            response = super().request(method, url, *args, **kwargs)
        except requests.exceptions.RequestException as failure:
            if not _never_connected(failure):
                self.may_have_written |= writes
            elif not self.may_have_written:
                raise NotPlaced(f"no connection to the POS ({type(failure).__name__})") from failure
            raise
        self.may_have_written |= writes
        return response

    def _timeouts(self, wanted: Any) -> tuple[float, float]:
        connect, read = wanted if isinstance(wanted, tuple) else (CONNECT_TIMEOUT, wanted or READ_TIMEOUT)
        if self.deadline is None:
            return connect, read
        left = self.deadline - time.monotonic()
        if left <= 0:
            if not self.may_have_written:
                raise NotPlaced("the deadline of this POS call passed before anything was sent")
            raise requests.exceptions.Timeout("the deadline of this POS call has passed")
        return min(connect, left), min(read, left)


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


def _never_connected(failure: requests.exceptions.RequestException) -> bool:
    if isinstance(failure, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    if not isinstance(failure, requests.exceptions.ConnectionError) or not failure.args:
        return False
    cause = failure.args[0]
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
