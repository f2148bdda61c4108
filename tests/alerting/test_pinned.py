"""Calls to typed addresses: private ones are refused, the checked one is called, and every call ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.alerting.receiver import receiving
from tests.tcp_server import FakeServer, Serve, trickling
from webhook_kit.alert_fields import is_public
from webhook_kit.alerting import pinned
from webhook_kit.alerting.pinned import DeliveryFailed, post

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "nonsense"),
    *("64:ff9b:1::a00:1", "::ffff:0:10.0.0.1", "fec0::1"),
    "2001:0:102:304:0:0:80ff:fffe",  # Teredo, of the client 127.0.0.1
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_recognised(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_recognised(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("found", [["10.0.0.1"], ["8.8.8.8", "::ffff:10.0.0.1"], ["169.254.169.254"]])
def test_a_name_with_a_private_address_is_refused(found: list[str]) -> None:
    with pytest.raises(DeliveryFailed, match="private address"):
        post("https://hooks.example/x", b"{}", {}, allow_private=False, resolve=lambda _host, _port: found)


def test_a_name_is_looked_up_once_so_that_a_second_answer_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name's first address is public, its second one private: rebinding."""
    with receiving() as receiver:
        answers = iter([["127.0.0.1"], ["127.0.0.2"]])
        asked: list[str] = []

        def rebinding(host: str, _port: int) -> list[str]:
            asked.append(host)
            return next(answers)

        # Stand-in for a public address: what matters is that the address that was checked is the one that is called.
        checked: list[str] = []

        def check(address: str) -> bool:
            checked.append(address)
            return True

        monkeypatch.setattr(pinned, "is_public", check)
        monkeypatch.setattr("socket.getaddrinfo", _only_numbers)
        url = f"http://hooks.example:{receiver.port}/hook?sig=1"
        post(url, b"{}", {}, allow_private=False, resolve=rebinding)
        assert (asked, checked) == (["hooks.example"], ["127.0.0.1"])
        (request,) = receiver.received
        assert (request.path, request.headers["host"]) == ("/hook?sig=1", f"hooks.example:{receiver.port}")
        monkeypatch.setattr(pinned, "is_public", is_public)
        with pytest.raises(DeliveryFailed, match="private address"):
            post(url, b"{}", {}, allow_private=False, resolve=rebinding)
        assert len(receiver.received) == 1


def _only_numbers(host: str, port: int, *arguments: object, **options: object) -> list[object]:
    assert host == "127.0.0.1", f"{host} was looked up again"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


def test_the_certificate_is_verified_for_the_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is for the name ``localhost`` no more than for 127.0.0.1: it names the address alone."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")))
    with receiving(certificate=certificate) as receiver:
        post(receiver.url, b"{}", {}, allow_private=True)
        other = f"https://other.example:{receiver.port}/"
        with pytest.raises(DeliveryFailed, match="SSLError"):
            post(other, b"{}", {}, allow_private=True, resolve=lambda _host, _port: ["127.0.0.1"])
        assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as target, receiving(status) as receiver:
        receiver.headers["Location"] = target.url
        with pytest.raises(DeliveryFailed, match=f"answered {status}"):
            post(receiver.url, b"{}", {}, allow_private=True)
        assert not target.received


@pytest.mark.parametrize(
    "begin",
    [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 500 Oops\r\nContent-Length: 100000000\r\n\r\n"],
    ids=["head", "body"],
)
def test_an_answer_that_trickles_ends(
    begin: bytes, start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned, "_SECONDS", 0.5)
    server, began = start_server(trickling(begin)), time.monotonic()
    with pytest.raises(DeliveryFailed):
        post(server.url, b"{}", {}, allow_private=True)
    assert time.monotonic() - began < 60


def test_an_answer_without_end_is_not_read(start_server: Callable[[Serve], FakeServer]) -> None:
    def endless(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 500 Oops\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with pytest.raises(DeliveryFailed, match="answered 500"):
        post(start_server(endless).url, b"{}", {}, allow_private=True)


def test_a_channel_says_when_to_try_again_and_no_secret_is_told() -> None:
    with receiving(429, b"rate_limited") as receiver:
        receiver.headers["Retry-After"] = "30"
        with pytest.raises(DeliveryFailed) as failed:
            post(receiver.url, b"{}", {}, allow_private=True)
    assert failed.value.retry_after == 30
    assert str(failed.value) == "127.0.0.1 answered 429 rate_limited"
    with receiving(404, b"there is no hook secret") as receiver, pytest.raises(DeliveryFailed) as failed:
        post(receiver.url, b"{}", {}, allow_private=True)
    assert str(failed.value) == "127.0.0.1 answered 404"
