"""Bodies are received whole, within a deadline, and handled in a thread."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from webhook_kit.server import front
from webhook_kit.server import threads as front_threads
from webhook_kit.server.front import Front, HTTPProtocol, Scope
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.webhooks.current_call import RECEIVED
from webhook_kit.webhooks.parsing import MAX_BYTES


class Headers:
    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self._headers = list(headers)

    def get(self, key: str, default: str | None = None) -> str | None:
        return next((value for name, value in self._headers if name == key), default)

    def items(self) -> list[tuple[str, str]]:
        return self._headers


class Request:
    """A request whose body arrives in parts, each after a number of seconds."""

    def __init__(
        self,
        *parts: bytes,
        pause: float = 0.0,
        headers: Iterable[tuple[str, str]] = (),
        scope: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.parts, self.pause = parts, pause
        chunked = [("transfer-encoding", "chunked")] if parts else []
        head = {
            "http_version": "1.1",
            "server": "127.0.0.1:8000",
            "client": "127.0.0.1:4000",
            "scheme": "http",
            "method": "POST",
            "path": "/placeOrder",
            "query_string": "",
            "authority": None,
        }
        self.scope = cast("Scope", SimpleNamespace(**head | dict(scope), headers=Headers([*headers] or chunked)))
        self.received = 0
        self.status, self.headers, self.body = 0, dict[str, str](), b""

    async def whole(self) -> bytes:
        return b"".join([part async for part in self])

    def __call__(self) -> Any:
        return self.whole()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(self.pause)
            self.received += len(part)
            yield part

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, dict(headers), body


class Blocked:
    """A WSGI application that answers a webhook only when a condition holds, and a probe at once."""

    def __init__(self, until: Callable[[], object]) -> None:
        self.until, self.handled = until, 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            self.handled += 1
            wait_until(self.until)
        start_response("200 OK", [])
        return [b""]


class Echo:
    """A WSGI application that answers with the body, and keeps the environment."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environ = environ
        start_response("201 Created", [("X-Answer", "yes")])
        return io.BytesIO(environ["wsgi.input"].read())


def answered(*requests: Request, app: Any = None) -> None:
    """Have these requests answered, all at the same time."""

    async def run() -> None:
        served = Front(app or Echo(), threads=2)
        await asyncio.gather(*(served(each.scope, cast("HTTPProtocol", each)) for each in requests))

    with ThreadPoolExecutor(1) as thread:  # in the main thread the browser of other tests may have its own event loop
        thread.submit(asyncio.run, run()).result()


def test_request_is_handled_with_its_whole_body() -> None:
    for headers in ([], [("content-length", "10")]):
        request = Request(b"first", b" part", headers=headers)
        answered(request)
        assert (request.status, request.headers["X-Answer"], request.body) == (201, "yes", b"first part")


def test_environment_of_a_request() -> None:
    app = Echo()
    headers = [
        ("content-length", "2"),
        ("content-type", "text/a"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x_a", "3"),
        ("cookie", "b"),
    ]
    scope = {"path": "/café", "query_string": "a=b", "server": "[::1]:80", "client": "[::2]:90", "authority": "x.org"}
    answered(Request(b"{}", headers=headers, scope=scope), app=app)
    expected = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/caf\xc3\xa9",
        "QUERY_STRING": "a=b",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "[::1]",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "::2",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "2",
        "CONTENT_TYPE": "text/a",
        "HTTP_X_A": "1,2",
        "HTTP_COOKIE": "b",
        "HTTP_HOST": "x.org",
    }
    assert app.environ.items() >= expected.items()


@pytest.mark.parametrize("headers", [[("content-length", "1000")], [("transfer-encoding", "chunked")]])
def test_body_that_is_slower_than_the_least_rate_is_refused(
    headers: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "_GRACE", 0.05)
    monkeypatch.setattr(front, "_LEAST_RATE", 10_000.0)
    request = Request(*[b"x"] * 1000, pause=0.01, headers=headers)
    answered(request)
    assert (request.status, request.received < 1000) == (408, True)
    assert b"the body did not arrive" in request.body


