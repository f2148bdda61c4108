"""A real cluster: connections follow the hash slot of the installation, whichever node serves it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from redis.exceptions import MovedError

from tests.redis_cluster import RQ_PREFIX, TAG, ClusterNode, RedisCluster
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.redis_server import Processes, check_redis, check_server
from webhook_kit.settings import Settings
from webhook_kit.storage import cluster as module
from webhook_kit.storage.cluster import ClusterNodes, one_slot_advice, require_one_slot
from webhook_kit.storage.connection import OUT_OF_REACH, connect
from webhook_kit.storage.faults import RedisFault, fault
from webhook_kit.storage.scripts import Script, load
from webhook_kit.testing.processes import PATIENCE, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

A, B, C = ("a", 1), ("b", 2), ("c", 3)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster(replicas=True, node_timeout=1) as started:
        yield started


@pytest.fixture(autouse=True)
def _rq_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RQ_KEY_PREFIX", RQ_PREFIX)


@pytest.fixture
def make_cluster_kit(cluster: RedisCluster) -> Callable[..., Kit]:
    common = {"redis_url": cluster.url, "key_prefix": f"{TAG}:", "gett_webhook_secrets": ["s"], "redis_timeout": 30.0}
    return lambda **settings: Kit(Settings(**common | settings))


@pytest.fixture
def on_cluster(make_cluster_kit: Callable[..., Kit]) -> Kit:
    return make_cluster_kit()


def other_primary(cluster: RedisCluster) -> ClusterNode:
    serving = cluster.serving
    running = [node for node in cluster.nodes if node.running and node is not serving]
    return next(node for node in running if node("ROLE")[0] == b"master")


def usable(kit: Kit) -> bool:
    try:
        return bool(kit.trial_write.run())
    except OUT_OF_REACH:
        return False


# -- following the slot ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transaction", [True, False])
def test_every_command_goes_to_the_node_that_serves_the_slot(
    transaction: bool, on_cluster: Kit, cluster: RedisCluster
) -> None:
    assert usable(on_cluster)
    for move in (lambda: cluster.move_slot(other_primary(cluster)), cluster.fail_over):
        move()
        with on_cluster.redis.pipeline(transaction=transaction) as pipeline:
            pipeline.set(f"{TAG}:a", "1")
            pipeline.get(f"{TAG}:a")
            assert pipeline.execute() == [True, b"1"]
        move()
        assert on_cluster.trial_write.run()


def test_the_slot_moves_at_once(on_cluster: Kit, cluster: RedisCluster) -> None:
    """Commands go on all the while, and none is refused."""
    if not cluster.serving.moves_slots_at_once:
        pytest.skip("this server moves a slot key by key only")
    counter, stop = f"{TAG}:counter", threading.Event()
    counted: list[int] = []

    def count() -> None:
        while not stop.is_set():
            counted.append(int(on_cluster.redis.incr(counter)))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        wait_until(lambda: len(counted) > 10)
        cluster.move_slot(other_primary(cluster), at_once=True)
        before = len(counted)
        wait_until(lambda: len(counted) > before + 10)
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert counted == list(range(1, len(counted) + 1))


def test_a_node_that_dies_is_replaced_by_its_replica(on_cluster: Kit, cluster: RedisCluster) -> None:
    assert usable(on_cluster)
    on_cluster.redis.set(f"{TAG}:kept", "yes")
    on_cluster.redis.wait(1, int(PATIENCE * 1000))
    failed = cluster.serving
    replica = cluster.kill_serving()
    try:
        wait_until(lambda: usable(on_cluster), message="the replica to take over")
        assert cluster.serving is replica
        assert on_cluster.redis.get(f"{TAG}:kept") == b"yes"
    finally:
        failed.start()
        cluster.wait_until_in_sync(failed)


def test_a_node_that_hangs_is_left_when_its_replica_has_taken_over(
    cluster: RedisCluster, make_cluster_kit: Callable[..., Kit]
) -> None:
    """A new connection to it is still accepted, by the kernel, and then nothing responds."""
    kit = make_cluster_kit(redis_timeout=0.5)
    assert usable(kit)
    hanging = cluster.serving
    os.kill(hanging.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: usable(kit), message="the replica to be used")
    finally:
        os.kill(hanging.pid, signal.SIGCONT)
    cluster.wait_until_in_sync(hanging)


def test_a_process_starts_while_the_node_that_is_named_first_is_down(
    cluster: RedisCluster, make_cluster_kit: Callable[..., Kit]
) -> None:
    kit = make_cluster_kit(redis_url=f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{cluster.nodes[0].port}")
    assert usable(kit)


def test_a_command_that_waits_for_an_entry_follows_the_slot(on_cluster: Kit, cluster: RedisCluster) -> None:
    source, target = f"{TAG}:source", f"{TAG}:target"
    taken: list[object] = []
    client = on_cluster.redis
    thread = threading.Thread(
        target=lambda: taken.append(client.blmove(source, target, int(PATIENCE), "LEFT", "RIGHT"))
    )
    thread.start()
    wait_until(lambda: b"cmd=blmove" in cluster.serving("CLIENT", "LIST"), message="the command to wait")
    cluster.move_slot(other_primary(cluster))
    client.rpush(source, "entry")
    thread.join(PATIENCE)
    assert taken == [b"entry"]


def test_a_script_does_not_begin_while_the_slot_moves_key_by_key(
    on_cluster: Kit, cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script writes a declared key that is there, then one that has moved already."""
    source = f"redis.call('SET', KEYS[1], 'new') redis.call('SET', '{TAG}:moved', 'new')"
    monkeypatch.setattr("webhook_kit.storage.scripts._read", lambda name: source if name == "tests/two" else "")
    load.cache_clear()
    client, keys = on_cluster.redis, on_cluster.keys
    client.set(f"{TAG}:here", "old")
    client.set(f"{TAG}:moved", "old")
    script = Script(client, keys, "tests/two")
    with cluster.moving_slot(other_primary(cluster), f"{TAG}:moved"):
        with pytest.raises(redis.ConnectionError) as refused:
            script(f"{TAG}:here")
        assert fault(refused.value) is RedisFault.SLOT
        assert client.get(f"{TAG}:here") == b"old"
    script(f"{TAG}:here")
    assert client.mget(f"{TAG}:here", f"{TAG}:moved") == [b"new", b"new"]
    load.cache_clear()


