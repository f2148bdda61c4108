"""Front of the web application: receives the whole body of a request before a thread handles it.

A thread that waits for a body can be held for ever by a client that never sends it, and the signature of a request is known only
after its body. So the event loop waits for bodies, each of which has a deadline and a least rate, and a request gets a thread
only when nothing more is expected of its sender. Thousands of slow clients cost some memory each, and no thread.

A request for which no thread is free in time is answered 503 by the event loop itself. Probes have threads of their own: a platform
must not restart a process, and drop its requests, because it has many of them.
"""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from webhook_kit.exit import end_process
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.logs import logger
from webhook_kit.server.threads import MAX_WAIT, RequestThreads
from webhook_kit.webhooks.current_call import RECEIVED, count_refused
from webhook_kit.webhooks.parsing import MAX_BYTES
from webhook_kit.webhooks.trace import trace_id

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["BODY_DEADLINE", "Front", "HTTPProtocol", "Headers", "Scope"]

log = logger("server")

BODY_DEADLINE = 10.0
"""Seconds after its head within which a request's body has to arrive."""

_LEAST_RATE = 1024.0
"""Bytes per second of a body at least, after a grace period."""

_GRACE = 5.0
"""Seconds in which a body may be slower than the least rate."""

_LATE = 0.5
"""Seconds by which the end of a deadline is noticed late only if this process gets too little processor time."""

_SMALL = 64 * 1024
"""Bytes of a body that is always received. Larger ones share a number of places, because each is held in memory."""

_LARGE_AT_ONCE = 32
"""Larger bodies that one process receives at the same time."""

_PROBES = {"/healthz": 1, "/readyz": 2, "/sendingz": 2}
"""Threads of each probe, which share none: the last two wait for Redis."""

_REPORT_EVERY = 10.0
"""Seconds between two log lines about refused requests."""


class Headers(Protocol):
    """Headers of a request, with names in lower case."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return a header's first value."""

    def items(self) -> list[tuple[str, str]]:
        """Return all headers; a repeated one several times."""


class Scope(Protocol):
    """Head of a request, as RSGI has it."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Headers


class HTTPProtocol(Protocol):
    """Body and response of a request, as RSGI has them."""

    def __call__(self) -> Awaitable[bytes]:
        """Receive the whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Receive the body in parts."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the response. May be called in any thread."""


