"""NotPlaced says exactly that nothing can have been sent; everything else stays what requests made of it."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from webhook_kit.errors import NotPlaced
from webhook_kit.pos.session import PosSession, call_deadline, current_session
from webhook_kit.testing.processes import PATIENCE, free_port

Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: who=me\r\n\r\nok"


class Pos:
    """A server of a few lines: each connection is handed to what the test wants of it."""

    def __init__(self, serve: Serve) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.heard: list[bytes] = []
        self._serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._serve(connection)

    def close(self) -> None:
        # Closing alone leaves the thread in accept().
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def pos() -> Iterator[Callable[[Serve], Pos]]:
    made: list[Pos] = []

    def make(serve: Serve) -> Pos:
        made.append(Pos(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def http() -> Iterator[PosSession]:
    """The session of a call with plenty of time."""
    with call_deadline(30):
        session = current_session()
        session.trust_env = False
        yield session


def answer(*replies: bytes) -> Serve:
    """One reply for each request of a connection, then its end."""

    def serve(connection: socket.socket) -> None:
        for reply in replies:
            if not connection.recv(65_536):
                return
            connection.sendall(reply)

    return serve


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def redirect(url: str, status: str) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


# -- nothing can have been sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_refused_connection_placed_nothing(method: str, http: PosSession) -> None:
    with pytest.raises(NotPlaced, match="no connection to the POS"):
        http.request(method, nowhere())


def test_a_name_that_nobody_knows_placed_nothing(http: PosSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotPlaced):
        http.post("http://pos.example.test/orders", json={})


def test_a_connection_that_does_not_come_about_in_time_placed_nothing(
    http: PosSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    with pytest.raises(NotPlaced, match="ConnectTimeout"):
        http.post("http://127.0.0.1:9/orders", json={})


def test_a_server_that_speaks_no_tls_was_sent_nothing(http: PosSession, pos: Callable[[Serve], Pos]) -> None:
    plain = pos(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(NotPlaced, match="SSLError"):
        http.post(plain.url.replace("http:", "https:"), json={})


def test_a_prepared_request_is_judged_the_same(http: PosSession) -> None:
    with pytest.raises(NotPlaced):
        http.send(requests.Request("POST", nowhere()).prepare())


def test_after_reading_alone_a_failed_connection_still_placed_nothing(
    http: PosSession, pos: Callable[[Serve], Pos]
) -> None:
    assert http.get(pos(answer(OK)).url).text == "ok"
    with pytest.raises(NotPlaced):
        http.post(nowhere(), json={})


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key in one file."""
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made), "-out", str(made.with_suffix(".crt"))]
    try:
        subprocess.run([*openssl, *extra], check=True, capture_output=True, timeout=4 * PATIENCE)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    made.write_text(made.read_text() + made.with_suffix(".crt").read_text())
    return made


def over_tls(certificate: Path, serve: Serve) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            serve(encrypted)

    return wrapped


def test_a_certificate_that_is_not_trusted_was_sent_nothing(
    http: PosSession, pos: Callable[[Serve], Pos], certificate: Path
) -> None:
    server = pos(over_tls(certificate, answer(OK)))
    with pytest.raises(NotPlaced, match="SSLError"):
        http.post(server.url.replace("http:", "https:"), json={})


def test_tls_that_breaks_after_the_request_was_sent_is_no_proof_of_anything(
    http: PosSession, pos: Callable[[Serve], Pos], certificate: Path
) -> None:
    heard: list[bytes] = []

    def garble(connection: socket.socket) -> None:
        heard.append(connection.recv(65_536))
        # What is no TLS record goes onto the wire below the encryption.
        with socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.sendall(b"this is no TLS record" * 10)
            while raw.recv(65_536):  # what is closed unread might reset the connection before that is read
                pass

    server = pos(over_tls(certificate, garble))
    with pytest.raises(requests.exceptions.SSLError):
        http.post(server.url.replace("http:", "https:"), json={}, verify=str(certificate.with_suffix(".crt")))
    assert heard[0].startswith(b"POST")


