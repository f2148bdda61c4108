"""The webhooks on a real server: chunked, oversized and slow bodies, and the log."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import SECRET, STORE_ID, order
from webhook_kit.testing.processes import PATIENCE, Process, free_port
from webhook_kit.testing.redis_server import RedisServer
from webhook_kit.testing.signer import signed

MEBIBYTE = 1024 * 1024


def web_server(redis: RedisServer, directory: Path, port: int, **env: str) -> Process:
    command = [
        *(sys.executable, "-m", "webhook_kit.cli", "serve"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--threads", "8"),
    ]
    settings = {
        "REDIS_URL": redis.url,
        "KEY_PREFIX": f"t{uuid4().hex}:",
        "GETT_WEBHOOK_SECRETS": SECRET,
        "POS_ADAPTER": "bogus",
        "GETT_STORE_ID": STORE_ID,
        "STORE_OPTIONS": json.dumps({"file": str(directory / "pos.sqlite"), "time_out": 0}),
        "LOG_LEVEL": "DEBUG",
    }
    return Process(command, env=settings | env, cwd=directory)


@pytest.fixture(scope="module")
def web(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, int]]:
    port = free_port()
    with web_server(redis_server, tmp_path_factory.mktemp("web"), port) as process:
        process.wait_http(f"http://127.0.0.1:{port}/healthz")
        yield process, port


def send(
    port: int, path: str, headers: dict[str, str], *pieces: bytes, pause: float = 0.0
) -> tuple[int, dict[str, Any]]:
    """Send these pieces as they are, and read the response, which may arrive before all of them are sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n".encode())
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        response = HTTPResponse(connection)
        response.begin()
        with response:
            return response.status, json.loads(response.read())


def chunks(body: bytes, size: int) -> list[bytes]:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return [*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"]


CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_slow_chunked_body_is_read_to_the_end(pause: float, web: tuple[Process, int]) -> None:
    body = json.dumps(order(padding="x" * 1000)).encode()
    pieces = chunks(body, 100)
    status, response = send(web[1], "/validateOrder", signed(body, SECRET) | CHUNKED, *pieces, pause=pause)
    assert (status, response.get("isValid")) == (200, True), response


def test_large_body_in_pieces_is_read_to_the_end(web: tuple[Process, int]) -> None:
    body = json.dumps(order()).encode().ljust(MEBIBYTE)
    half = len(body) // 2
    headers = signed(body, SECRET) | {"Content-Length": str(len(body))}
    status, response = send(web[1], "/validateOrder", headers, body[:half], body[half:], pause=0.05)
    assert (status, response.get("isValid")) == (200, True), response
    status, response = send(web[1], "/validateOrder", signed(body, SECRET) | CHUNKED, *chunks(body, 65_536))
    assert (status, response.get("isValid")) == (200, True), response


def test_chunked_body_over_the_limit_is_rejected(web: tuple[Process, int]) -> None:
    body = json.dumps(order()).encode().ljust(MEBIBYTE + 1)
    status, response = send(web[1], "/placeOrder", signed(body, SECRET) | CHUNKED, *chunks(body, 65_536))
    assert (status, response["errorCode"]) == (413, "INVALID_REQUEST")


def test_body_with_a_length_over_the_limit_is_rejected_before_it_arrives(web: tuple[Process, int]) -> None:
    status, response = send(web[1], "/placeOrder", {"Content-Length": str(100 * MEBIBYTE)}, b"{")
    assert (status, response["errorCode"]) == (413, "INVALID_REQUEST")


def test_gzip_body_is_rejected_whole_and_chunked(web: tuple[Process, int]) -> None:
    body = json.dumps(order()).encode()
    headers = signed(body, SECRET) | {"Content-Encoding": "gzip"}
    ways = {"whole": ({"Content-Length": str(len(body))}, [body]), "chunked": (CHUNKED, chunks(body, 50))}
    for way, (framing, pieces) in ways.items():
        status, response = send(web[1], "/validateOrder", headers | framing, *pieces)
        assert (status, response["errorCode"]) == (415, "INVALID_REQUEST"), way


def test_unsigned_chunked_body_is_unauthenticated(web: tuple[Process, int]) -> None:
    status, response = send(web[1], "/placeOrder", CHUNKED, *chunks(b"{}", 1))
    assert (status, response["errorCode"]) == (401, "UNAUTHENTICATED")


PRIVATE = ("tok_4242", "ann@example.test", "+15550100", "Hidden Lane", SECRET)


def test_debug_log_contains_no_customer_card_or_secret(web: tuple[Process, int]) -> None:
    process, port = web
    private = {
        "customer": {"email": "ann@example.test", "phone": "+15550100"},
        "payment": {"type": "cardOnFile", "cardToken": "tok_4242", "processorType": "p"},
        "deliveryInfo": {"address": {"address1": "Hidden Lane"}},
    }
    prices = {
        "cola": 2.75,
        "unicorn": 1.00,
        "payment-declined": 5.01,
        "times-out": 5.03,
        "crashes": 5.04,
        "nonsense": 5.05,
    }
    bodies = [order(item, amounts={"total": price}, **private) for item, price in prices.items()]
    bodies.append(order(**private) | {"cart": "ann@example.test"})
    for body in (json.dumps(one).encode() for one in bodies):
        for path in ("/validateOrder", "/placeOrder"):
            for headers in (signed(body, SECRET, key=str(uuid4())), signed(body, "wrong", key=str(uuid4()))):
                send(port, path, headers | {"Content-Length": str(len(body))}, body)
    process.wait_until(
        lambda: process.output().count('"event": "webhook_answered"') >= 4 * len(bodies),
        message="every line of the log",
    )
    output = process.output()
    assert "Traceback" in output
    assert not [text for text in PRIVATE if text in output]


def test_server_without_authentication_does_not_start(redis_server: RedisServer, tmp_path: Path) -> None:
    with web_server(redis_server, tmp_path, free_port(), GETT_WEBHOOK_SECRETS="") as process:
        process.wait_until(lambda: "GETT_WEBHOOK_SECRETS is not set" in process.output(), message="the reason")
        assert process.wait() != 0


def test_server_that_accepts_unsigned_webhooks_logs_it_at_start(redis_server: RedisServer, tmp_path: Path) -> None:
    port = free_port()
    allowed = {"GETT_WEBHOOK_SECRETS": "", "ALLOW_UNSIGNED_WEBHOOKS": "true"}
    with web_server(redis_server, tmp_path, port, **allowed) as process:
        process.wait_http(f"http://127.0.0.1:{port}/healthz")
        assert "unsigned_webhooks_allowed" in process.output()
        body = json.dumps(order()).encode()
        status, response = send(port, "/validateOrder", {"Content-Length": str(len(body))}, body)
        assert (status, response["isValid"]) == (200, True)
