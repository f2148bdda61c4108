"""A primary with replicas and sentinels as real processes, and the loss of the primary."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import redis

from webhook_kit.redis_address import SentinelAddress
from webhook_kit.storage.sentinels import Sentinels, SentinelView
from webhook_kit.testing.processes import Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer, binary

__all__ = ["PRIMARY", "SentinelEnv"]

PRIMARY = "orders"
"""Name of the primary."""


class SentinelEnv:
    """A context manager; ``url`` is the value for ``REDIS_URL``.

    :param directory: for the files of the sentinels.
    :param down_after: ms after which a sentinel takes a silent server for dead.
    :param options: of every server.
    :param sentinel_lines: further lines of each sentinel's configuration.
    :param port: returns a port for a server or sentinel.
    """

    def __init__(
        self,
        directory: Path,
        *,
        replicas: int = 1,
        sentinels: int = 3,
        quorum: int = 2,
        down_after: int = 400,
        options: Mapping[str, str] | None = None,
        sentinel_lines: str = "",
        port: Callable[[], int] = free_port,
    ) -> None:
        at_once = {"repl-diskless-sync-delay": "0", **(options or {})}
        self.servers = [RedisServer(options=at_once, port=port()) for _ in range(1 + replicas)]
        self.sentinels: list[Process] = []
        self._ports = [port() for _ in range(sentinels)]
        self._directory = directory
        self._quorum, self._down_after, self._lines = quorum, down_after, sentinel_lines
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for server in self.servers:
                starting.callback(server.kill)  # a server that is asked to stop would wait for its replica
            first, *others = self.servers
            first.start()
            for server in others:
                self._start_as_replica(server, first)
            for number, port in enumerate(self._ports):
                file = self._directory / f"sentinel-{number}.conf"
                file.write_text(
                    f"port {port}\nbind 127.0.0.1\ndir {self._directory}\n"
                    f"sentinel monitor {PRIMARY} 127.0.0.1 {first.port} {self._quorum}\n"
                    f"sentinel down-after-milliseconds {PRIMARY} {self._down_after}\n"
                    f"sentinel failover-timeout {PRIMARY} 2000\n{self._lines}\n"
                )
                sentinel = Process([binary(), str(file), "--sentinel"]).start()
                starting.callback(sentinel.kill)
                self.sentinels.append(sentinel)
            self.wait_healthy()
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"redis+sentinel://{hosts}/{PRIMARY}/0"

    def views(self) -> list[SentinelView]:
        """Return what each sentinel knows."""
        if not self.sentinels:
            return []
        return Sentinels(SentinelAddress.parse(self.url), {}, timeout=5.0).views()

    def primary(self) -> RedisServer:
        """Return the server that the sentinels agree on; wait until they do."""
        server = wait_until(self._agreed, message="the sentinels to agree")
        assert server is not None
        return server

    def kill_primary(self) -> RedisServer:
        """Send SIGKILL to the primary, and return it."""
        primary = self.primary()
        primary.kill()
        return primary

    def hang_primary(self) -> RedisServer:
        """Stop the primary without ending it, and return it."""
        primary = self.primary()
        os.kill(primary.pid, signal.SIGSTOP)
        return primary

    def wait_failed_over(self, former: RedisServer) -> RedisServer:
        """Wait until the sentinels name another primary than a former one, and return it."""

        def other() -> RedisServer | None:
            agreed = self._agreed()
            return None if agreed is former else agreed

        server = wait_until(other, message="the fail-over")
        assert server is not None
        return server

    def cut_replication(self) -> None:
        """Let no replica of the first server get another write: its log-in fails from now on."""
        primary = self.servers[0]
        for server in self.servers:
            if server is not primary:
                with redis.Redis(port=server.port) as client:
                    client.config_set("masterauth", "wrong")
        with redis.Redis(port=primary.port) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "replica")
            wait_until(
                lambda: client.info("replication")["connected_slaves"] == 0, message="the replicas to be cut off"
            )

    def revive(self, server: RedisServer) -> None:
        """Let a former primary become a replica, and wait until it is in sync.

        A killed one is started as a replica, as its sentinels would make it after some seconds; one that hung is left to them.
        """
        if server.running:
            os.kill(server.pid, signal.SIGCONT)
        else:
            self._start_as_replica(server, self.primary())
        self.wait_healthy()

    def wait_healthy(self) -> None:
        """Wait until the sentinels know each other, and the primary has its replicas, so that a fail-over can be made at once."""
        others, replicas = len(self.sentinels) - 1, len(self.servers) - 1

        def healthy() -> bool:
            known = all(
                (bool(view.state), view.others, view.replicas) == (True, others, replicas) for view in self.views()
            )
            return known and (not self.sentinels or _replicas(self._agreed()) == replicas)

        wait_until(healthy, message="the sentinels to know each other and the replicas")

    def _agreed(self) -> RedisServer | None:
        named = {view.primary for view in self.views() if not view.failure}
        if len(named) != 1:
            return None
        port = int(named.pop().rpartition(":")[2] or 0)
        return next((server for server in self.servers if server.port == port), None)

    @staticmethod
    def _start_as_replica(server: RedisServer, primary: RedisServer) -> None:
        server.options["replicaof"] = f"127.0.0.1 {primary.port}"
        server.start()
        with redis.Redis(port=server.port) as client:
            # On a busy machine the sentinels may have made it the primary again meanwhile.
            wait_until(lambda: _is_in_sync(client.info("replication")), message="the replica to be in sync")


def _is_in_sync(replication: Mapping[str, Any]) -> bool:
    return bool(replication["role"] == "master" or replication["master_link_status"] == "up")


def _replicas(server: RedisServer | None) -> int:
    """Return the number of servers that copy a server, which may hang or have ended."""
    try:
        return (
            int(redis.Redis(port=server.port, socket_timeout=1).info("replication")["connected_slaves"])
            if server
            else 0
        )
    except redis.RedisError:
        return 0
