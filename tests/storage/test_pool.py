"""A server that refuses to serve is left: after a fail-over no connection stays with the former primary."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
import redis

from tests.storage.fail_over import FailOver
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect
from webhook_kit.storage.pool import FailoverPool, ServerRefused
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

REFUSALS = [
    "READONLY You can't write against a read only replica.",
    "READONLY You can't write against a read only replica. script: 4ca, on @user_script:1.",
    "ERR Error running script (call to f_4ca): @user_script:9: @user_script: 9: -READONLY You can't write against a replica.",
    "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "LOADING Redis is loading the dataset in memory",
    "NOREPLICAS Not enough good replicas to write.",
    "NOAUTH Authentication required.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
]

OTHER_ERRORS = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "ERR unknown command 'READONLY'",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
]


@contextmanager
def server(reply: Callable[[int], bytes]) -> Iterator[str]:
    """A server that replies to every command, by the number of the connection; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket, number: int) -> None:
        with client, suppress(OSError):
            while request := client.recv(65_536):
                commands = sum(line.startswith(b"*") for line in request.split(b"\r\n"))
                setup = b"SETINFO" in request
                client.sendall((b"+OK\r\n" if setup else reply(number)) * commands)

    def accept() -> None:
        number = 0
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                number += 1
                threading.Thread(target=serve, args=(client, number), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def first_refuses(refusal: str) -> Callable[[int], bytes]:
    return lambda number: f"-{refusal}\r\n".encode() if number == 1 else b"+OK\r\n"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_command_is_sent_over_a_new_connection(refusal: str) -> None:
    with server(first_refuses(refusal)) as url, connect(Settings(redis_url=url)) as client:
        assert client.set("a", "b") is True


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_server_that_keeps_refusing_raises_a_connection_error(refusal: str) -> None:
    with (
        server(lambda _number: f"-{refusal}\r\n".encode()) as url,
        connect(Settings(redis_url=url)) as client,
        pytest.raises(redis.ConnectionError),
    ):
        client.set("a", "b")


@pytest.mark.parametrize("error", OTHER_ERRORS)
def test_other_errors_leave_the_connection_open(error: str) -> None:
    with server(first_refuses(error)) as url, connect(Settings(redis_url=url)) as client:
        for _ in range(2):
            with pytest.raises(redis.ResponseError):
                client.set("a", "b")


@pytest.fixture
def fail_over() -> Iterator[FailOver]:
    with FailOver() as pair:
        yield pair


@pytest.mark.parametrize("transaction", [True, False])
def test_a_refused_pipeline_is_sent_over_a_new_connection(transaction: bool, fail_over: FailOver) -> None:
    client = connect(Settings(redis_url=fail_over.url))
    client.ping()
    fail_over()
    with client.pipeline(transaction=transaction) as pipeline:
        pipeline.set("a", "1")
        pipeline.get("a")
        assert pipeline.execute() == [True, b"1"]


def test_a_script_goes_to_the_new_primary(fail_over: FailOver) -> None:
    client = connect(Settings(redis_url=fail_over.url))
    script = client.register_script("redis.call('SET', KEYS[1], '1') return redis.call('GET', KEYS[1])")
    assert script(keys=["a"]) == b"1"
    fail_over()
    assert script(keys=["b"]) == b"1"


def test_after_a_fail_over_no_connection_stays_with_the_former_primary(fail_over: FailOver) -> None:
    client = connect(Settings(redis_url=fail_over.url, redis_max_connections=8))
    opened = [client.connection_pool.get_connection() for _ in range(8)]
    for connection in opened:
        client.connection_pool.release(connection)
    fail_over()
    client.set("written", "yes")
    new: list[Any] = [client.connection_pool.get_connection() for _ in range(8)]
    for connection in new:
        connection.send_command("INFO", "replication")
        assert b"role:master" in connection.read_response()
        client.connection_pool.release(connection)


def test_a_replica_without_a_primary_is_reported_as_such() -> None:
    with RedisServer() as only, connect(Settings(redis_url=only.url)) as client:
        redis.Redis(port=only.port).replicaof("127.0.0.1", "1")
        with pytest.raises(ServerRefused, match="read only replica"):
            client.set("a", "b")


# -- connections in turn -----------------------------------------------------------------------------------------------


@pytest.fixture
def pool(webhook_kit_redis_server: RedisServer) -> Iterator[FailoverPool]:
    client = connect(Settings(redis_url=webhook_kit_redis_server.url, redis_max_connections=2, redis_timeout=0.1))
    with closing(client.connection_pool) as pool:
        assert isinstance(pool, FailoverPool)
        yield pool


def test_the_connection_that_was_released_last_is_used_first(pool: FailoverPool) -> None:
    first, second = pool.get_connection(), pool.get_connection()
    pool.release(first)
    pool.release(second)
    assert pool.get_connection() is second
    assert pool.get_connection() is first


def test_a_thread_that_gets_no_connection_in_time_learns_the_setting(pool: FailoverPool) -> None:
    taken = [pool.get_connection() for _ in range(2)]
    with pytest.raises(redis.ConnectionError, match="REDIS_MAX_CONNECTIONS"):
        pool.get_connection()
    pool.release(taken[0])
    assert pool.get_connection() is taken[0]


def test_a_waiting_thread_gets_the_connection_that_is_released(webhook_kit_redis_server: RedisServer) -> None:
    client = connect(Settings(redis_url=webhook_kit_redis_server.url, redis_max_connections=2, redis_timeout=60))
    with closing(client.connection_pool) as pool, ThreadPoolExecutor() as threads:
        taken = [pool.get_connection() for _ in range(2)]
        waiting = threads.submit(pool.get_connection)
        pool.release(taken[1])
        assert waiting.result(PATIENCE) is taken[1]


def test_a_reply_that_nobody_has_read_is_not_taken_for_the_next_one(pool: FailoverPool) -> None:
    connection = pool.get_connection()
    connection.send_command("ECHO", "of another order")
    wait_until(connection.can_read)
    pool.release(connection)
    assert pool.get_connection() is connection
    connection.send_command("ECHO", "mine")
    assert connection.read_response() == b"mine"


def test_a_connection_that_the_server_has_closed_is_opened_again(pool: FailoverPool) -> None:
    first, second = pool.get_connection(), pool.get_connection()
    second.send_command("CLIENT", "ID")
    number = second.read_response()
    first.send_command("CLIENT", "KILL", "ID", number)
    assert first.read_response() == 1
    pool.release(second)
    assert pool.get_connection() is second
    second.send_command("PING")
    assert second.read_response() == b"PONG"


def test_a_connection_of_before_a_fork_is_closed_and_not_used_again(pool: FailoverPool) -> None:
    earlier = pool.get_connection()
    pool.pid = 0  # as if this was another process
    pool.release(earlier)
    assert earlier._sock is None
    assert pool.get_connection() is not earlier


def test_a_connection_that_cannot_be_opened_leaves_its_place_free() -> None:
    client = connect(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0", redis_max_connections=2))
    for _ in range(3):
        with pytest.raises(redis.ConnectionError, match="Error"):
            client.ping()
