"""A new connection leads to the primary that the sentinels name, whichever of them is away, hangs or is behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from tests.storage.fake_sentinel import FakeSentinel
from tests.tls_redis import TlsProxy, make_certificate
from webhook_kit.settings import Settings, TlsVerify
from webhook_kit.storage.connection import connect
from webhook_kit.storage.faults import RedisFault, describe, fault
from webhook_kit.storage.pool import FailoverPool, ServerRefused
from webhook_kit.testing.processes import free_port
from webhook_kit.testing.redis_server import RedisServer


def client(*sentinels: FakeSentinel, name: str = "orders", options: str = "", user: str = "") -> redis.Redis:
    hosts = ",".join(sentinel.address for sentinel in sentinels)
    return connect(Settings(redis_url=f"redis+sentinel://{user}{hosts}/{name}{options}", redis_timeout=5))


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[RedisServer, RedisServer]]:
    """A primary and its replica."""
    with RedisServer() as primary, RedisServer(options={"replicaof": f"127.0.0.1 {primary.port}"}) as replica:
        yield primary, replica
        replica.kill()  # a primary that is asked to stop would wait for it


def test_the_primary_is_that_of_the_first_sentinel_that_answers(redis_server: RedisServer) -> None:
    with ExitStack() as stack:
        dead = stack.enter_context(FakeSentinel({}))
        sentinels = [stack.enter_context(FakeSentinel({"orders": redis_server.port})) for _ in range(2)]
        dead.__exit__()
        kit = client(dead, *sentinels)
        assert kit.ping()
        assert [sentinel.asked for sentinel in sentinels] == [1, 0]
        kit.connection_pool.disconnect()
        assert kit.ping()
        assert [sentinel.asked for sentinel in sentinels] == [2, 0]


def test_one_that_hangs_delays_one_connection_only(redis_server: RedisServer) -> None:
    with FakeSentinel({}, hangs=True) as hanging, FakeSentinel({"orders": redis_server.port}) as sentinel:
        kit = client(hanging, sentinel)
        for _ in range(10):
            assert kit.ping()
            kit.connection_pool.disconnect()
        assert (hanging.asked, sentinel.asked) == (1, 10)


def test_a_name_that_they_do_not_know_is_an_error_that_lists_those_that_they_know() -> None:
    with FakeSentinel({"orders": 1, "cache": 2}) as sentinel, pytest.raises(redis.ConnectionError) as caught:
        client(sentinel, sentinel, name="order", user=":topsecret@").ping()
    assert fault(caught.value) is RedisFault.PRIMARY_UNKNOWN
    assert describe(caught.value) == (
        "REDIS_URL: the sentinels do not know the primary; check its name at the end of the address "
        "(the sentinels know no primary order; they know: cache, orders)"
    )


def test_without_a_sentinel_each_is_named_with_the_reason() -> None:
    port = free_port()
    with FakeSentinel({}, password="right") as locked:
        url = f"redis+sentinel://:topsecret@127.0.0.1:{port},{locked.address}/orders?sentinel_password=topwrong"
        with pytest.raises(redis.ConnectionError) as caught:
            connect(Settings(redis_url=url)).ping()
    assert fault(caught.value) is RedisFault.NO_SENTINEL
    assert f"127.0.0.1:{port}: Error 111 connecting" in str(caught.value)
    assert f"{locked.address}: WRONGPASS" in str(caught.value) or f"{locked.address}: invalid password" in str(
        caught.value
    )
    assert "top" not in describe(caught.value)


def test_the_sentinels_have_a_password_of_their_own(redis_server: RedisServer) -> None:
    with FakeSentinel({"orders": redis_server.port}, password="pass/word") as sentinel:
        assert client(sentinel, options="?sentinel_password=pass%2Fword").ping()
        with pytest.raises(redis.ConnectionError, match="Authentication required"):
            client(sentinel).ping()


def test_a_sentinel_that_is_behind_is_not_believed(pair: tuple[RedisServer, RedisServer]) -> None:
    primary, replica = pair
    with FakeSentinel({"orders": replica.port}) as behind, FakeSentinel({"orders": primary.port}) as sentinel:
        kit = client(behind, sentinel)
        assert kit.set("a", "b") is True
        kit.connection_pool.disconnect()
        assert kit.set("a", "b") is True
        assert (behind.asked, sentinel.asked) == (1, 2)  # it is asked last from now on


def test_a_replica_is_never_used_as_the_primary(pair: tuple[RedisServer, RedisServer]) -> None:
    with FakeSentinel({"orders": pair[1].port}) as behind:
        with pytest.raises(ServerRefused, match="is a replica") as caught:
            client(behind).get("a")
        assert fault(caught.value).unreachable


def test_a_user_who_may_not_ask_for_the_role_can_work(pair: tuple[RedisServer, RedisServer]) -> None:
    admin = redis.Redis(port=pair[0].port)
    admin.execute_command("ACL", "SETUSER", "kit", "on", ">right", "~*", "+@all", "-@dangerous")  # type: ignore[no-untyped-call]
    with FakeSentinel({"orders": pair[0].port}) as sentinel:
        assert client(sentinel, user="kit:right@").set("a", "b") is True


def test_servers_and_sentinels_are_reached_with_tls(redis_server: RedisServer, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with (
        closing(TlsProxy(certificate, redis_server.port)) as server,
        FakeSentinel({"orders": server.port}) as plain,
        closing(TlsProxy(certificate, int(plain.address.rpartition(":")[2]))) as sentinel,
    ):
        settings = Settings(redis_url=f"rediss+sentinel://127.0.0.1:{sentinel.port}/orders", redis_timeout=30)
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            connect(settings).ping()
        assert fault(caught.value) is RedisFault.NO_SENTINEL
        assert connect(settings.model_copy(update={"redis_tls_verify": TlsVerify.NONE})).ping()


def test_another_primary_condemns_the_connections_to_the_former_one(redis_server: RedisServer) -> None:
    with RedisServer() as other, FakeSentinel({"orders": redis_server.port}) as sentinel:
        kit = client(sentinel)
        pool = kit.connection_pool
        assert isinstance(pool, FailoverPool)
        opened = [pool.get_connection() for _ in range(5)]
        for connection in opened:
            pool.release(connection)
        sentinel.primaries["orders"] = other.port
        opened[-1].disconnect()  # as when the former primary ends; the others may not have noticed
        assert kit.ping()
        again = [pool.get_connection() for _ in range(5)]
        assert {connection.port for connection in again} == {other.port}
        for connection in again:
            pool.release(connection)
        kit.connection_pool.disconnect()


def test_a_subscriber_follows_to_another_primary(redis_server: RedisServer) -> None:
    with RedisServer() as other, FakeSentinel({"orders": redis_server.port}) as sentinel:
        kit = client(sentinel)
        subscriber = kit.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        subscriber.subscribe("news")
        sentinel.primaries["orders"] = other.port
        assert subscriber.connection is not None
        subscriber.connection.disconnect()
        subscriber.get_message(timeout=0.01)
        with redis.Redis(port=other.port) as publisher:
            while not publisher.publish("news", "yes"):
                subscriber.get_message(timeout=0.01)
        message = None
        while message is None:
            message = subscriber.get_message(timeout=1)
        assert message["data"] == b"yes"
        subscriber.close()
