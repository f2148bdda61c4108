"""Alerts with real processes: a sync worker is killed while it sends, and Redis goes and comes back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.alerting.receiver import Receiver, receiving
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.open_alerts import alert_id
from webhook_kit.testing.processes import Process, wait_until
from webhook_kit.testing.redis_server import RedisServer

STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


class AlertingEnv:
    """A Redis, a receiver of alerts, and sync workers as the test starts them."""

    def __init__(self, server: RedisServer, receiver: Receiver, directory: Path) -> None:
        self.receiver = receiver
        self.env = {
            "REDIS_URL": server.url,
            "REDIS_TIMEOUT": "5",
            "GETT_API_KEY": "key",
            "GETT_API_URL": "http://127.0.0.1:1",
            "GETT_WEBHOOK_SECRETS": "whsec_test",
            "POS_ADAPTER": "bogus",
            "GETT_STORE_ID": STORE,
            "STORE_OPTIONS": f'{{"file": "{directory / "pos.sqlite"}"}}',
            "ALERT_WEBHOOKS": receiver.url,
            "ALERT_WEBHOOK_SECRET": "secret",
            "ALERT_ALLOW_PRIVATE": "true",
            "HEALTH_CHECK_INTERVAL": "0",
            "COMPARE_STATUS_EVERY": "0",
        }
        settings: Any = {name.lower(): value for name, value in self.env.items()}
        self.kit = Kit(Settings.model_validate(settings))
        (self.channel,) = self.kit.alert_channels

    def worker(self) -> Process:
        return Process([sys.executable, "-m", "webhook_kit.cli", "worker", "sync"], env=self.env)

    def got(self) -> list[tuple[str, str]]:
        """Return the types and subjects that the receiver got, but for those about this environment's Redis."""
        documents = self.receiver.documents()
        return [(each["type"], each["subject"]["id"]) for each in documents if each["subject"]["type"] == "order"]

    def raise_alert(self, ref: str) -> None:
        self.kit.alerts.raise_once(Alert.DUPLICATE, ref, "known as 1, reported as 2")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def env(server: RedisServer, tmp_path: Path) -> Iterator[AlertingEnv]:
    with receiving() as receiver:
        yield AlertingEnv(server, receiver, tmp_path)


def test_a_worker_that_is_killed_while_it_sends_loses_no_alert(env: AlertingEnv) -> None:
    env.receiver.hold.clear()
    with env.worker() as first:
        env.raise_alert("order-1")
        first.wait_until(lambda: env.got() == [("alert.opened", "order-1")])
        first.kill()
    env.receiver.hold.set()
    due = env.kit.keys.alerts_due(env.channel.id)
    alert = alert_id(Alert.DUPLICATE, "order-1")
    assert env.kit.redis.zadd(due, {alert: 1}, xx=True, ch=True) == 1  # its lease has ended
    with env.worker() as second, env.worker():
        second.wait_until(lambda: len(env.got()) == 2)
        ids = {request.headers["webhook-id"] for request in env.receiver.received if b"order-1" in request.body}
        assert len(ids) == 1  # the receiver can tell that it is the same message
        env.kit.alerts.clear(Alert.DUPLICATE, "order-1")
        second.wait_until(lambda: env.got()[-1] == ("alert.resolved", "order-1"))
        assert len(env.got()) == 3


def test_several_workers_send_each_alert_once(env: AlertingEnv) -> None:
    with env.worker() as one, env.worker(), env.worker():
        one.wait_until(lambda: env.kit.redis.hlen(env.kit.keys.workers) == 1)
        refs = [f"order-{number}" for number in range(10)]
        for ref in refs:
            threading.Thread(target=env.raise_alert, args=(ref,)).start()
        one.wait_until(lambda: {ref for _, ref in env.got()} == set(refs))
        for ref in refs:
            env.kit.alerts.clear(Alert.DUPLICATE, ref)
        one.wait_until(lambda: sum(kind == "alert.resolved" for kind, _ in env.got()) == 10)
    assert sorted(env.got()) == sorted((f"alert.{what}", ref) for ref in refs for what in ("opened", "resolved"))


def test_an_alert_survives_a_restart_of_redis(env: AlertingEnv, server: RedisServer) -> None:
    env.raise_alert("order-1")
    with env.worker() as worker:
        worker.wait_until(lambda: env.got() == [("alert.opened", "order-1")])
        server.restart()
        wait_until(env.kit.redis.ping)
        env.raise_alert("order-2")
        worker.wait_until(lambda: ("alert.opened", "order-2") in env.got())
        env.kit.alerts.clear(Alert.DUPLICATE, "order-1")
        worker.wait_until(lambda: env.got()[-1] == ("alert.resolved", "order-1"))
    assert len(env.got()) == 3
