"""Checks of Redis: it can be used, keeps what it is given, and has room for data and connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.certificates import certificate_problem
from webhook_kit.operations.checks.finding import SETTING_MISSING, CheckFinding, CheckSeverity, mistake
from webhook_kit.operations.redis_health import RedisState, megabytes, read_redis
from webhook_kit.redis_address import names_cluster
from webhook_kit.settings import Settings
from webhook_kit.storage.cluster import one_slot_advice
from webhook_kit.storage.connection import text
from webhook_kit.storage.faults import RedisFault, describe, fault

__all__ = ["Processes", "check_redis", "check_server"]

_NEARLY_FULL = 0.75
"""Part of the memory above which a plan is too small: a quarter should be free (``docs/deploying.md``)."""

_QUEUE_CONNECTIONS = 3
"""Connections of a worker besides those of its pool: RQ waits on one for jobs and on one for commands, and stops over a third."""

_COMMANDS = 5
"""Connections that are left for commands, the console of Redis's provider, and old processes of a deployment."""

_FEWEST = 2
_ENOUGH: int = Settings.model_fields["redis_max_connections"].default
"""Connections of a process below which its requests may wait for one, and above which more bring nothing."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of an installation that use Redis at the same time.

    :ivar web: processes of all web servers.
    :ivar workers: push and sync workers.
    """

    web: int = 2
    workers: int = 2

    def most_connections(self, pool: int) -> int:
        """Return the number of connections that they open at most.

        :param pool: connections of one process (``REDIS_MAX_CONNECTIONS``).
        """
        return (self.web + self.workers) * pool + self.workers * _QUEUE_CONNECTIONS

    def largest_pool(self, limit: int) -> int:
        """Return the largest ``REDIS_MAX_CONNECTIONS`` with which they and some commands stay within a limit."""
        return (limit - _COMMANDS - self.most_connections(0)) // max(1, self.web + self.workers)

    def fewer(self, pool: int, limit: int) -> Processes | None:
        """Return these processes with as many web processes as can have pools of this size within a limit; None if it is none."""
        web = (limit - _COMMANDS - self.most_connections(0)) // pool - self.workers
        return replace(self, web=web) if web > 0 else None


def check_redis(kit: Kit) -> Iterator[CheckFinding]:
    """Yield why Redis cannot be used, if it cannot."""
    try:
        kit.trial_write.run()
    except ConfigurationError as error:
        yield mistake(str(error), "redis_unusable")
    except redis.RedisError as error:
        if problem := certificate_problem(error):
            yield _bad_certificate(*problem)
        elif fault(error) is RedisFault.CLUSTER:
            yield _cluster(kit)
        elif fault(error).unreachable and "redis_url" not in kit.settings.model_fields_set:
            what = f"REDIS_URL is not set, and nothing answers at {kit.settings.redis_url}"
            yield CheckFinding(CheckSeverity.ERROR, SETTING_MISSING, "REDIS_URL", what, "attach a Redis, or start one")
        else:
            yield mistake(describe(error), "redis_unusable")


def _bad_certificate(problem: str, advice: str) -> CheckFinding:
    what = f"the certificate of Redis cannot be verified: it {problem}"
    if "self-signed" in problem:
        advice = "set REDIS_TLS_VERIFY=none if it is your provider's (Heroku), or name its authority in SSL_CERT_FILE"
    elif "another host" in problem:
        advice = "use the host name for which it was issued in REDIS_URL"
    return CheckFinding(CheckSeverity.ERROR, "redis_certificate", "REDIS_TLS_VERIFY", what, advice)


def _cluster(kit: Kit) -> CheckFinding:
    advice = f"name some of its nodes, REDIS_URL=redis+cluster://host:port,host:port, and {one_slot_advice(kit.settings.key_prefix)}"
    return CheckFinding(CheckSeverity.ERROR, "redis_cluster", "REDIS_URL", "Redis is in cluster mode", advice)


