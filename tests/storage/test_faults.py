"""A connection that fails names its cause: the certificate, a port without TLS, a port with TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from webhook_kit.settings import Settings, TlsVerify
from webhook_kit.storage.connection import connect
from webhook_kit.storage.faults import RedisFault, describe, fault
from webhook_kit.testing.processes import free_port
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, no_encryption = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(
        made.public_bytes(encoding) + key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_encryption)
    )
    return file


@pytest.fixture(scope="module")
def tls_port(certificate: Path, webhook_kit_redis_server: RedisServer) -> Iterator[int]:
    """Port that serves the Redis of the tests with TLS, as a provider's does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                target.sendall(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        try:
            secured = context.wrap_socket(client, server_side=True)
        except OSError:
            client.close()
            return
        with secured, socket.create_connection(("127.0.0.1", webhook_kit_redis_server.port)) as server:
            upward = threading.Thread(target=copy, args=(secured, server), daemon=True)
            upward.start()
            copy(server, secured)
            upward.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def found(url: str, **settings: object) -> redis.RedisError:
    with pytest.raises(redis.RedisError) as caught:
        connect(Settings(redis_url=url, **settings)).ping()
    return caught.value


def test_self_signed_certificate_names_the_setting_that_accepts_it(tls_port: int) -> None:
    url = f"rediss://localhost:{tls_port}/0"
    error = found(url, redis_timeout=30)
    assert fault(error) is RedisFault.CERTIFICATE
    assert "set REDIS_TLS_VERIFY=none if it is self-signed" in describe(error)
    with connect(Settings(redis_url=url, redis_tls_verify=TlsVerify.NONE, redis_timeout=30)) as unverified:
        assert unverified.ping()


def test_port_with_tls_and_a_url_without(tls_port: int) -> None:
    error = found(f"redis://localhost:{tls_port}/0", redis_timeout=30)
    assert fault(error) is RedisFault.CLOSED
    assert "if its port expects TLS, write rediss://" in describe(error)


def test_port_without_tls_and_a_url_with(webhook_kit_redis_server: RedisServer) -> None:
    error = found(f"rediss://localhost:{webhook_kit_redis_server.port}/0", redis_timeout=0.5)
    assert fault(error) is RedisFault.NO_TLS
    assert "write redis:// for rediss://" in describe(error)


def test_nothing_at_the_port() -> None:
    assert fault(found(f"redis://127.0.0.1:{free_port()}/0")) is RedisFault.NOT_REACHABLE
