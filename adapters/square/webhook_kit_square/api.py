"""The official SDK on the kit's own HTTP session: with its time-outs, deadline and failures, and without retries.

The SDK uses httpx, so the session is plugged in as an httpx transport. By default the SDK would retry a failed call twice, 409
included, and sleep in between, whatever the deadline of the POS call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import requests
from square import Square
from square.core.api_error import FALLBACK_ERROR, ApiError
from square.core.request_options import RequestOptions
from square.environment import SquareEnvironment
from square.types.error import Error

__all__ = ["NO_RETRIES", "KitTransport", "SquareError", "connect", "square_errors"]

NO_RETRIES = RequestOptions(max_retries=0)
"""Options of every call of the SDK."""

_STALE = frozenset({"VERSION_MISMATCH", "CONFLICT"})
_NOT_PROCESSED = frozenset({401, 403, 429})
_UNCERTAIN = frozenset({408, 409})
# requests has decoded the body, so the first three are no longer true; httpx would send a cookie of one seller to the next.
_REMOVED_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding", "set-cookie"})


class SquareError(Exception):
    """Square refused a call, or its response cannot be understood.

    The text has the call and Square's codes only, because Square's texts may contain a customer's contact.

    :ivar status: HTTP status; None if there was none.
    :ivar errors: Square's own, with their texts.
    """

    def __init__(self, call: str, status: int | None, errors: list[Error]) -> None:
        self.status = status
        self.errors = errors
        super().__init__(f"{call}: HTTP {status}, {', '.join(str(error.code) for error in errors) or 'no code'}")

    @property
    def codes(self) -> frozenset[str]:
        """Square's error codes."""
        return frozenset(str(error.code) for error in self.errors)

    @property
    def not_processed(self) -> bool:
        """True if Square has not processed the request: a wrong token, or too many requests."""
        return self.status in _NOT_PROCESSED

    @property
    def refused(self) -> bool:
        """True if Square has refused the request for good: it has done nothing, and never will.

        A response that is not in Square's format may come from a proxy, and does not count.
        """
        return (
            self.status is not None
            and 400 <= self.status < 500
            and self.status not in _UNCERTAIN
            and not self.not_processed
            and FALLBACK_ERROR not in self.errors
        )

    @property
    def stale(self) -> bool:
        """True if the order has changed since it was read. Documented as 409; Square also sends 400."""
        return self.status == 409 or bool(self.codes & _STALE)


class KitTransport(httpx.BaseTransport):
    """Sends the SDK's requests through the kit's session.

    :param session: returns the session of the running call; called for every request, because each thread has its own.
    """

    def __init__(self, session: Callable[[], requests.Session]) -> None:
        self._session = session

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; failures are those of the session."""
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        response = self._session().request(
            request.method, str(request.url), headers=headers, data=request.read(), allow_redirects=False
        )
        kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _REMOVED_HEADERS]
        return httpx.Response(response.status_code, headers=kept, content=response.content)


def connect(token: str, environment: str, base_url: str | None, http: httpx.Client) -> Square:
    """Return Square's client for a seller."""
    return Square(token=token, environment=SquareEnvironment[environment.upper()], base_url=base_url, httpx_client=http)


@contextmanager
def square_errors(call: str) -> Iterator[None]:
    """Replace the SDK's exception, whose text has the whole response, by one that may be logged.

    :raises SquareError: for every response that is not a success.
    """
    try:
        yield
    except ApiError as error:
        raise SquareError(call, error.status_code, error.errors) from None
