"""HTTP calls to Gett: the base class of all API clients, and the exceptions that a call raises.

Calls are not repeated, because retries, order and quota belong to the outbox. Redirects are not followed, so that the API key
reaches one host only. Every failure is a :class:`~webhook_kit.errors.GettError`, whose type shows if a retry makes sense::

    no response             GettUnreachable
    408, 425, 5xx           GettUnavailable     also a 2xx with an unreadable body; ``status`` is that 2xx
    429                     GettRateLimited
    401, 403                GettUnauthorized
    404                     GettNotFound
    409                     GettConflict
    any other 3xx or 4xx    GettRejected        ``redirected`` is true for a 3xx: the URL is not Gett's

A call ends within the time-outs for connecting and for the answer, even if the answer trickles. A status whose body does not
arrive in time, or is larger than 16 MB, counts without the body.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import pydantic
from requests.structures import CaseInsensitiveDict
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

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
from webhook_kit.texts import well_formed_data
from webhook_kit.web import connection_pools, deadline, read_bounded

__all__ = ["Api", "ApiCall", "ApiResponse", "HttpTransport", "Transport", "http_date", "segment", "unreadable"]

_CODE_LENGTH, _DETAIL_LENGTH = 100, 300

_MAX_BODY = 16_000_000
"""Bytes of a response's body that are read at most."""

_LONGEST_RETRY_AFTER = 3600.0
"""Seconds that Gett may ask to wait; more is taken for a mistake and ignored."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """An HTTP request to Gett. Its headers contain the API key, so its repr omits them."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """An HTTP response from Gett, of any status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """Sends HTTP requests. A fake for tests needs this one method."""

    def send(self, call: ApiCall) -> ApiResponse:
        """Send a request once and return its response.

        :raises OSError: without a response; ``ConnectionError`` and ``TimeoutError`` are subclasses.
        :raises urllib3.exceptions.HTTPError: the same.
        """
        ...


