"""State of the Redis server: memory, persistence, eviction and connections, as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.storage.connection import OUT_OF_REACH

__all__ = ["RedisState", "megabytes", "read_redis", "read_redis_if_allowed", "redis_findings", "replica_findings"]

_NEARLY_FULL, _FILLING = 0.95, 0.8
"""Parts of the memory from which writes are about to fail, and from which a person should act."""

_CONNECTIONS_USED_UP = 0.9


@dataclass(frozen=True, slots=True)
class RedisState:
    """State of the server. Sizes are bytes; None is unknown, because some providers hide it.

    :ivar maxmemory: memory that the server may use; 0: no limit is set.
    :ivar aof: True if every write is logged to disk.
    :ivar aof_failed: True if the last write of this log failed.
    :ivar last_save: moment of the last snapshot, Unix seconds.
    :ivar save_failed: True if the last snapshot failed.
    :ivar unsaved: changes since the last snapshot.
    :ivar replica: True if the server copies another one, and takes no writes.
    :ivar replicas: number of servers that copy this one.
    """

    version: str
    used: int
    maxmemory: int
    policy: str
    aof: bool | None
    aof_failed: bool
    last_save: float | None
    save_failed: bool
    unsaved: int
    clients: int
    max_clients: int
    replica: bool = False
    replicas: int = 0

    @property
    def filled(self) -> float | None:
        """Part of the memory that is used; None without a limit."""
        return self.used / self.maxmemory if self.maxmemory else None


def read_redis(connection: redis.Redis) -> RedisState:
    """Return the state of the server.

    :raises redis.RedisError: it is not reachable, or does not allow INFO.
    """
    info: Mapping[str, Any] = connection.info()
    aof, saved = info.get("aof_enabled"), info.get("rdb_last_save_time")
    return RedisState(
        version=str(info.get("redis_version", "")),
        used=int(info.get("used_memory", 0)),
        maxmemory=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "noeviction")),
        aof=None if aof is None else bool(aof),
        aof_failed=info.get("aof_last_write_status") == "err" or info.get("aof_last_bgrewrite_status") == "err",
        last_save=float(saved) if saved else None,
        save_failed=info.get("rdb_last_bgsave_status") == "err",
        unsaved=int(info.get("rdb_changes_since_last_save", 0)),
        clients=int(info.get("connected_clients", 0)),
        max_clients=int(info.get("maxclients", 0)),
        replica=info.get("role") == "slave" and bool(info.get("slave_read_only", 1)),
        replicas=int(info.get("connected_slaves", 0)),
    )


def read_redis_if_allowed(connection: redis.Redis) -> RedisState | None:
    """Return the state of the server; None if it does not allow INFO, as with some providers.

    :raises redis.RedisError: it is not reachable.
    """
    try:
        return read_redis(connection)
    except OUT_OF_REACH:
        raise
    except redis.RedisError:
        return None


def redis_findings(state: RedisState, now: float) -> Iterator[HealthFinding]:
    """Yield everything that is wrong with the server."""
    if state.replica:
        yield HealthFinding(
            "redis_read_only",
            HealthSeverity.URGENT,
            "Redis is a read-only replica, so that no order is taken and nothing is sent to Gett.",
            "After a failover, set REDIS_URL to the address of the primary and restart. What is shown here may be old.",
            "webhook-kit check",
        )
    yield from _memory(state)
    yield from _persistence(state, now)
    if state.policy != "noeviction":
        yield HealthFinding(
            "redis_eviction",
            HealthSeverity.WARNING,
            f"Redis deletes data when it is full (maxmemory-policy {state.policy}), and could delete orders.",
            "Set maxmemory-policy to noeviction where Redis is configured.",
            "webhook-kit check",
        )
    if state.max_clients and state.clients >= _CONNECTIONS_USED_UP * state.max_clients:
        yield HealthFinding(
            "redis_connections",
            HealthSeverity.WARNING,
            f"Redis has {state.clients} of at most {state.max_clients} connections.",
            "Lower REDIS_MAX_CONNECTIONS or the number of processes, or choose a larger Redis plan.",
            "webhook-kit check",
        )


def replica_findings(state: RedisState, needed: int) -> Iterator[HealthFinding]:
    """Yield that replicas are missing without which orders are refused."""
    if not state.replica and state.replicas < needed:
        yield HealthFinding(
            "redis_replicas",
            HealthSeverity.URGENT,
            f"Redis has {state.replicas} of the {needed} replicas that have to have each order, so that orders are answered 503.",
            "Start the replicas of Redis, or lower REDIS_WAIT_REPLICAS.",
            "webhook-kit check",
        )


def _memory(state: RedisState) -> Iterator[HealthFinding]:
    if state.filled is None or state.filled < _FILLING:
        return
    full = state.filled >= _NEARLY_FULL
    yield HealthFinding(
        "redis_memory",
        HealthSeverity.URGENT if full else HealthSeverity.WARNING,
        f"The memory of Redis is {state.filled:.0%} full ({megabytes(state.used)} of {megabytes(state.maxmemory)})"
        f"{'; soon no order can be taken' if full else ''}.",
        "Choose a larger Redis plan, or delete data of others from it.",
        "webhook-kit check",
    )


def _persistence(state: RedisState, now: float) -> Iterator[HealthFinding]:
    if state.aof_failed or state.save_failed:
        yield HealthFinding(
            "redis_save_failed",
            HealthSeverity.URGENT,
            "Redis cannot save to its disk: a restart would lose orders.",
            "Look at the disk and at the log of Redis: it is full, or Redis may not write to it.",
            since=state.last_save,
        )
    elif state.aof is False:
        hours = (now - state.last_save) / 3600 if state.last_save else 0.0
        old = f"; the last snapshot is {hours:.0f} h old, {state.unsaved} changes are not in it" if hours >= 1 else ""
        yield HealthFinding(
            "redis_not_persistent",
            HealthSeverity.NOTE,
            f"Redis does not log its writes to disk (AOF is off): after a crash the latest orders are lost{old}.",
            "Switch AOF on (appendonly yes), or choose a plan with persistence.",
        )


def megabytes(size: int) -> str:
    """Return a size for people."""
    return f"{size / 1_000_000:.1f} MB" if size < 10_000_000 else f"{size / 1_000_000:.0f} MB"
