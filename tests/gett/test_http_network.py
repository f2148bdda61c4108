from __future__ import annotations

import gzip
import os
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from urllib3 import PoolManager, Timeout

from tests.gett.fake_gett import KEY, FakeGett
from tests.tcp_server import FakeServer, Serve, over_tls, responding
from webhook_kit import errors
from webhook_kit.gett.client import GettClient


def test_refused_connection_raises_unreachable() -> None:
    with pytest.raises(errors.GettUnreachable, match=r"GET stores: no response \(NewConnectionError\)") as caught:
        GettClient("http://127.0.0.1:1", KEY).stores()
    assert caught.value.status is None
    assert KEY not in str(caught.value)


def test_closed_connection_is_not_retried(gett: FakeGett, client: GettClient) -> None:
    gett.close_connections = True
    with pytest.raises(errors.GettUnreachable):
        client.stores()
    assert len(gett.received) == 1


def test_read_timeout_raises_unreachable(gett: FakeGett) -> None:
    gett.silent = True
    with pytest.raises(errors.GettUnreachable, match="ReadTimeout"):
        GettClient(gett.url, KEY, read_timeout=0.05).stores()


def test_both_timeouts_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[object] = []

    def refuse(*_: object, timeout: Timeout, **__: object) -> None:
        used.append((timeout.connect_timeout, timeout.read_timeout))
        raise ConnectionError

    monkeypatch.setattr(PoolManager, "urlopen", refuse)
    for client in (
        GettClient("http://127.0.0.1:1", KEY),
        GettClient("http://127.0.0.1:1", KEY, connect_timeout=1, read_timeout=2),
    ):
        with pytest.raises(errors.GettUnreachable):
            client.stores()
    assert used == [(3.05, 10.0), (1, 2)]


def test_errors_are_not_retried_and_redirects_not_followed(gett: FakeGett, client: GettClient) -> None:
    for status in (503, 429, 307):
        gett.problem(status)
        gett.headers = {"Location": f"{gett.url}/elsewhere", "Retry-After": "0"}
        gett.received.clear()
        with pytest.raises(errors.GettError):
            client.stores()
        assert [received.path for received in gett.received] == ["/v1/commerce/stores"]


def test_one_connection_per_thread_and_process(
    gett: FakeGett, client: GettClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gett.body = b"[]"
    client.stores()
    client.stores()
    thread = threading.Thread(target=client.stores)
    thread.start()
    thread.join()
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    client.stores()
    first, again, in_thread, in_child = (received.connection for received in gett.received)
    assert first == again
    assert len({first, in_thread, in_child}) == 3


def test_netrc_does_not_replace_the_key(
    gett: FakeGett, client: GettClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    gett.body = b"[]"
    client.stores()
    assert gett.received[0].headers["Authorization"] == f"Bearer {KEY}"


def test_cookies_are_not_kept(gett: FakeGett, client: GettClient) -> None:
    gett.body, gett.headers = b"[]", {"Set-Cookie": "a=b"}
    client.stores()
    client.stores()
    assert gett.received[1].headers["Cookie"] is None


def test_compressed_response_is_read(gett: FakeGett, client: GettClient) -> None:
    gett.body, gett.headers = gzip.compress(b"[]"), {"Content-Encoding": "gzip"}
    assert client.stores() == []


@pytest.mark.parametrize(
    ("prefix", "credentials"), [("http://user:word@", f"Basic {b64encode(b'user:word').decode()}"), ("", None)]
)
def test_proxy_of_the_environment_is_used(
    gett: FakeGett, prefix: str, credentials: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gett.body = b"[]"
    monkeypatch.setenv("no_proxy", "other.example")
    monkeypatch.setenv("http_proxy", prefix + gett.url.removeprefix("http://"))
    GettClient("http://gett.example", KEY).stores()
    (received,) = gett.received
    assert received.path == "http://gett.example/v1/commerce/stores"
    assert received.headers["Proxy-Authorization"] == credentials


def test_proxy_is_not_used_for_an_excluded_host(
    gett: FakeGett, client: GettClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gett.body = b"[]"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client.stores()
    assert len(gett.received) == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_certificate_is_verified(
    trusted: bool, certificate: Path, start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")))
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
    url = start_server(over_tls(certificate, responding(response))).url.replace("http:", "https:")
    if trusted:
        assert GettClient(url, KEY).stores() == []
        return
    with pytest.raises(errors.GettUnreachable, match="SSLError"):
        GettClient(url, KEY).stores()