class HttpTransport:
    """Sends requests over the network, with connections of their own for each thread and process.

    It calls urllib3 itself, because an update costs half as much CPU as through ``requests``.

    :param connect_timeout: seconds.
    :param read_timeout: seconds for the whole response.
    """

    def __init__(self, *, connect_timeout: float = 3.05, read_timeout: float = 10.0) -> None:
        self._seconds = connect_timeout + read_timeout
        self._timeout = Timeout(connect=connect_timeout, read=read_timeout)
        self._local = threading.local()

    def send(self, call: ApiCall) -> ApiResponse:
        """Send a request once; a redirect is returned, not followed."""
        with deadline(self._seconds):
            response = self._pools(call.url).urlopen(
                call.method,
                call.url,
                headers=call.headers,
                body=call.body,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                body = read_bounded(response, _MAX_BODY)
            except (OSError, HTTPError):  # the status is Gett's answer all the same
                body = b""
            return ApiResponse(response.status, response.headers, body)

    def _pools(self, url: str) -> PoolManager:
        if getattr(self._local, "pid", None) != os.getpid():  # connections do not survive a fork
            self._local.pools, self._local.pid = connection_pools(url), os.getpid()
        current: PoolManager = self._local.pools
        return current


_KEY_REFUSED = (401, 403)
_REFUSED_KEY_SECONDS = 60.0
"""Seconds for which a refused key comes after the others."""

_Model = TypeVar("_Model", bound=Wire)


class Api:
    """Base class of the clients of Gett's APIs. Safe to share between threads and across forks.

    Every method of a subclass sends exactly one HTTP request and raises a :class:`~webhook_kit.errors.GettError` when it fails (see
    the module's docstring). An id that cannot be part of a path (empty, ``.`` or ``..``) raises
    :class:`~webhook_kit.errors.GettPermanent` before anything is sent.

    :param base_url: ``https://api.gett-tech.com``, or the URL of a sandbox.
    :param api_key: sent as a bearer token; never part of a message. Of several keys, newest first, the next one is tried when Gett
        refuses one (401, 403), so that a rotation loses nothing; for a minute the refused one comes last.
    :param connect_timeout: seconds.
    :param read_timeout: seconds for the whole response.
    :param on_response: called with status and headers (case-insensitive) of each response, in the calling thread, before
        errors are raised; for ``X-RateLimit-*``. It should not raise, because its exceptions propagate.
    :param on_key_refused: called with the number of a refused key (the first is 1), the number of keys, and the reason.
    :param transport: sends the requests; a :class:`HttpTransport` when None.
    :raises ConfigurationError: when the URL or the key cannot be used.
    """

    root: ClassVar[str] = ""
    """Path of the API, with a slash at both ends."""

    def __init__(
        self,
        base_url: str,
        api_key: str | Sequence[str],
        *,
        connect_timeout: float = 3.05,
        read_timeout: float = 10.0,
        on_response: Callable[[int, Mapping[str, str]], None] | None = None,
        on_key_refused: Callable[[int, int, str], None] | None = None,
        transport: Transport | None = None,
    ) -> None:
        keys = [api_key] if isinstance(api_key, str) else list(api_key)
        if mistakes := _mistakes(base_url, keys):
            raise ConfigurationError(*mistakes)
        self.base_url = base_url.rstrip("/")
        self.on_response = on_response
        self.on_key_refused = on_key_refused
        self._api_keys = keys
        self._refused_until = dict.fromkeys(keys, 0.0)
        self._seconds = connect_timeout + read_timeout
        self._transport = transport or HttpTransport(connect_timeout=connect_timeout, read_timeout=read_timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    # -- sending -------------------------------------------------------------------------------------------------------

    def _read(
        self,
        model: type[_Model],
        method: str,
        path: str,
        body: Wire | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> _Model:
        response = self._call(method, path, body, extra_headers)
        try:
            return model.from_answer(response.body)
        except pydantic.ValidationError as error:
            raise unreadable(method, path, response, error) from error

    def _call(
        self, method: str, path: str, body: Wire | None = None, extra_headers: Mapping[str, str] | None = None
    ) -> ApiResponse:
        with deadline(self._seconds):  # for all keys together: a lease of the outbox lasts longer than one call
            for key in self._keys_in_order():
                response = self._send(key, method, path, body, extra_headers)
                if response.status not in _KEY_REFUSED:
                    break
                self._refuse(key, self._error(method, path, response))
        if not 200 <= response.status < 300:
            raise self._error(method, path, response)
        return response

    def _keys_in_order(self) -> list[str]:
        """Return the keys newest first, those that Gett has refused lately after all others."""
        now = time.monotonic()
        return sorted(self._api_keys, key=lambda key: self._refused_until[key] > now)

    def _refuse(self, key: str, error: GettError) -> None:
        self._refused_until[key] = time.monotonic() + _REFUSED_KEY_SECONDS
        if self.on_key_refused is not None:
            self.on_key_refused(self._api_keys.index(key) + 1, len(self._api_keys), str(error))

    def _send(
        self, key: str, method: str, path: str, body: Wire | None, extra_headers: Mapping[str, str] | None
    ) -> ApiResponse:
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json, application/problem+json",
            "User-Agent": "webhook-kit",
            **(extra_headers or {}),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.base_url}{self.root}{path}"
        try:
            response = self._transport.send(ApiCall(method, url, headers, body.to_json() if body is not None else None))
        except (OSError, HTTPError) as error:
            # Only the type of the error, because its text may contain the request's headers.
            raise GettUnreachable(f"{method} {path}: no response ({type(error).__name__})") from error
        if self.on_response is not None:
            self.on_response(response.status, CaseInsensitiveDict(response.headers))
        return response

    def _error(self, method: str, path: str, response: ApiResponse) -> GettError:
        response_body = response.body
        for key in self._api_keys:
            response_body = response_body.replace(key.encode(), b"(the API key)")
        problem = _problem(response_body)
        code = _line(problem.get("errorCode"), _CODE_LENGTH)
        detail = _line(problem.get("detail"), _DETAIL_LENGTH) or _line(problem.get("title"), _DETAIL_LENGTH)
        return _exception_for(response.status)(
            f"{method} {path}: {' '.join(filter(None, (str(response.status), code)))}: {detail or 'no explanation'}",
            status=response.status,
            code=code,
            retry_after=_retry_after(problem, response.headers),
            problem=problem,
        )


def _mistakes(base_url: str, api_keys: Sequence[str]) -> list[str]:
    mistakes = []
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        mistakes.append("Gett's URL must be an http or https URL, such as https://api.gett-tech.com")
    # Checked here, because the HTTP library's error for an invalid header would contain the key.
    if not api_keys or any(not key or not all("!" <= character <= "~" for character in key) for key in api_keys):
        mistakes.append("the API key is empty or has characters that are not allowed in a header")
    return mistakes


def segment(identifier: str) -> str:
    """Return an id as a segment of a path.

    :raises GettPermanent: when it cannot be one.
    """
    # Dots cannot be percent-encoded, and HTTP libraries normalise paths: "stores/../status" would be another call.
    if identifier in ("", ".", ".."):
        raise GettPermanent(f"{identifier!r} is not a valid id at Gett")
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


def unreadable(method: str, path: str, response: ApiResponse, error: pydantic.ValidationError) -> GettUnavailable:
    """Return the exception for a 2xx response whose body does not fit the model."""
    # Retriable, because such a response usually comes from a proxy before Gett, and every call that reads its response may
    # be repeated. The status shows that a write has probably been carried out.
    places = ", ".join(".".join(map(str, mistake["loc"])) or "the body" for mistake in error.errors()[:3])
    return GettUnavailable(
        f"{method} {path}: {response.status}, but the body cannot be read ({places})", status=response.status
    )


def _problem(body: bytes) -> dict[str, Any]:
    """Return the problem document, whatever its media type; empty if there is none."""
    try:
        document = well_formed_data(json.loads(body))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _line(value: object, length: int) -> str | None:
    """Return a text on one line, cut off; None if there is none."""
    return " ".join(value.split())[:length] or None if isinstance(value, str) else None


def _retry_after(problem: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait: the problem's ``retryAfter``, else ``Retry-After`` in seconds or as an HTTP date."""
    seconds = _seconds(problem.get("retryAfter"))
    if seconds is not None:
        return seconds
    header = CaseInsensitiveDict(headers).get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return _seconds(float(header))
    date = http_date(header)
    if date is None:
        return None
    # Both moments are of Gett's clock, if it names its own; that of this host may differ.
    now = http_date(CaseInsensitiveDict(headers).get("Date", "")) or time.time()
    return _seconds(max(0.0, date - now))


def http_date(header: str) -> float | None:
    """Return an HTTP date as Unix seconds; None if it is not one."""
    try:
        date = parsedate_to_datetime(header)
        # An HTTP date is UTC; without a zone it would be taken for local time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_RETRY_AFTER else None
