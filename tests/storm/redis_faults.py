"""The faults of Redis. Each waits for the one before."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from random import Random

import redis

from tests.storm.evidence import Window
from tests.storm.faults import Act
from tests.storm.installation import Installation
from webhook_kit.testing.processes import free_port
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["REDIS_FAULTS"]


def _alone(act: Callable[[Installation, Random], AbstractContextManager[None]]) -> Act:
    @contextmanager
    def alone(installation: Installation, random: Random) -> Iterator[None]:
        with installation.redis_lock, act(installation, random):
            yield

    return alone


@contextmanager
def _killed(installation: Installation, random: Random) -> Iterator[None]:
    """The kernel keeps the writes of the process, so that nothing is lost."""
    installation.redis.kill()
    yield
    installation.redis.start()


@contextmanager
def _stopped(installation: Installation, random: Random) -> Iterator[None]:
    os.kill(installation.redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(installation.redis.pid, signal.SIGCONT)


@contextmanager
def _loses_its_last_second(installation: Installation, random: Random) -> Iterator[None]:
    """The host dies before the append-only file is on its disk."""
    began, sizes = time.time(), _log_sizes(installation.redis)
    time.sleep(1.0)
    installation.redis.kill()
    for file, size in sizes.items():
        with suppress(FileNotFoundError):  # it was rewritten meanwhile
            os.truncate(file, size)
    yield
    installation.redis.start()
    installation.losses.append(Window(began - 0.5, time.time()))


def _log_sizes(server: RedisServer) -> dict[Path, int]:
    files = [*server.directory.glob("appendonlydir/*.incr.aof"), *server.directory.glob("appendonly.aof")]
    return {file: file.stat().st_size for file in files}


@contextmanager
def _loses_everything(installation: Installation, random: Random) -> Iterator[None]:
    began = time.time()
    installation.redis.kill()
    for entry in installation.redis.directory.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    yield
    installation.redis.start()
    installation.losses.append(Window(began - 0.5, time.time()))


@contextmanager
def _emptied(installation: Installation, random: Random) -> Iterator[None]:
    began = time.time()
    with _client(installation) as client:
        client.flushall()
    installation.losses.append(Window(began - 0.5, time.time()))
    yield


@contextmanager
def _full(installation: Installation, random: Random) -> Iterator[None]:
    with _client(installation) as client:
        client.config_set("maxmemory", 1_000_000)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@contextmanager
def _read_only(installation: Installation, random: Random) -> Iterator[None]:
    """It is a replica of a server that is not there."""
    with _client(installation) as client:
        client.replicaof("127.0.0.1", free_port())
        try:
            yield
        finally:
            client.replicaof("NO", "ONE")


@contextmanager
def _without_replicas(installation: Installation, random: Random) -> Iterator[None]:
    with _client(installation) as client:
        client.config_set("min-replicas-to-write", 1)
        try:
            yield
        finally:
            client.config_set("min-replicas-to-write", 0)


@contextmanager
def _client(installation: Installation) -> Iterator[redis.Redis]:
    with redis.Redis(port=installation.redis.port, socket_timeout=60) as client:
        yield client


REDIS_FAULTS: Mapping[str, Act] = {
    name: _alone(act)
    for name, act in {
        "redis killed": _killed,
        "redis stopped": _stopped,
        "redis loses its last second": _loses_its_last_second,
        "redis loses everything": _loses_everything,
        "redis emptied": _emptied,
        "redis full": _full,
        "redis read-only": _read_only,
        "redis without replicas": _without_replicas,
    }.items()
}
