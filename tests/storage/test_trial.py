"""A Redis that answers and cannot be used is noticed by a trial write, and the reason is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.storage.faults import RedisFault, describe, fault
from webhook_kit.testing.processes import Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer, binary


def test_a_trial_write_returns_the_time_of_redis(kit: Kit) -> None:
    seconds, microseconds = kit.redis.time()
    assert 0 <= kit.trial_write.run() - (seconds + microseconds / 1e6) < 60
    assert 0 < kit.redis.ttl(kit.keys.trial("1")) <= 60


def kit_on(port: int) -> Kit:
    return Kit(Settings(redis_url=f"redis://127.0.0.1:{port}/0", gett_webhook_secrets=["s"]))


def command(port: int, *words: object) -> object:
    return redis.Redis(port=port).execute_command(*words)  # type: ignore[no-untyped-call]


def found(kit: Kit) -> RedisFault:
    with pytest.raises(redis.RedisError) as caught:
        kit.trial_write.run()
    response = create_app(kit).test_client().get("/readyz")
    assert (response.status_code, response.json) == (503, {"status": "not ready", "redis": fault(caught.value)})
    assert describe(caught.value).startswith(f"REDIS_URL: {fault(caught.value).advice}")
    return fault(caught.value)


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_a_full_redis(own_redis: RedisServer) -> None:
    client = redis.Redis(port=own_redis.port)
    client.config_set("maxmemory", "100kb")
    try:
        assert found(kit_on(own_redis.port)) is RedisFault.FULL
    finally:
        client.config_set("maxmemory", "0")


def test_a_read_only_replica(own_redis: RedisServer) -> None:
    client = redis.Redis(port=own_redis.port)
    client.replicaof("127.0.0.1", "1")
    try:
        assert found(kit_on(own_redis.port)) is RedisFault.REPLICA
    finally:
        client.replicaof("NO", "ONE")


def test_too_few_replicas(own_redis: RedisServer) -> None:
    client = redis.Redis(port=own_redis.port)
    client.config_set("min-replicas-to-write", "1")
    try:
        assert found(kit_on(own_redis.port)) is RedisFault.TOO_FEW_REPLICAS
    finally:
        client.config_set("min-replicas-to-write", "0")


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (["on", ">right", "~*", "+@all", "-evalsha"], RedisFault.PERMISSION),
        (["on", ">right", "~other:*", "+@all"], RedisFault.PERMISSION),
        (["on", ">right", "~*", "+@all", "-set"], RedisFault.PERMISSION),
        (["on", ">wrong", "~*", "+@all"], RedisFault.CREDENTIALS),
    ],
)
def test_a_user_that_may_not_write(rules: list[str], reason: RedisFault, own_redis: RedisServer) -> None:
    command(own_redis.port, "ACL", "SETUSER", "kit", "reset", *rules)
    kit = Kit(Settings(redis_url=f"redis://kit:right@127.0.0.1:{own_redis.port}/0", gett_webhook_secrets=["s"]))
    assert found(kit) is reason


@pytest.fixture
def special_server(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """``special_server("--cluster-enabled", "yes")``: start a redis-server with these options, and return its port."""
    started: list[Process] = []

    def start(*options: str) -> int:
        # A cluster also listens on its port plus 10,000.
        port = next(port for port in iter(free_port, None) if port < 55_000)
        (tmp_path / "redis.conf").write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsave ''\n")
        started.append(Process([binary(), str(tmp_path / "redis.conf"), *options]).start())
        client = redis.Redis(port=port)

        def responds() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        wait_until(responds, message="the server to respond")
        return port

    yield start
    for process in started:
        process.kill()


@pytest.mark.parametrize("slots", [False, True])
def test_a_cluster(slots: bool, special_server: Callable[..., int]) -> None:
    port = special_server("--cluster-enabled", "yes")
    if slots:
        command(port, "CLUSTER", "ADDSLOTS", *range(16_384))
        wait_until(lambda: "cluster_state:ok" in str(command(port, "CLUSTER", "INFO")), message="the cluster")
    # Without slots, Redis up to 7 says first that the node does not serve the slot.
    assert found(kit_on(port)) in ((RedisFault.CLUSTER,) if slots else (RedisFault.CLUSTER, RedisFault.SLOT))


def test_a_sentinel(special_server: Callable[..., int]) -> None:
    assert found(kit_on(special_server("--sentinel"))) is RedisFault.NO_SCRIPTS
