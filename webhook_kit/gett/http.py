"""How a call travels to Gett, and what its failures are called: under every client of Gett's APIs.

Nothing here repeats a call or follows a redirect: retries, order and quota are the outbox's, and the API key goes to one host
only. Every failure is a :class:`~webhook_kit.errors.GettError`, retriable or permanent by its type::

    no answer               GettUnreachable
    408, 425, 5xx           GettUnavailable     also a 2xx whose body cannot be read: ``status`` is then that 2xx
    429                     GettRateLimited
    401, 403                GettUnauthorized
    404                     GettNotFound
    409                     GettConflict
    any other 3xx or 4xx    GettRejected
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import pydantic
import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies

from webhook_kit.errors import (
    ConfigurationError,
    GettConflict,
    GettError,
    GettNotFound,
    GettPermanent,
    GettRateLimited,
    GettRejected,
    GettUnauthorized,
    GettUnavailable,
    GettUnreachable,
)
from webhook_kit.gett.models.base import Wire

__all__ = ["Api", "ApiCall", "ApiResponse", "RequestsTransport", "Transport", "segment", "unreadable"]

_DETAIL_LENGTH = 300


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One HTTP request on its way to Gett. Its headers hold the API key, so they are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What came back, whatever the status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """How a call travels. A fake is one method."""

    def send(self, call: ApiCall) -> ApiResponse:
        """Deliver a call once.

        :raises OSError: when no answer came; ``requests`` exceptions, ``ConnectionError`` and ``TimeoutError`` are such.
        """
        ...


class RequestsTransport:
    """Over the network, with one ``requests`` session per process and thread: connections do not survive a fork.

    :param connect_timeout: seconds.
    :param read_timeout: seconds without a byte from Gett; an answer that trickles may take longer in all.
    """

    def __init__(self, *, connect_timeout: float = 3.05, read_timeout: float = 10.0) -> None:
        self._timeouts = (connect_timeout, read_timeout)
        self._local = threading.local()

    def send(self, call: ApiCall) -> ApiResponse:
        """Deliver a call once; a redirect is an answer like any other."""
        response = self._session(call.url).request(
            call.method,
            call.url,
            headers=dict(call.headers),
            data=call.body,
            timeout=self._timeouts,
            allow_redirects=False,
        )
        return ApiResponse(response.status_code, response.headers, response.content)

    def _session(self, url: str) -> requests.Session:
        if getattr(self._local, "pid", None) != os.getpid():
            session = requests.Session()
            # Read once, for requests would read it all again with every call; and without it no .netrc entry replaces
            # our Authorization header.
            session.trust_env = False
            session.proxies.update(get_environ_proxies(url))
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._local.session, self._local.pid = session, os.getpid()
        current: requests.Session = self._local.session
        return current


_Model = TypeVar("_Model", bound=Wire)


class Api:
    """One of Gett's APIs, for one bearer token. Safe to share between threads and across forks.

    Every method of a subclass makes exactly one HTTP request and raises a :class:`~webhook_kit.errors.GettError` when it fails (see
    the head of this module). An id that cannot stand in a path (empty, ``.`` or ``..``) raises
    :class:`~webhook_kit.errors.GettPermanent` before anything is sent.

    :param base_url: ``https://api.gett-tech.com``, the sandbox's, or a local one.
    :param api_key: sent as a bearer token; never part of a message.
    :param connect_timeout: seconds.
    :param read_timeout: seconds without a byte from Gett.
    :param on_answer: called with status and headers (names in any case) of every answer before it is judged, from the
        thread that made the call; for ``X-RateLimit-*``. What it raises passes through, so it should not raise.
    :param transport: how calls travel; the network when None.
    :raises ConfigurationError: when the address or the key cannot be used.
    """

    root: ClassVar[str] = ""
    """Path of the API, between two slashes."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        connect_timeout: float = 3.05,
        read_timeout: float = 10.0,
        on_answer: Callable[[int, Mapping[str, str]], None] | None = None,
        transport: Transport | None = None,
    ) -> None:
        mistakes = _mistakes(base_url, api_key)
        if mistakes:
            raise ConfigurationError(*mistakes)
        self.base_url = base_url.rstrip("/")
        self.on_answer = on_answer
        self._api_key = api_key
        self._transport = transport or RequestsTransport(connect_timeout=connect_timeout, read_timeout=read_timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    # -- how a call is made --------------------------------------------------------------------------------------------

    def _read(
        self,
        model: type[_Model],
        method: str,
        path: str,
        body: Wire | None = None,
        more_headers: Mapping[str, str] | None = None,
    ) -> _Model:
        answer = self._call(method, path, body, more_headers)
        try:
            return model.from_json(answer.body)
        except pydantic.ValidationError as error:
            raise unreadable(method, path, answer, error) from error

    def _call(
        self, method: str, path: str, body: Wire | None = None, more_headers: Mapping[str, str] | None = None
    ) -> ApiResponse:
        headers = {
            "Authorization": f"Bearer {self._api_key}",
            "Accept": "application/json, application/problem+json",
            "User-Agent": "webhook-kit",
            **(more_headers or {}),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.base_url}{self.root}{path}"
        try:
            answer = self._transport.send(ApiCall(method, url, headers, body.to_json() if body is not None else None))
        except OSError as failure:
            # The kind of failure only: its text may quote the request.
            raise GettUnreachable(f"{method} {path}: no answer ({type(failure).__name__})") from failure
        if self.on_answer is not None:
            self.on_answer(answer.status, CaseInsensitiveDict(answer.headers))
        if not 200 <= answer.status < 300:
            raise self._failure(method, path, answer)
        return answer

    def _failure(self, method: str, path: str, answer: ApiResponse) -> GettError:
        problem = _problem(answer.body.replace(self._api_key.encode(), b"(the API key)"))
        code = _text(problem.get("errorCode"))
        detail = _text(problem.get("detail")) or _text(problem.get("title"))
        said = " ".join(detail.split())[:_DETAIL_LENGTH] if detail else "no explanation"
        return _exception_for(answer.status)(
            f"{method} {path}: {' '.join(filter(None, (str(answer.status), code)))}: {said}",
            status=answer.status,
            code=code,
            retry_after=_retry_after(problem, answer.headers),
            problem=problem,
        )


def _mistakes(base_url: str, api_key: str) -> list[str]:
    found = []
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        found.append("Gett's address must be an http or https URL, such as https://api.gett-tech.com")
    # Checked here because an HTTP library that refuses a header quotes it.
    if not api_key or not all("!" <= character <= "~" for character in api_key):
        found.append("the API key is empty or holds characters that no header can carry")
    return found


def segment(identifier: str) -> str:
    """An id as a part of a path.

    :raises GettPermanent: when it cannot be one.
    """
    # Dots are never percent-encoded, and URLs are normalised on the way: "stores/../status" would be another call.
    if identifier in ("", ".", ".."):
        raise GettPermanent(f"{identifier!r} cannot be an id at Gett")
    return quote(identifier, safe="")


def _exception_for(status: int) -> type[GettError]:
    if status in (408, 425) or status >= 500:
        return GettUnavailable
    return {
        401: GettUnauthorized,
        403: GettUnauthorized,
        404: GettNotFound,
        409: GettConflict,
        429: GettRateLimited,
    }.get(status, GettRejected)


def unreadable(method: str, path: str, answer: ApiResponse, error: pydantic.ValidationError) -> GettUnavailable:
    """What to raise for an answer that says 2xx and makes no sense."""
    # Retriable: such an answer comes from something between Gett and us more often than from Gett, and every call that
    # reads its answer may be repeated. The status tells the caller that a write has probably been carried out.
    places = ", ".join(".".join(map(str, mistake["loc"])) or "the body" for mistake in error.errors()[:3])
    return GettUnavailable(
        f"{method} {path}: {answer.status}, but the answer cannot be read ({places})", status=answer.status
    )


def _problem(body: bytes) -> dict[str, Any]:
    """The problem document, by its content rather than its type; empty when there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _retry_after(problem: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: the problem's ``retryAfter``, else the ``Retry-After`` header, in seconds or as an HTTP date."""
    stated = _seconds(problem.get("retryAfter"))
    if stated is not None:
        return stated
    header = CaseInsensitiveDict(headers).get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return _seconds(float(header))
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    # An HTTP date is UTC; one that names no zone would otherwise be taken for local time.
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - time.time())


def _seconds(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
