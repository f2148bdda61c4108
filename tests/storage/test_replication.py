"""A write that has to be on replicas is on them, or the caller learns that it is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import redis

from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect
from webhook_kit.storage.faults import RedisFault, fault
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.replication import ReplicatedWrites, TooFewReplicas
from webhook_kit.storage.scripts import Script
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture(scope="module")
def primary() -> Iterator[RedisServer]:
    with RedisServer(options={"repl-diskless-sync-delay": "0"}) as server:
        yield server


@pytest.fixture(scope="module")
def replica(primary: RedisServer) -> Iterator[RedisServer]:
    with RedisServer(options={"replicaof": f"127.0.0.1 {primary.port}"}) as server:
        client = redis.Redis(port=server.port)
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up", message="the replica to be in sync"
        )
        yield server
        server.kill()
        primary.kill()  # one that is asked to stop waits for its replica


@pytest.fixture
def client(primary: RedisServer) -> Iterator[redis.Redis]:
    with connect(Settings(redis_url=primary.url, redis_timeout=60)) as client:
        yield client


def test_a_write_is_on_the_replica_when_it_returns(client: redis.Redis, replica: RedisServer) -> None:
    writes = ReplicatedWrites(client, replicas=1, timeout=PATIENCE / 4)
    with redis.Redis(port=replica.port) as reader:
        for number in range(50):
            assert writes.execute_command("SET", "a", number) is True
            assert reader.get("a") == str(number).encode()


def test_a_script_that_the_server_does_not_know_yet_is_sent(client: redis.Redis, replica: RedisServer) -> None:
    writes = ReplicatedWrites(client, replicas=1, timeout=PATIENCE / 4)
    client.script_flush()
    keys = Keys("wk:")
    Script(writes, keys, "webhook_kit.storage/trial_write")(keys.trial("1"), keys.trial("2"))
    with redis.Redis(port=replica.port) as reader:
        assert reader.get(keys.trial("1"))


def test_a_replica_that_hangs_is_not_counted(client: redis.Redis, replica: RedisServer) -> None:
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TooFewReplicas, match="0 of 1 replicas") as caught:
            ReplicatedWrites(client, replicas=1, timeout=0.05).execute_command("SET", "a", "b")
    finally:
        os.kill(replica.pid, signal.SIGCONT)
    assert fault(caught.value) is RedisFault.TOO_FEW_REPLICAS
    assert client.get("a") == b"b"


def test_more_replicas_than_there_are_is_an_error(client: redis.Redis, replica: RedisServer) -> None:
    assert replica.running
    with pytest.raises(TooFewReplicas, match="1 of 2 replicas"):
        ReplicatedWrites(client, replicas=2, timeout=0.05).execute_command("SET", "a", "b")


def test_an_error_of_the_command_is_raised(client: redis.Redis, replica: RedisServer) -> None:
    assert replica.running
    with pytest.raises(redis.ResponseError, match="unknown command"):
        ReplicatedWrites(client, replicas=1, timeout=0.05).execute_command("NO")
