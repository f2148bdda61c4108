"""The redis-server: its configuration, its data after a restart, its end, and the choice of the binary."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest
import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.testing import redis_server
from webhook_kit.testing.processes import Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer


def client(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def fake_server(binary: Path, version: str) -> Path:
    binary.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64'\n")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def test_the_configuration_is_that_of_production() -> None:
    with RedisServer() as server, client(server) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert connection.config_get("append*") | {
            "appendonly": "yes",
            "appendfsync": "everysec",
        } == connection.config_get("append*")
        assert connection.config_get("save") == {"save": ""}
        assert connection.config_get("bind") == {"bind": "127.0.0.1"}
        assert connection.info("server")["process_id"] == server.pid
        assert server.url == f"redis://127.0.0.1:{server.port}/0"
        directory = server.directory
        assert directory.is_dir()
    assert not server.running
    assert not directory.exists()


def test_data_and_port_survive_stop_and_kill() -> None:
    with RedisServer() as server:
        port, pid = server.port, server.pid
        with client(server) as connection:
            connection.set("a", "stopped")
        server.stop()
        server.stop()
        server.start()
        with client(server) as connection:
            assert connection.get("a") == "stopped"
            connection.set("a", "killed")
        server.kill()
        assert not server.running
        server.restart()
        with client(server) as connection:
            assert connection.get("a") == "killed"
        with pytest.raises(RuntimeError, match="is already running"):
            server.start()
        server.restart()
        assert server.port == port
        assert server.pid != pid


def test_a_given_directory_is_kept(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, client(server) as connection:
        connection.set("a", "kept")
    with RedisServer(tmp_path) as server, client(server) as connection:
        assert connection.get("a") == "kept"


def test_another_port_is_used_when_the_first_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, RedisServer() as earlier:
        ports = iter([other.getsockname()[1], earlier.port, free := free_port()])
        monkeypatch.setattr(redis_server, "free_port", lambda: next(ports))
        with RedisServer() as server:
            assert server.port == free


def test_a_failed_start_shows_the_output(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_text("this is not an append-only file\n")
    with pytest.raises(ChildProcessError, match="Bad file format"), RedisServer(tmp_path):
        pass


def test_the_server_ends_with_its_parent() -> None:
    code = """
import time
from webhook_kit.testing.redis_server import RedisServer
with RedisServer() as server:
    print(server.port, flush=True)
    time.sleep(600)
"""
    with Process([sys.executable, "-c", code]) as process:
        port = int(process.wait_until(process.output))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return True
            return False

        wait_until(refused, message="the end of the redis-server")


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
@pytest.mark.parametrize(("version", "chosen"), [("99.0.0", True), ("6.2.0", False), ("5.0.14", False)])
def test_the_newest_of_path_and_package_is_used(
    name: str, version: str, chosen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = fake_server(tmp_path / name, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (redis_server.binary() == str(binary)) is chosen


def test_a_server_on_the_path_is_used_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "find_spec", lambda _name: None)
    binary = fake_server(tmp_path / "redis-server", "6.2.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert redis_server.binary() == str(binary)


def test_the_server_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = fake_server(tmp_path / "another-name", "6.2.0")
    monkeypatch.setenv("REDIS_SERVER", str(binary))
    assert redis_server.binary() == str(binary)


@pytest.mark.parametrize("version", [None, "6.0.16", "nonsense"])
def test_a_server_of_the_environment_that_cannot_be_used_is_named(
    version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "another-name"
    if version:
        fake_server(path, version)
    monkeypatch.setenv("REDIS_SERVER", str(path))
    with pytest.raises(ConfigurationError, match=f"REDIS_SERVER: {path} is not a Redis or Valkey server"):
        redis_server.binary()


@pytest.mark.parametrize("version", [None, "6.0.16", "nonsense"])
def test_the_error_without_a_server_names_the_package(
    version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if version else str(tmp_path))
    if version:
        fake_server(tmp_path / "redis-server", version)
    with pytest.raises(ConfigurationError, match=r"pip install webhook-kit\[redis\]"):
        RedisServer()