class Stalled(Request):
    """A request whose body does not arrive because the process gets no processor time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        time.sleep(0.8)  # noqa: ASYNC251 - stops the event loop
        await asyncio.sleep(PATIENCE)
        yield b""


@pytest.mark.parametrize("headers", [[("content-length", "10")], [("transfer-encoding", "chunked")]])
def test_process_that_was_too_busy_to_receive_a_body_does_not_blame_its_sender(
    headers: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "BODY_DEADLINE", 0.1)
    request = Stalled(headers=headers)
    answered(request)
    assert (request.status, request.headers["Retry-After"]) == (503, "5")
    assert b"too busy" in request.body


def test_large_body_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "BODY_DEADLINE", 0.1)
    request = Request(*[b"x" * 10_000] * 90, pause=0.01, headers=[("content-length", "900000")])
    answered(request)
    assert (request.status, request.received < 900_000) == (408, True)


def test_body_that_is_declared_too_large_is_not_received() -> None:
    app = Echo()
    request = Request(b"x" * 100, headers=[("content-length", str(MAX_BYTES + 1))])
    answered(request, app=app)
    assert (request.received, app.environ["CONTENT_LENGTH"]) == (0, str(MAX_BYTES + 1))


def test_body_that_becomes_too_large_is_received_no_further() -> None:
    app = Echo()
    request = Request(*[b"x" * 100_000] * 40)
    answered(request, app=app)
    assert request.received < MAX_BYTES + 200_000
    assert int(app.environ["CONTENT_LENGTH"]) > MAX_BYTES


def test_large_bodies_share_a_number_of_places_and_small_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "_LARGE_AT_ONCE", 1)
    large = [Request(*[b"x" * 50_000] * 3, pause=0.01) for _ in range(2)]
    small = Request(b"{}", pause=0.02)
    answered(*large, small)
    assert sorted(each.status for each in large) == [201, 503]
    assert small.status == 201
    answered(large[0])
    assert large[0].status == 201


def test_failure_of_the_application_is_a_problem_document() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise SystemExit(3)

    request = Request(b"{}")
    answered(request, app=app)
    assert (request.status, request.headers["Content-Type"]) == (500, "application/problem+json")


def test_requests_that_find_no_place_in_the_queue_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_threads, "MAX_WAIT", PATIENCE)
    requests = [Request(b"{}") for _ in range(20)]
    places = 2 + 2 * 4  # two threads, and four that wait for each
    app = Blocked(until=lambda: sum(each.status == 503 for each in requests) == len(requests) - places)
    answered(*requests, app=app)
    assert app.handled == places
    refused = [each for each in requests if each.status == 503]
    assert all(int(each.headers["Retry-After"]) > 0 for each in refused)
    assert b"too many requests are waiting" in refused[0].body


def test_request_that_has_waited_too_long_is_refused_and_never_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_threads, "MAX_WAIT", 0.5)
    requests = [Request(b"{}") for _ in range(5)]
    app = Blocked(until=lambda: sum(each.status == 503 for each in requests) == 3)
    answered(*requests, app=app)
    assert (app.handled, sorted(each.status for each in requests)) == (2, [200, 200, 503, 503, 503])


def test_probe_is_answered_while_every_thread_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_threads, "MAX_WAIT", PATIENCE)
    probe = Request(b"", pause=0.2, scope={"method": "GET", "path": "/healthz"})  # comes after the others
    webhooks = [Request(b"{}") for _ in range(40)]
    answered(*webhooks, probe, app=Blocked(until=lambda: probe.status))
    assert probe.status == 200


def test_environment_has_the_moment_of_the_arrival() -> None:
    app, before = Echo(), time.monotonic()
    request = Request(b"{", b"}", pause=0.1)
    answered(request, app=app)
    assert before <= app.environ[RECEIVED] <= time.monotonic() - 0.2
