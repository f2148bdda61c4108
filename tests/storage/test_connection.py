"""Connections to Redis: TLS, pool size, timeouts, and no password in a message."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect, text
from webhook_kit.testing.processes import PATIENCE, free_port
from webhook_kit.testing.redis_server import RedisServer


def client(url: str, *, timeout: float | None = None, **settings: Any) -> redis.Redis:
    return connect(Settings(redis_url=url, **settings), timeout=timeout)


@pytest.fixture(scope="module")
def tls_port(webhook_kit_redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a TLS proxy with a self-signed certificate, in front of the real Redis."""
    key = tmp_path_factory.mktemp("redis-tls") / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=redis"]
    try:
        subprocess.run(
            [*command, "-keyout", str(key), "-out", str(key.with_suffix(".crt"))],
            check=True,
            capture_output=True,
            timeout=4 * PATIENCE,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed; it makes the certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(key.with_suffix(".crt"), key)
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                incoming, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=relay, args=(incoming,), daemon=True).start()

    def relay(incoming: socket.socket) -> None:
        with (
            incoming,
            suppress(OSError),
            context.wrap_socket(incoming, server_side=True) as encrypted,
            socket.create_connection(("127.0.0.1", webhook_kit_redis_server.port)) as plain,
        ):
            peers: dict[Any, Any] = {encrypted: plain, plain: encrypted}
            while True:
                ready = [encrypted] if encrypted.pending() else select.select(list(peers), [], [])[0]
                for one in ready:
                    if not (data := one.recv(65_536)):
                        return
                    peers[one].sendall(data)

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()[1]
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_self_signed_certificate_is_accepted_without_verification(tls_port: int) -> None:
    with client(f"rediss://127.0.0.1:{tls_port}/0", redis_tls_verify="none") as encrypted:
        assert encrypted.ping()
        assert encrypted.set("tls", "yes")
        assert text(encrypted.get("tls")) == "yes"
        encrypted.connection_pool.disconnect()


def test_self_signed_certificate_is_refused_by_default(tls_port: int) -> None:
    with (
        client(f"rediss://127.0.0.1:{tls_port}/0") as verified,
        pytest.raises(redis.ConnectionError, match="certificate"),
    ):
        verified.ping()


def test_host_name_is_verified_by_default(tls_port: int) -> None:
    with client(f"rediss://localhost:{tls_port}/0") as verified:
        options = verified.connection_pool.connection_kwargs
        assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == (ssl.CERT_REQUIRED, True)


def test_unreachable_redis_raises_without_the_password() -> None:
    with client(f"redis://user:topsecret@127.0.0.1:{free_port()}/0") as client_:
        with pytest.raises(redis.ConnectionError) as caught:
            client_.ping()
        assert "topsecret" not in str(caught.value)


def test_silent_redis_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with client(url, redis_timeout=0.1) as client_, pytest.raises(redis.TimeoutError):
            client_.ping()


def test_connect_opens_no_connection() -> None:
    client(f"redis://127.0.0.1:{free_port()}/0")


def test_threads_wait_for_a_free_connection(webhook_kit_redis_server: RedisServer) -> None:
    with client(webhook_kit_redis_server.url, redis_max_connections=2) as shared, ThreadPoolExecutor(8) as pool:
        before = int(shared.info("clients")["connected_clients"])
        assert all(pool.map(lambda _: shared.ping(), range(200)))
        assert int(shared.info("clients")["connected_clients"]) <= before + 1
        shared.connection_pool.disconnect()


def test_unix_socket_is_supported(tmp_path: Path) -> None:
    with client(f"unix://{tmp_path}/no.sock") as client_, pytest.raises(redis.ConnectionError):
        client_.ping()


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:topsecret@host:port",
        "redis://host:99999/0",
        "redis://[host",
        "redis://user:topsecret@host/0?socket_timeout=soon",
        "redis://user:topsecret@host/0?unknown_option=1",
        "rediss://user:top#secret@host:1",
    ],
)
def test_invalid_url_is_one_mistake_without_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(Settings.model_construct(redis_url=url))  # as if the settings had not refused it
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("REDIS_URL: cannot be read")
    assert "secret" not in mistake


@pytest.mark.parametrize(("reply", "expected"), [(b"\xc3\xa9", "é"), ("x", "x"), (None, ""), (7, "7"), (b"", "")])
def test_replies_are_converted_to_text(reply: object, expected: str) -> None:
    assert text(reply) == expected