def check_server(kit: Kit, processes: Processes) -> Iterator[CheckFinding]:
    """Yield what is wrong with the server."""
    try:
        server, state = kit.redis.info(), read_redis(kit.redis)
    except redis.RedisError as error:  # some providers do not allow INFO
        what = f"version, memory, persistence and connections are not checked: {error}"
        yield CheckFinding(CheckSeverity.INFO, "redis_unknown", "REDIS_URL", what)
        return
    version = server["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
        what = f"the server is version {version}; 6.2 or later is needed"
        yield CheckFinding(CheckSeverity.ERROR, "redis_version", "REDIS_URL", what)
    if server.get("cluster_enabled") and not names_cluster(kit.settings.redis_url):
        yield _cluster(kit)  # this node may serve the slot until the slot moves
    if state.policy != "noeviction":
        what = f"maxmemory-policy is {state.policy}: Redis could delete orders"
        yield CheckFinding(CheckSeverity.ERROR, "redis_eviction", "REDIS_URL", what, "set it to noeviction")
    yield from _memory(state)
    yield from _persistence(kit.redis, state)
    yield from _connections(kit, state, processes)


def _memory(state: RedisState) -> Iterator[CheckFinding]:
    if not state.maxmemory:
        what = f"Redis uses {megabytes(state.used)} of memory and has no limit"
        yield CheckFinding(CheckSeverity.INFO, "redis_memory", "REDIS_URL", what)
        return
    part = state.used / state.maxmemory
    used = f"Redis uses {megabytes(state.used)} of {megabytes(state.maxmemory)}, {part:.0%}"
    if part < _NEARLY_FULL:
        yield CheckFinding(CheckSeverity.INFO, "redis_memory", "REDIS_URL", used)
        return
    yield CheckFinding(
        CheckSeverity.WARNING,
        "redis_memory",
        "REDIS_URL",
        f"{used}; when it is full, every order is refused",
        "choose a larger plan, set a shorter ORDER_TTL, or publish catalogs from a bucket (CATALOG_BUCKET)",
    )


def _persistence(connection: redis.Redis, state: RedisState) -> Iterator[CheckFinding]:
    def warning(what: str, advice: str) -> CheckFinding:
        return CheckFinding(CheckSeverity.WARNING, "redis_persistence", "REDIS_URL", what, advice)

    if state.aof_failed or state.save_failed:
        yield warning(
            "Redis could not save to its disk the last time, so that a restart would lose orders",
            "look at the disk and the log of Redis",
        )
    elif state.aof is False and _snapshots(connection) is False:
        yield warning(
            "Redis keeps its data in memory only, so that a restart loses every order",
            "switch persistence on (appendonly yes), or choose a plan with it",
        )
    elif state.aof is False:
        what = "Redis saves snapshots only, so that a crash loses the orders since the last one; appendonly yes would keep them"
        yield CheckFinding(CheckSeverity.INFO, "redis_persistence", "REDIS_URL", what)


def _snapshots(connection: redis.Redis) -> bool | None:
    """Return True if the server saves snapshots; None if it does not say."""
    try:
        configured = connection.config_get("save")
    except redis.RedisError:
        return None
    return bool(text(configured.get("save"))) if "save" in configured else None


def _connections(kit: Kit, state: RedisState, processes: Processes) -> Iterator[CheckFinding]:
    limit = state.max_clients or _max_clients(kit.redis)
    if not limit:
        return
    pool, largest = kit.settings.redis_max_connections, processes.largest_pool(limit)
    if pool <= largest:
        return
    yield CheckFinding(
        CheckSeverity.ERROR,
        "redis_connections",
        "REDIS_MAX_CONNECTIONS",
        f"{processes.web} web processes and {processes.workers} workers of {pool} connections each may open "
        f"{processes.most_connections(pool)}, and {_COMMANDS} are left for commands; Redis allows {limit}",
        _advice(processes, largest, limit),
    )


def _advice(processes: Processes, largest: int, limit: int) -> str:
    """Return what to do when too many connections may be opened: fewer web processes, where that leaves each more of them."""
    fewer = processes.fewer(max(largest + 1, _FEWEST), limit) if largest < _ENOUGH else None
    ways = [f"set REDIS_MAX_CONNECTIONS to {largest}"] if largest >= _FEWEST else []
    if fewer is not None:
        number = "1 web process" if fewer.web == 1 else f"{fewer.web} web processes"
        ways.append(f"run {number} (WEB_CONCURRENCY) and set REDIS_MAX_CONNECTIONS to {fewer.largest_pool(limit)}")
    if largest < _FEWEST:
        ways.append(f"choose a plan with at least {processes.most_connections(_FEWEST) + _COMMANDS} connections")
    return ", or ".join(ways)


def _max_clients(connection: redis.Redis) -> int:
    """Return the limit of connections of a server that does not tell it in INFO; 0 if it is not known."""
    try:
        return int(text(connection.config_get("maxclients").get("maxclients")) or 0)
    except (redis.RedisError, ValueError):
        return 0
