"""A Redis Cluster on loopback ports: three primaries, and a replica of each if a test needs them.

``REDIS_CLUSTER=1 RQ_KEY_PREFIX={wk}:rq`` lets every test that uses the fixture ``redis_server`` run on one (``make test-cluster``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import redis
from redis.crc import key_slot

from webhook_kit.storage.connection import text
from webhook_kit.testing.processes import free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["KEY_TAG", "ON_CLUSTER", "RQ_PREFIX", "TAG", "ClusterNode", "RedisCluster"]

TAG = "{wk}"
RQ_PREFIX = f"{TAG}:rq"
ON_CLUSTER = bool(os.environ.get("REDIS_CLUSTER"))
KEY_TAG = TAG if ON_CLUSTER else ""
"""Begin of the prefix of every test's keys."""

_SLOTS = 16_384
_ATTEMPTS = 5


class ClusterNode(RedisServer):
    """A node of a cluster, alone until it is joined."""

    def __init__(self, *, node_timeout: float) -> None:
        self.bus = free_port()
        milliseconds = str(int(node_timeout * 1000))
        # A test needs one slot only, and another node may be down.
        cover = {
            "repl-diskless-sync-delay": "0",
            "cluster-require-full-coverage": "no",
            "cluster-replica-validity-factor": "0",
            "cluster-allow-replica-migration": "no",
        }
        bus = {"cluster-enabled": "yes", "cluster-port": str(self.bus), "cluster-node-timeout": milliseconds}
        super().__init__(options=bus | cover)
        self.cluster: RedisCluster | None = None

    @property
    def url(self) -> str:
        """Value for ``REDIS_URL``: the whole cluster."""
        return super().url if self.cluster is None else self.cluster.url

    def __call__(self, *command: object) -> Any:
        """Send a command and return the reply."""
        with redis.Redis(port=self.port, socket_timeout=30) as client:
            return client.execute_command(*command)

    @property
    def id(self) -> str:
        """Id of the node in its cluster."""
        return text(self("CLUSTER", "MYID"))

    @property
    def moves_slots_at_once(self) -> bool:
        """True if the server has ``CLUSTER MIGRATESLOTS`` (Valkey 9)."""
        return any(
            text(line) == "MIGRATESLOTS" or text(line).startswith("MIGRATESLOTS ") for line in self("CLUSTER", "HELP")
        )