# -- something may have been sent --------------------------------------------------------------------------------------


def test_a_connection_closed_without_an_answer_is_no_proof(http: PosSession, pos: Callable[[Serve], Pos]) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(pos(answer(b"")).url, json={})


def test_an_answer_that_does_not_come_in_time_is_requests_own_exception(
    http: PosSession, pos: Callable[[Serve], Pos]
) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        http.post(pos(silent).url, json={}, timeout=0.1)


@pytest.mark.parametrize("reply", [OK, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"])
def test_after_a_write_a_failed_connection_proves_nothing_any_more(
    reply: bytes, http: PosSession, pos: Callable[[Serve], Pos]
) -> None:
    http.post(pos(answer(reply)).url, json={})
    for method in ("POST", "GET"):
        with pytest.raises(requests.exceptions.ConnectionError):
            http.request(method, nowhere())


def test_after_a_write_whose_answer_was_lost_a_failed_connection_proves_nothing(
    http: PosSession, pos: Callable[[Serve], Pos]
) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(pos(answer(b"")).url, json={})
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(nowhere(), json={})


@pytest.mark.parametrize("status", ["303", "302", "307"])
def test_a_redirect_that_leads_nowhere_does_not_unsay_the_write_before_it(
    status: str, http: PosSession, pos: Callable[[Serve], Pos]
) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        http.post(pos(answer(redirect(nowhere(), status))).url, json={})


def test_the_next_call_starts_afresh(pos: Callable[[Serve], Pos]) -> None:
    with call_deadline(30):
        current_session().post(pos(answer(OK)).url, json={})
    with call_deadline(30), pytest.raises(NotPlaced):
        current_session().post(nowhere(), json={})


# -- deadlines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [None, 60, (60, 60), (None, 60), (60, None), (None, None)])
def test_no_time_out_exceeds_what_is_left_of_the_deadline(wanted: object) -> None:
    with call_deadline(1.5):
        connect, read = current_session().timeouts(wanted)
    assert 0 < connect <= 1.5
    assert 0 < read <= 1.5


def test_shorter_time_outs_are_left_alone_and_there_always_are_some() -> None:
    session = PosSession()
    assert session.timeouts((0.1, 0.2)) == (0.1, 0.2)
    assert session.timeouts(7) == (3.05, 7)
    assert session.timeouts(None) == (3.05, 30.0)


def test_a_silent_pos_holds_a_call_no_longer_than_its_deadline(pos: Callable[[Serve], Pos]) -> None:
    started = time.monotonic()
    with call_deadline(0.2), pytest.raises(requests.exceptions.ReadTimeout):
        current_session().post(pos(silent).url, json={})
    assert time.monotonic() - started < 29, "without a deadline it would have been 30 s"


def test_after_the_deadline_nothing_is_sent_any_more(pos: Callable[[Serve], Pos]) -> None:
    server = pos(answer(OK, OK))
    with call_deadline(0):
        with pytest.raises(NotPlaced, match="deadline"):
            current_session().post(server.url)
        current_session().may_have_written = True
        with pytest.raises(requests.exceptions.Timeout, match="deadline"):
            current_session().post(server.url)


# -- what sessions share -----------------------------------------------------------------------------------------------


def test_no_cookie_travels_with_another_call(pos: Callable[[Serve], Pos]) -> None:
    heard: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        while request := connection.recv(65_536):
            heard.append(request)
            connection.sendall(OK)

    server = pos(listen)
    for _ in range(2):
        with call_deadline(30):
            current_session().get(server.url)
    assert len(heard) == 2
    assert b"who=me" not in heard[1]


def test_each_thread_has_a_session_of_its_own() -> None:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(current_session).result()
    assert other is not current_session()
    assert current_session() is current_session()
