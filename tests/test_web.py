"""Calls over HTTP end at their deadline, and their answers are bounded."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from urllib3.exceptions import ReadTimeoutError

from tests.tcp_server import OK, FakeServer, Serve, over_tls, responding, silent, trickling
from webhook_kit.errors import NotPlaced
from webhook_kit.gett.http import ApiCall, HttpTransport
from webhook_kit.pos.session import call_deadline, current_session
from webhook_kit.web import AnswerTooLarge, bounded_session, deadline, fetch

Start = Callable[[Serve], FakeServer]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
SLOW: dict[str, Serve] = {
    "nothing": silent,
    "a head that trickles": trickling(HEAD + b"X-More: "),
    "a body that trickles": trickling(HEAD + b"\r\n"),
    "a long body that trickles": trickling(HEAD + b"Content-Length: 100000\r\n\r\n"),
    "chunks that trickle": trickling(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
}
LONG = 60.0
"""Seconds that no call may take, on a busy machine either."""


@pytest.mark.parametrize("answer", SLOW)
def test_call_ends_at_its_deadline(answer: str, start_server: Start) -> None:
    started = time.monotonic()
    with pytest.raises(requests.RequestException):
        fetch("GET", start_server(SLOW[answer]).url, seconds=0.3, limit=1_000_000)
    assert 0.2 < time.monotonic() - started < LONG


@pytest.mark.parametrize("answer", SLOW)
def test_call_over_tls_ends_at_its_deadline(answer: str, start_server: Start, certificate: Path) -> None:
    url = start_server(over_tls(certificate, SLOW[answer])).url.replace("http:", "https:")
    started = time.monotonic()
    with pytest.raises(requests.RequestException), deadline(1), bounded_session(1_000_000) as session:
        session.get(url, verify=str(certificate.with_suffix(".crt")))
    assert time.monotonic() - started < LONG


def test_tls_handshake_ends_at_the_deadline(start_server: Start) -> None:
    url = start_server(trickling(b"\x16\x03\x03\x3f\xff")).url.replace("http:", "https:")
    started = time.monotonic()
    with pytest.raises(requests.RequestException):
        fetch("GET", url, seconds=0.3, limit=10)
    assert time.monotonic() - started < LONG


def test_time_outs_of_one_call_do_not_last(start_server: Start) -> None:
    server = start_server(responding(OK, OK))
    with bounded_session(10) as session:
        with deadline(20):
            assert session.get(server.url).text == "ok"
        assert session.get(server.url).text == "ok"


def test_inner_deadline_is_no_later_than_the_outer_one(start_server: Start) -> None:
    started = time.monotonic()
    with deadline(0.2), pytest.raises(requests.RequestException):
        fetch("GET", start_server(silent).url, seconds=LONG, limit=10)
    assert time.monotonic() - started < LONG


def test_nothing_is_sent_when_no_time_is_left() -> None:
    with pytest.raises(requests.Timeout):
        fetch("GET", "http://127.0.0.1:1", seconds=0, limit=10)


def compressed(size: int) -> bytes:
    body = gzip.compress(b"0" * size)
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "answer", [compressed(5_000_000), HEAD + b"Content-Length: 5000000\r\n\r\n" + b"0" * 5_000_000]
)
def test_answer_is_bounded_after_decompression(answer: bytes, start_server: Start) -> None:
    server = start_server(responding(answer))
    with pytest.raises(AnswerTooLarge, match="more than 1000000 bytes"):
        fetch("GET", server.url, seconds=LONG, limit=1_000_000)
    assert len(fetch("GET", server.url, seconds=LONG, limit=5_000_000).content) == 5_000_000


@pytest.mark.parametrize("follow", [False, True])
def test_redirect_is_followed_only_on_demand(follow: bool, start_server: Start) -> None:
    target = start_server(responding(OK))
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {target.url}\r\nContent-Length: 0\r\n\r\n".encode()
    response = fetch("GET", start_server(responding(moved)).url, seconds=LONG, limit=10, follow=follow)
    assert response.status_code == (200 if follow else 307)


# -- Gett and the POS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["nothing", "a head that trickles"])
def test_call_to_gett_ends_without_an_answer(answer: str, start_server: Start) -> None:
    transport = HttpTransport(connect_timeout=0.2, read_timeout=0.3)
    started = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        transport.send(ApiCall("GET", start_server(SLOW[answer]).url, {}))
    assert time.monotonic() - started < LONG


@pytest.mark.parametrize("answer", [SLOW["a body that trickles"], responding(compressed(20_000_000))])
def test_status_of_gett_counts_without_a_usable_body(answer: Serve, start_server: Start) -> None:
    transport = HttpTransport(connect_timeout=3, read_timeout=30 if answer not in SLOW.values() else 1)
    response = transport.send(ApiCall("GET", start_server(answer).url, {}))
    assert (response.status, response.body) == (200, b"")


@pytest.mark.parametrize("answer", SLOW)
def test_call_to_a_pos_ends_at_its_deadline(answer: str, start_server: Start) -> None:
    started = time.monotonic()
    with call_deadline(0.5), pytest.raises(requests.RequestException) as caught:
        current_session().post(start_server(SLOW[answer]).url, json={})
    assert not isinstance(caught.value, NotPlaced)
    assert time.monotonic() - started < LONG


def test_answer_of_a_pos_is_bounded(start_server: Start) -> None:
    server = start_server(responding(compressed(70_000_000)))
    with call_deadline(LONG), pytest.raises(AnswerTooLarge):
        current_session().get(server.url)