class RedisCluster:
    """A context manager. The slot of ``TAG`` is served by the node that ``REDIS_URL`` names last.

    :param replicas: each primary has a replica.
    :param node_timeout: seconds without a sign of life after which a node is held for failed.
    """

    def __init__(self, *, replicas: bool = False, node_timeout: float = 30.0) -> None:
        self._replicas, self._node_timeout = replicas, node_timeout
        self._servers = ExitStack()
        self.primaries: list[ClusterNode] = []
        self.replicas: list[ClusterNode] = []

    def __enter__(self) -> Self:
        try:
            self._create()
        except BaseException:
            self._servers.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        for node in self.nodes:
            node.kill()  # one that is asked to stop would wait for its replica
        self._servers.close()

    @property
    def nodes(self) -> list[ClusterNode]:
        """All nodes."""
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        """Value for ``REDIS_URL``, which names every node."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}"

    @property
    def serving(self) -> ClusterNode:
        """The node that serves the slot of ``TAG``, in the view of the nodes that run."""
        seen = [self._owner_seen_by(node) for node in self._running()]
        # A node that has just taken over or was given the slot is the first to know.
        owners = [owner for owner, node in zip(seen, self._running(), strict=True) if owner is node]
        return (owners or seen)[0]

    def _running(self) -> list[ClusterNode]:
        return [node for node in self.nodes if node.running]

    def _owner_seen_by(self, node: ClusterNode) -> ClusterNode:
        slot = key_slot(TAG.encode())
        port = next(primary[1] for first, last, primary, *_ in node("CLUSTER", "SLOTS") if first <= slot <= last)
        return next(each for each in self.nodes if each.port == port)

    def move_slot(self, to: ClusterNode, *, at_once: bool = False) -> None:
        """Move the slot of ``TAG`` to another primary, key by key as ``redis-cli --cluster reshard`` does, or at once."""
        slot, source = key_slot(TAG.encode()), self.serving
        if at_once:
            source("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
            wait_until(
                lambda: all(self._owner_seen_by(node) is to for node in self._running()), message="the slot to move"
            )
            return
        with self.moving_slot(to):
            pass

    @contextmanager
    def moving_slot(self, to: ClusterNode, *first: str) -> Iterator[None]:
        """Move the slot key by key: these keys before the ``with`` block, the others after it."""
        slot, source, owner = key_slot(TAG.encode()), self.serving, to.id
        to("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source("CLUSTER", "SETSLOT", slot, "MIGRATING", owner)
        for key in first:
            source("MIGRATE", "127.0.0.1", to.port, key, 0, 30_000)
        yield
        while keys := source("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source("MIGRATE", "127.0.0.1", to.port, "", 0, 30_000, "KEYS", *keys)
        others = [node for node in self._running() if node not in (to, source) and text(node("ROLE")[0]) == "master"]
        for node in (to, source, *others):
            node("CLUSTER", "SETSLOT", slot, "NODE", owner)
        wait_until(lambda: all(self._owner_seen_by(node) is to for node in self._running()), message="the slot to move")

    def fail_over(self) -> ClusterNode:
        """Let the replica of the serving node take over without a loss, as for maintenance; return it."""
        failed = self.serving
        replica = self._replica_of(failed)

        def taken_over() -> bool:
            if text(replica("ROLE")[0]) != "master":  # a server gives up after 5 s, so a busy machine has to ask again
                replica("CLUSTER", "FAILOVER")
            return all(self._owner_seen_by(node) is replica for node in self._running())

        wait_until(taken_over, message="the replica to take over", interval=1)
        self.wait_until_in_sync(failed)
        return replica

    def kill_serving(self) -> ClusterNode:
        """Kill the serving node, and return its replica, which takes over when the others have noticed."""
        failed = self.serving
        replica = self._replica_of(failed)
        failed.kill()
        return replica

    def _replica_of(self, node: ClusterNode) -> ClusterNode:
        known = wait_until(lambda: node("CLUSTER", "REPLICAS", node.id), message="a replica")
        return next(each for each in self.nodes if any(text(line).startswith(each.id) for line in known))

    def _create(self) -> None:
        self.primaries = [self._node() for _ in range(3)]
        per_node = _SLOTS // 3 + 1
        for number, node in enumerate(self.primaries):
            first = number * per_node
            node("CLUSTER", "ADDSLOTSRANGE", first, min(first + per_node, _SLOTS) - 1)
            node("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        # The slot of the tag is not that of the node that is asked first.
        slot = key_slot(TAG.encode())
        self.primaries.sort(key=lambda node: any(a <= slot <= b for a, b, *_ in node("CLUSTER", "SLOTS")))
        self.replicas = [self._node() for _ in self.primaries] if self._replicas else []
        for node in self.nodes:
            node.cluster = self
            for other in self.nodes:  # by gossip alone it would take some seconds
                node("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus)
        for node in self.nodes:
            wait_until(lambda node=node: _joined(node, len(self.nodes)), message="the nodes to meet")  # type: ignore[misc]
        for replica, primary in zip(self.replicas, self.primaries, strict=bool(self.replicas)):
            replica("CLUSTER", "REPLICATE", primary.id)
        for primary in self.primaries if self._replicas else []:
            wait_until(lambda node=primary: node("CLUSTER", "REPLICAS", node.id), message="a replica")  # type: ignore[misc]
        for replica in self.replicas:
            self.wait_until_in_sync(replica)

    def wait_until_in_sync(self, replica: ClusterNode) -> None:
        """Wait until the node is a replica that has all of its primary's data."""
        wait_until(lambda: _in_sync(replica), message="the replica to be in sync")

    def _node(self) -> ClusterNode:
        for attempt in range(_ATTEMPTS):
            node = ClusterNode(node_timeout=self._node_timeout)
            try:
                return self._servers.enter_context(node)
            except ChildProcessError:  # another process may have taken the port of the bus
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError


def _joined(node: ClusterNode, count: int) -> bool:
    info = text(node("CLUSTER", "INFO")).split()
    return "cluster_state:ok" in info and f"cluster_known_nodes:{count}" in info


def _in_sync(replica: ClusterNode) -> bool:
    role = replica("ROLE")
    return bool(text(role[0]) == "slave" and text(role[3]) == "connected")
