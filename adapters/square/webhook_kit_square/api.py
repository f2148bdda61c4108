"""The official SDK on the kit's own HTTP session: its time-outs, its deadline, its honest failures, and no second attempts.

The SDK speaks through httpx, so the session goes underneath as an httpx transport. Left to itself the SDK would try a failed
call twice more, 409 included, and sleep in between, whatever the deadline of the POS call.
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

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError

__all__ = ["ONCE", "KitTransport", "SquareError", "connect", "plainly"]

ONCE = RequestOptions(max_retries=0)
"""What every call of the SDK is made with."""

_STALE = frozenset({"VERSION_MISMATCH", "CONFLICT"})
_TURNED_AWAY = frozenset({401, 403, 429})
_UNDECIDED = frozenset({408, 409})
# requests has undone the first three by the time httpx sees the body; and httpx would keep cookies, of one seller for the next.
_NOT_PASSED_ON = frozenset({"content-encoding", "content-length", "transfer-encoding", "set-cookie"})


class SquareError(Exception):
    """Square said no, or nothing that can be understood.

    Its text names the call and Square's codes only: Square's words may quote a customer's contact.

    :ivar status: HTTP status; None when there was none.
    :ivar errors: Square's own, with their words.
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
    def turned_away(self) -> bool:
        """Whether Square did not even look at the request: the token, or too many requests."""
        return self.status in _TURNED_AWAY

    @property
    def refused(self) -> bool:
        """Whether this is Square's final word on what was asked: it has done nothing, and never will.

        An answer that is not in Square's form may come from anything on the way, and says nothing.
        """
        return (
            self.status is not None
            and 400 <= self.status < 500
            and self.status not in _UNDECIDED
            and not self.turned_away
            and FALLBACK_ERROR not in self.errors
        )

    @property
    def stale(self) -> bool:
        """Whether the order has moved on since it was read. The documents say 409; Square has been seen to say 400."""
        return self.status == 409 or bool(self.codes & _STALE)


class KitTransport(httpx.BaseTransport):
    """Sends what the SDK wants sent through the kit's session.

    :param session: gives the session of the running call; asked anew for every request, because each thread has its own.
    """

    def __init__(self, session: Callable[[], requests.Session]) -> None:
        self._session = session

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; failures are those of the session."""
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        answer = self._session().request(
            request.method, str(request.url), headers=headers, data=request.read(), allow_redirects=False
        )
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_ON]
        return httpx.Response(answer.status_code, headers=kept, content=answer.content)


def connect(store: Store, http: httpx.Client) -> Square:
    """Square, as this store's seller.

    :raises ConfigurationError: when the store brings no token, or names no environment of Square's.
    """
    token = store.credentials.get("token")
    if not token:
        raise ConfigurationError(f"store {store.id}: credentials.token is missing: the seller's Square access token")
    name = str(store.options.get("environment", "production")).upper()
    if name not in SquareEnvironment.__members__:
        raise ConfigurationError(f"store {store.id}: options.environment is production or sandbox, not {name.lower()}")
    return Square(
        token=token,
        environment=SquareEnvironment[name],
        base_url=store.options.get("base_url"),
        httpx_client=http,
    )


@contextmanager
def plainly(call: str) -> Iterator[None]:
    """Turn the SDK's exception, whose text holds the whole answer, into one that may be logged.

    :raises SquareError: for every answer that is not a success.
    """
    try:
        yield
    except ApiError as error:
        raise SquareError(call, error.status_code, error.errors) from None
