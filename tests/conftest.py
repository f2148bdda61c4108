"""Fixtures for all tests: a kit on a real Redis with its own key prefix and fake POS, and its log events."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import structlog
from playwright.sync_api import Browser
from structlog.testing import capture_logs

from tests.postgres_server import PostgresServer
from tests.process_marker import starts_process
from tests.redis_cluster import KEY_TAG, ON_CLUSTER, RedisCluster
from tests.sandbox.browser_env import launch_browser
from tests.tcp_server import FakeServer, Serve
from tests.webhooks.webhook_client import WebhookClient
from webhook_kit import logs
from webhook_kit.kit import Kit
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.redis_server import RedisServer

# The duration of an example depends on the machine more than on the code.
hypothesis.settings.register_profile("kit", deadline=None)
hypothesis.settings.load_profile("kit")

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
SECRET = "whsec_test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start a process or a browser. ``make unit`` leaves them out."""
    for item in items:
        if starts_process(item):
            item.add_marker(pytest.mark.process)


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    if ON_CLUSTER:
        with RedisCluster() as cluster:
            yield cluster.serving
    else:
        yield request.getfixturevalue("webhook_kit_redis_server")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Start one PostgreSQL for all tests of a process that neither kill nor stop it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def archive_url(postgres: PostgresServer) -> str:
    """Create an empty database for the long-term archive."""
    return postgres.create_database()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start one browser for all tests of a process: Playwright cannot run twice in a thread."""
    with launch_browser() as launched:
        yield launched


@pytest.fixture
def gett_sandbox(webhook_kit_sandbox: GettSandbox) -> GettSandbox:
    return webhook_kit_sandbox


@pytest.fixture
def make_kit(redis_server: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """``make_kit(price_policy="pos", options={"tax": True})``: settings by name; ``options`` are those of the store."""
    kits: list[Kit] = []

    def make(*, options: dict[str, Any] | None = None, **changes: Any) -> Kit:
        settings: dict[str, Any] = {
            "redis_url": redis_server.url,
            # No deadline strikes because the machine is busy.
            "redis_timeout": 30.0,
            "pos_deadline": 100.0,
            "webhook_deadline": 120.0,
            "key_prefix": f"{KEY_TAG}t{uuid4().hex}:",
            "gett_webhook_secrets": [SECRET],
            "gett_api_key": "key_test",
            "gett_api_url": "http://127.0.0.1:1",  # nobody listens there
            "pos_adapter": "bogus",
            "gett_store_id": STORE_ID,
            "store_options": {"file": str(tmp_path / "pos.sqlite"), **(options or {})},
        }
        kit = Kit(Settings(**settings | changes))
        kits.append(kit)
        return kit

    yield make
    for kit in kits:
        kit.redis.connection_pool.disconnect()


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit()


@pytest.fixture
def make_client(make_kit: Callable[..., Kit]) -> Callable[..., WebhookClient]:
    """``make_client(price_policy="pos")``: a client of the webhooks of a new kit."""
    return lambda **settings: WebhookClient(make_kit(**settings))


@pytest.fixture
def client(make_client: Callable[..., WebhookClient]) -> WebhookClient:
    return make_client()


@pytest.fixture
def events() -> Iterator[list[MutableMapping[str, Any]]]:
    """Log events of the kit during the test, at every level. A POS call of an earlier test that ends late adds none."""
    earlier = set(threading.enumerate()) - {threading.current_thread()}

    def drop_earlier(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if threading.current_thread() in earlier:
            raise structlog.DropEvent
        return event

    # A logger that was first used while an earlier test had set up the logs writes past everything that is captured.
    for module in [module for name, module in sys.modules.items() if name.startswith("webhook_kit")]:
        for log in vars(module).values():
            if isinstance(log, logs._Logger):
                vars(log).pop("_logger", None)
    with capture_logs() as captured:
        structlog.get_config()["processors"].insert(0, drop_earlier)
        yield captured


@pytest.fixture
def start_server() -> Iterator[Callable[[Serve], FakeServer]]:
    servers: list[FakeServer] = []

    def start(serve: Serve) -> FakeServer:
        servers.append(FakeServer(serve))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a file with a self-signed certificate and its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    try:
        subprocess.run([*openssl, *extra], check=True, capture_output=True, timeout=4 * PATIENCE)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file
