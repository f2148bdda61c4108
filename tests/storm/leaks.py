"""Memory, threads and open files of every process, connections and keys of Redis."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from tests.storm.installation import Installation
from tests.storm.options import KIT_SETTINGS
from webhook_kit.storage.connection import text

__all__ = ["KeyRules", "Sample", "Samples", "judge_connections", "judge_keys", "judge_samples"]

_WARM = 180.0
"""Seconds after its start in which a process reaches its usual size; in a long life, the first quarter of it."""

_LIFE = 300.0
"""Seconds that a process has to live until it is judged."""

_MORE_MEMORY = 1.5, 60_000_000
"""Factor and bytes by which memory may grow from then on: both have to be exceeded."""

_MORE_THREADS, _MORE_FILES = 48, 64
"""Threads and files that a process may have more than after it was warm: its pools grow up to their limits."""

_CONNECTIONS = int(KIT_SETTINGS["REDIS_MAX_CONNECTIONS"]) + 3
"""Connections to Redis that a process may have: REDIS_MAX_CONNECTIONS, and those with which a worker waits for jobs."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Size of a process with its children.

    :ivar age: seconds since its start.
    """

    name: str
    kind: str
    pid: int
    age: float
    memory: int
    threads: int
    files: int


class Samples:
    """Sizes of the kit's processes over time.

    :ivar connections: the connections that Redis has had.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.taken: list[Sample] = []
        self.connections: list[int] = []

    def take(self) -> None:
        """Take a sample of each process."""
        for member in self._installation.kit_members():
            if member.expected:
                with suppress(psutil.Error, RuntimeError):
                    root = psutil.Process(member.pid)
                    whole = [root, *root.children(recursive=True)]
                    self.taken.append(
                        Sample(
                            member.name,
                            member.kind,
                            member.pid,
                            time.time() - root.create_time(),
                            sum(each.memory_info().rss for each in whole),
                            sum(each.num_threads() for each in whole),
                            sum(each.num_fds() for each in whole),
                        )
                    )
        with suppress(redis.RedisError):
            self.connections.append(int(self._installation.kit.redis.info("clients")["connected_clients"]))


def judge_samples(samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the processes that have grown since they were warm, by their last sample at rest."""
    lives = dict[str, list[Sample]]()
    for sample in samples:
        life = lives.setdefault(sample.name, [])
        if life and life[-1].pid != sample.pid:  # one that has ended is not at rest
            life.clear()
        life.append(sample)
    for name, life in lives.items():
        last = life[-1]
        warm = [sample for sample in life if sample.age <= max(_WARM, last.age / 4)]
        if last.age < _LIFE or not warm:
            continue
        memory, threads, files = (max(getattr(each, what) for each in warm) for what in ("memory", "threads", "files"))
        factor, more = _MORE_MEMORY
        if last.memory > factor * memory and last.memory > memory + more:
            yield f"{name} has grown from {memory:,} to {last.memory:,} bytes in {last.age:.0f} s"
        if last.threads > threads + _MORE_THREADS:
            yield f"{name} has {last.threads} threads, and had {threads} when it was warm"
        if last.files > files + _MORE_FILES:
            yield f"{name} has {last.files} open files, and had {files} when it was warm"


def judge_connections(installation: Installation, connections: int) -> Iterator[str]:
    """Yield a complaint if Redis has more connections at rest than the processes may have."""
    allowed = _CONNECTIONS * (len(installation.kit_members()) + 2)
    if connections > allowed:
        yield f"{connections} connections to Redis at rest, and {allowed} are allowed"


# -- keys --------------------------------------------------------------------------------------------------------------

_FOR_EVER = re.compile(
    r"permanent|an entry|replaced by the next|while it is current|the newest|as many as|until resumed|until Gett accepts"
    r"|^one|until a sync worker|as its record|as long as its record"
)
"""Texts of the column "lives" of docs/redis.md after which a key may be without an end of its own."""

_ENDS_AT_REST = ("order:", "key:", "gett:", "lane:", "history:", "archive:", "pos:", "alert:", "alert-deliveries:")
"""Keys that may be without an end only while something waits, is in doubt or is open."""

_NEVER_AT_REST = ("queue:", "leases:")


class KeyRules:
    """The table of ``docs/redis.md``: which keys there are, and which may be without an end."""

    def __init__(self, page: str) -> None:
        rows = re.findall(r"^\| `([^`]+)` \| [^|]* \| [^|]* \| ([^|]*) \|$", page, re.MULTILINE)
        self._rules = [(_pattern(name), bool(_FOR_EVER.search(lives))) for name, lives in rows]

    @classmethod
    def of_the_documentation(cls) -> KeyRules:
        """Read the page."""
        return cls((Path(__file__).parents[2] / "docs" / "redis.md").read_text())

    def complaint(self, key: str, ttl: int, *, open_alerts: frozenset[str] = frozenset()) -> str | None:
        """Return what is wrong with a key at rest.

        :param key: without the prefix.
        :param ttl: seconds; negative without an end.
        """
        rule = next((rule for rule in self._rules if rule[0].fullmatch(key)), None)
        if rule is None:
            return f"{key} is not in docs/redis.md"
        if key.startswith(_NEVER_AT_REST) and ttl < 0:
            return f"{key} is left"
        if ttl >= 0 or key.partition(":")[2] in open_alerts:
            return None
        if key.startswith(_ENDS_AT_REST) or not rule[1]:
            return f"{key} has neither an end nor an owner"
        return None


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"<[^>]+>", ".+", re.escape(name).replace(r"\ ", " ").replace(r"\-", "-")))


def judge_keys(installation: Installation, open_alerts: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with the keys of Redis at rest."""
    rules, connection = KeyRules.of_the_documentation(), installation.kit.redis
    prefix = installation.kit.keys.prefix
    for raw in connection.scan_iter(f"{prefix}*", count=1000):
        key = text(raw)
        ttl = int(connection.ttl(key))
        if ttl > -2 and (complaint := rules.complaint(key.removeprefix(prefix), ttl, open_alerts=open_alerts)):
            yield complaint