def test_two_installations_live_on_two_nodes(
    make_cluster_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = set()
    for tag in ("{a}", "{c}"):
        monkeypatch.setenv("RQ_KEY_PREFIX", f"{tag}:rq")
        kit = make_cluster_kit(key_prefix=f"{tag}:")
        assert usable(kit)
        ports.add(kit.redis.info("server")["tcp_port"])
    assert len(ports) == 2


# -- what the nodes say ------------------------------------------------------------------------------------------------


def slots(*ranges: tuple[int, int, *tuple[tuple[str, int], ...]]) -> list[Any]:
    return [[first, last, *([host.encode(), port, b"id"] for host, port in nodes)] for first, last, *nodes in ranges]


def test_the_primary_of_the_slot_is_asked_for_once() -> None:
    asked: list[tuple[str, int]] = []

    def ask(node: tuple[str, int], *_: str) -> list[Any]:
        asked.append(node)
        return slots((0, 16_000, A, C), (16_001, 16_383, B))

    nodes = ClusterNodes([B], f"{TAG}:", ask)
    assert [nodes.address() for _ in range(3)] == [A] * 3
    assert asked == [B]


def test_a_node_without_a_host_has_the_host_of_the_node_that_tells_it() -> None:
    nodes = ClusterNodes([A], TAG, lambda *_: [[0, 16_383, [None, 7, b"id"]]])
    assert nodes.address() == ("a", 7)
    nodes.leave(("a", 7), MovedError("1 :8"))
    assert nodes.address() == ("a", 8)


def test_each_time_another_node_is_asked() -> None:
    asked: list[tuple[str, int]] = []

    def ask(node: tuple[str, int], *_: str) -> list[Any]:
        asked.append(node)
        return slots((0, 16_383, C, B))

    nodes = ClusterNodes([A], TAG, ask)
    for _ in range(4):
        nodes.leave(nodes.address(), redis.ConnectionError())
    assert asked == [A, C, B, A]


def test_nodes_that_do_not_answer_are_passed_over() -> None:
    def ask(node: tuple[str, int], *_: str) -> list[Any]:
        if node != C:
            raise redis.ConnectionError(f"{node} is down")
        return slots((0, 16_383, C))

    assert ClusterNodes([A, B, C], TAG, ask).address() == C
    with pytest.raises(redis.ConnectionError, match="is down"):
        ClusterNodes([A, B], TAG, ask).address()


def test_a_slot_without_a_node_is_reported() -> None:
    with pytest.raises(redis.ConnectionError, match="no node of the cluster serves slot"):
        ClusterNodes([A], TAG, lambda *_: slots((0, 0, A))).address()


def test_a_server_that_is_no_cluster_is_reported(make_kit: Callable[..., Kit]) -> None:
    with RedisServer() as single:
        kit = make_kit(redis_url=f"redis+cluster://127.0.0.1:{single.port}", key_prefix=f"{TAG}:")
        with pytest.raises(redis.ConnectionError) as caught:
            kit.redis.ping()
    assert fault(caught.value) is RedisFault.NO_CLUSTER


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "lines"),
    [
        ("wk:", "set KEY_PREFIX={wk}: and RQ_KEY_PREFIX={wk}:rq"),
        ("{}:", "set KEY_PREFIX={wk}: and RQ_KEY_PREFIX={wk}:rq"),
        ("wk-test:", "set KEY_PREFIX={wk-test}: and RQ_KEY_PREFIX={wk-test}:rq"),
        ("a{b}c:", "set KEY_PREFIX=a{b}c: and RQ_KEY_PREFIX={b}:rq"),
    ],
)
def test_the_lines_to_set(prefix: str, lines: str) -> None:
    assert one_slot_advice(prefix) == lines


