"""HTTP session of adapters: NotPlaced is raised exactly when nothing can have been sent; other errors are passed on."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.tcp_server import OK, FakeServer, Serve, over_tls, responding, silent
from webhook_kit.errors import NotPlaced
from webhook_kit.pos.session import PosSession, call_deadline, current_session
from webhook_kit.testing.processes import free_port


@pytest.fixture
def http() -> Iterator[PosSession]:
    """Session within a call that has enough time."""
    with call_deadline(30):
        session = current_session()
        session.trust_env = False
        yield session


def redirect(url: str, status: str) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def refused_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


# -- nothing was sent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_refused_connection_raises_not_placed(method: str, http: PosSession) -> None:
    with pytest.raises(NotPlaced, match="no connection to the POS"):
        http.request(method, refused_url())


def test_unknown_host_raises_not_placed(http: PosSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_lookup(*_: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail_lookup)
    with pytest.raises(NotPlaced):
        http.post("http://pos.example.test/orders", json={})


def test_connect_timeout_raises_not_placed(http: PosSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", time_out)
    with pytest.raises(NotPlaced, match="ConnectTimeout"):
        http.post("http://127.0.0.1:9/orders", json={})


def test_server_without_tls_raises_not_placed(http: PosSession, start_server: Callable[[Serve], FakeServer]) -> None:
    plain = start_server(responding(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(NotPlaced, match="SSLError"):
        http.post(plain.url.replace("http:", "https:"), json={})


def test_prepared_request_raises_not_placed_too(http: PosSession) -> None:
    with pytest.raises(NotPlaced):
        http.send(requests.Request("POST", refused_url()).prepare())


def test_refused_connection_after_a_read_raises_not_placed(
    http: PosSession, start_server: Callable[[Serve], FakeServer]
) -> None:
    assert http.get(start_server(responding(OK)).url).text == "ok"
    with pytest.raises(NotPlaced):
        http.post(refused_url(), json={})


# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_untrusted_certificate_raises_not_placed(
    http: PosSession, start_server: Callable[[Serve], FakeServer], certificate: Path
) -> None:
    server = start_server(over_tls(certificate, responding(OK)))
    with pytest.raises(NotPlaced, match="SSLError"):
        http.post(server.url.replace("http:", "https:"), json={})


def test_tls_error_after_the_request_is_passed_on(
    http: PosSession, start_server: Callable[[Serve], FakeServer], certificate: Path
) -> None:
    received: list[bytes] = []

    def garble(connection: socket.socket) -> None:
        received.append(connection.recv(65_536))
        # Send bytes below the encryption that are not a TLS record.
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.sendall(b"not a TLS record" * 10)
            while raw.recv(65_536):  # unread bytes might reset the connection before the client reads
                pass

    server = start_server(over_tls(certificate, garble))
    with pytest.raises(requests.exceptions.SSLError):
        http.post(server.url.replace("http:", "https:"), json={}, verify=str(certificate.with_suffix(".crt")))
    assert received[0].startswith(b"POST")


# -- something may have been sent --------------------------------------------------------------------------------------


def test_connection_closed_without_a_response_is_passed_on(
    http: PosSession, start_server: Callable[[Serve], FakeServer]
) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(start_server(responding(b"")).url, json={})


def test_read_timeout_is_passed_on(http: PosSession, start_server: Callable[[Serve], FakeServer]) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        http.post(start_server(silent).url, json={}, timeout=0.1)


@pytest.mark.parametrize("response", [OK, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"])
def test_refused_connection_after_a_write_is_passed_on(
    response: bytes, http: PosSession, start_server: Callable[[Serve], FakeServer]
) -> None:
    http.post(start_server(responding(response)).url, json={})
    for method in ("POST", "GET"):
        with pytest.raises(requests.exceptions.ConnectionError):
            http.request(method, refused_url())


def test_refused_connection_after_a_write_without_a_response_is_passed_on(
    http: PosSession, start_server: Callable[[Serve], FakeServer]
) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(start_server(responding(b"")).url, json={})
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(refused_url(), json={})


@pytest.mark.parametrize("status", ["303", "302", "307"])
def test_redirect_to_a_refused_connection_after_a_write_is_passed_on(
    status: str, http: PosSession, start_server: Callable[[Serve], FakeServer]
) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(start_server(responding(redirect(refused_url(), status))).url, json={})


def test_next_call_has_sent_nothing(start_server: Callable[[Serve], FakeServer]) -> None:
    with call_deadline(30):
        current_session().post(start_server(responding(OK)).url, json={})
    with call_deadline(30), pytest.raises(NotPlaced):
        current_session().post(refused_url(), json={})


# -- deadlines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [None, 60, (60, 60), (None, 60), (60, None), (None, None)])
def test_timeouts_are_limited_by_the_deadline(timeout: object) -> None:
    with call_deadline(1.5):
        connect, read = current_session().timeouts(timeout)
    assert 0 < connect <= 1.5
    assert 0 < read <= 1.5


def test_shorter_timeouts_stay_and_there_are_defaults() -> None:
    session = PosSession()
    assert session.timeouts((0.1, 0.2)) == (0.1, 0.2)
    assert session.timeouts(7) == (3.05, 7)
    assert session.timeouts(None) == (3.05, 30.0)


def test_call_to_a_silent_pos_ends_at_its_deadline(start_server: Callable[[Serve], FakeServer]) -> None:
    started = time.monotonic()
    with call_deadline(0.2), pytest.raises(requests.exceptions.ReadTimeout):
        current_session().post(start_server(silent).url, json={})
    assert time.monotonic() - started < 29, "30 s without a deadline"


def test_nothing_is_sent_after_the_deadline(start_server: Callable[[Serve], FakeServer]) -> None:
    server = start_server(responding(OK, OK))
    with call_deadline(0):
        with pytest.raises(NotPlaced, match="deadline"):
            current_session().post(server.url)
        current_session().may_have_written = True
        with pytest.raises(requests.exceptions.Timeout, match="deadline"):
            current_session().post(server.url)


# -- separation of calls -----------------------------------------------------------------------------------------------


def test_cookies_are_not_sent_with_another_call(start_server: Callable[[Serve], FakeServer]) -> None:
    received: list[bytes] = []

    def record_requests(connection: socket.socket) -> None:
        while request := connection.recv(65_536):
            received.append(request)
            connection.sendall(OK)

    server = start_server(record_requests)
    for _ in range(2):
        with call_deadline(30):
            current_session().get(server.url)
    assert len(received) == 2
    assert b"who=me" not in received[1]


def test_each_thread_has_its_own_session() -> None:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(current_session).result()
    assert other is not current_session()
    assert current_session() is current_session()