class Front:
    """RSGI application that passes requests with their whole body to a WSGI application.

    :param app: the WSGI application.
    :param threads: number of requests that are handled at the same time.
    """

    def __init__(self, app: WSGIApplication, threads: int) -> None:
        self._app = app
        self._large = 0
        self._refused = 0
        self._threads = RequestThreads("web", threads)
        self._threads_of_probes = {
            path: RequestThreads(f"probe-{path[1:]}", number) for path, number in _PROBES.items()
        }

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Receive the body, and have the request answered in a thread."""
        received = time.monotonic()
        try:
            body = await self._receive(scope, protocol)
        except Problem as problem:
            log.info("request_not_received", path=scope.path[:100], status=problem.status)
            _refuse(scope, protocol, problem)
            return
        threads = self._threads_of_probes.get(scope.path, self._threads)
        if not await threads.run(partial(self._handle, scope, protocol, body, received)):
            self._refuse_waiting(scope, protocol)

    def __rsgi_init__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Ignore signals after the first one: granian's handler of the event loop blocks when it is called repeatedly."""

        def ignore_others(_signum: int, _frame: FrameType | None) -> None:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, signal.SIG_IGN)

        # The event loop learns of a signal from its file descriptor; a handler that is set here is called in addition.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, ignore_others)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """End the process: all responses have been sent, and a vendor's thread must not delay it."""
        end_process(0)

    # -- receiving -----------------------------------------------------------------------------------------------------

    async def _receive(self, scope: Scope, protocol: HTTPProtocol) -> bytes:
        """Return the body; of a body that is too large at most one byte more than is accepted.

        :raises Problem: 408 if the body does not arrive in time, 503 if too many large bodies are being received, or if this
            process was too busy to receive it.
        """
        length = _content_length(scope)
        if length == 0 or (length is not None and length > MAX_BYTES):
            return b""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            if length is not None and length <= _SMALL:
                async with asyncio.timeout(_allowed(length)):
                    return bytes(await protocol())
            return await self._receive_parts(protocol, started, length)
        except TimeoutError:
            raise _not_in_time(loop.time() - started, length) from None
        except Problem:
            raise
        except Exception:  # noqa: BLE001 - granian's errors of a broken connection have no common class
            raise Problem(ErrorCode.INVALID_REQUEST, "the body is incomplete") from None

    async def _receive_parts(self, protocol: HTTPProtocol, started: float, length: int | None) -> bytes:
        body = bytearray()
        large = False
        try:
            async with asyncio.timeout(_allowed(length or 0)) as timeout:
                async for part in protocol:
                    body += part
                    if len(body) > MAX_BYTES:
                        break
                    if len(body) > _SMALL and not large:
                        self._take_large_place()
                        large = True
                    if length is None:
                        timeout.reschedule(started + _allowed(len(body)))
        finally:
            self._large -= large
        return bytes(body)

    def _take_large_place(self) -> None:
        if self._large >= _LARGE_AT_ONCE:
            raise unavailable("too many large bodies are being received", retry_after=BODY_DEADLINE)
        self._large += 1

    # -- handling ------------------------------------------------------------------------------------------------------

    def _refuse_waiting(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer a request that gets no thread. One log line tells of many, because there is no time for more."""
        _refuse(scope, protocol, unavailable("too many requests are waiting here", retry_after=MAX_WAIT))
        count_refused(scope.path)
        if not self._refused:
            asyncio.get_running_loop().call_later(_REPORT_EVERY, self._report_refused)
        self._refused += 1

    def _report_refused(self) -> None:
        log.warning("requests_refused", number=self._refused, seconds=_REPORT_EVERY)
        self._refused = 0

    def _handle(self, scope: Scope, protocol: HTTPProtocol, body: bytes, received: float) -> None:
        response: list[Any] = []
        parts: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: object = None
        ) -> Callable[[bytes], None]:
            response[:] = [int(status.split(" ", 1)[0]), headers]
            return parts.append

        try:
            result = self._app(_environ(scope, body) | {RECEIVED: received}, start_response)
            try:
                parts += result
            finally:
                if hasattr(result, "close"):
                    result.close()
            status, headers = response
        except BaseException:
            log.exception("request_failed", path=scope.path[:100])
            _refuse(scope, protocol, Problem(ErrorCode.INTERNAL_ERROR, "an unexpected error occurred; see the log"))
            return
        protocol.response_bytes(status, headers, b"".join(parts))


def _content_length(scope: Scope) -> int | None:
    """Return the number of bytes of the body; None if it comes in chunks."""
    headers = scope.headers
    if headers.get("transfer-encoding") is not None:
        return None
    return int(headers.get("content-length") or 0)  # granian has verified it


def _allowed(length: int) -> float:
    """Return the seconds after the head within which so many bytes have to arrive."""
    return min(BODY_DEADLINE, _GRACE + length / _LEAST_RATE)


def _not_in_time(seconds: float, length: int | None) -> Problem:
    """Return the answer to a body that was not received within so many seconds."""
    if seconds > (BODY_DEADLINE if length is None else _allowed(length)) + _LATE:
        return unavailable("this process was too busy to receive the body", retry_after=MAX_WAIT)
    detail = f"the body did not arrive within {seconds:.0f} s"
    return Problem(ErrorCode.INVALID_REQUEST, detail, status=408, retryable=True)


def _refuse(scope: Scope, protocol: HTTPProtocol, problem: Problem) -> None:
    document = problem.document(instance=scope.path, trace_id=trace_id(None)).to_json()
    headers = [("Content-Type", "application/problem+json")]
    if problem.retry_after is not None:
        headers.append(("Retry-After", str(problem.retry_after)))
    protocol.response_bytes(problem.status, headers, document)


_ENVIRON: WSGIEnvironment = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


def _environ(scope: Scope, body: bytes) -> WSGIEnvironment:
    """Return the environment of a request as PEP 3333 defines it."""
    server, _, port = scope.server.rpartition(":")
    environ = _ENVIRON | {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": _latin_1(scope.path),
        "QUERY_STRING": _latin_1(scope.query_string),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "HTTP_HOST": scope.authority or "",
    }
    seen = set()
    for name, value in scope.headers.items():
        if "_" in name:  # would become the same variable as the name with a hyphen
            continue
        key = "HTTP_" + name.replace("-", "_").upper()
        separator = ";" if name == "cookie" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in seen else value
        seen.add(key)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    # A body that is declared too large was not received: the application sees its length and refuses it.
    environ["CONTENT_LENGTH"] = environ.pop("HTTP_CONTENT_LENGTH", "") if not body else str(len(body))
    return environ


def _latin_1(text: str) -> str:
    return text.encode().decode("latin-1")