def test_a_cluster_needs_a_hash_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"^KEY_PREFIX: .*KEY_PREFIX=\{wk\}: and RQ_KEY_PREFIX=\{wk\}:rq"):
        connect(Settings(redis_url="redis+cluster://host", gett_webhook_secrets=["s"]))
    for wrong in ("", "rq", "{other}:rq"):
        monkeypatch.setenv("RQ_KEY_PREFIX", wrong)
        with pytest.raises(ConfigurationError, match=r"^RQ_KEY_PREFIX: .*RQ_KEY_PREFIX=\{wk\}:rq"):
            require_one_slot("{wk}:")


def test_a_cluster_needs_rq_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "version", lambda _: "2.12.0")
    with pytest.raises(ConfigurationError, match=r"RQ 3\.0 or later, and 2\.12\.0 is installed"):
        require_one_slot("{wk}:")


def test_check_accepts_a_cluster_and_otherwise_says_what_to_set(
    cluster: RedisCluster, on_cluster: Kit, make_cluster_kit: Callable[..., Kit]
) -> None:
    assert list(check_redis(on_cluster)) == []
    assert "redis_cluster" not in {finding.code for finding in check_server(on_cluster, Processes())}

    (finding,) = check_redis(make_cluster_kit(key_prefix="wk-test:"))
    assert (finding.code, finding.where) == ("redis_unusable", "KEY_PREFIX")
    assert finding.advice == "set KEY_PREFIX={wk-test}: and RQ_KEY_PREFIX={wk-test}:rq"

    (finding,) = check_redis(make_cluster_kit(redis_url=f"redis://127.0.0.1:{cluster.serving.port}", key_prefix="wk:"))
    assert (finding.code, finding.where) == ("redis_cluster", "REDIS_URL")
    assert "REDIS_URL=redis+cluster://host:port,host:port, and set KEY_PREFIX={wk}: and RQ" in finding.advice

    kit = make_cluster_kit(redis_url=f"redis://127.0.0.1:{cluster.serving.port}")
    assert list(check_redis(kit)) == []
    assert "redis_cluster" in {finding.code for finding in check_server(kit, Processes())}
