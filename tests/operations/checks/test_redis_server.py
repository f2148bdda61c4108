"""Checks of a real Redis that is nearly full, saves nothing, allows few connections, or has a bad certificate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.tls_redis import TlsProxy, make_certificate
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.operations.checks.redis_server import Processes, check_redis, check_server
from webhook_kit.testing.redis_server import RedisServer

MakeKit = Callable[..., Kit]


@pytest.fixture(scope="module")
def own_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_redis(own_server: RedisServer) -> Iterator[redis.Redis]:
    """The server whose configuration a test may change; it has its own again afterwards."""
    client = redis.Redis(port=own_server.port)
    names = ("maxmemory", "appendonly", "save", "maxclients", "requirepass")
    before = {name: client.config_get(name)[name] for name in names}
    yield client
    for name, value in before.items():
        client.config_set(name, value or "")
    client.flushall()
    client.close()


@pytest.fixture
def own_kit(own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit) -> Kit:
    return make_kit(redis_url=own_server.url)


def found(kit: Kit, code: str, processes: Processes | None = None) -> list[CheckFinding]:
    assert list(check_redis(kit)) == []
    return [finding for finding in check_server(kit, processes or Processes()) if finding.code == code]


def test_memory_that_is_nearly_full_is_a_warning(own_kit: Kit, own_redis: redis.Redis) -> None:
    (finding,) = found(own_kit, "redis_memory")
    assert finding.severity is CheckSeverity.INFO
    used = own_redis.info("memory")["used_memory"]
    own_redis.config_set("maxmemory", int(used * 1.2))
    (finding,) = found(own_kit, "redis_memory")
    assert (finding.severity, finding.where) == (CheckSeverity.WARNING, "REDIS_URL")
    assert "ORDER_TTL" in finding.advice
    own_redis.config_set("maxmemory", used * 3)
    (finding,) = found(own_kit, "redis_memory")
    assert finding.severity is CheckSeverity.INFO


def test_redis_without_persistence_is_a_warning_and_snapshots_alone_are_worth_knowing(
    own_kit: Kit, own_redis: redis.Redis
) -> None:
    assert found(own_kit, "redis_persistence") == []
    own_redis.config_set("appendonly", "no")
    (finding,) = found(own_kit, "redis_persistence")
    assert finding.severity is CheckSeverity.WARNING
    assert "in memory only" in finding.what
    own_redis.config_set("save", "3600 1")
    (finding,) = found(own_kit, "redis_persistence")
    assert finding.severity is CheckSeverity.INFO
    assert "snapshots only" in finding.what


def test_snapshot_that_failed_is_a_warning(own_kit: Kit, own_redis: redis.Redis, own_server: RedisServer) -> None:
    own_redis.config_set("appendonly", "no")
    own_redis.set("something", "to save")
    target = own_server.directory / "dump.rdb"
    target.unlink(missing_ok=True)
    (target / "in-the-way").mkdir(parents=True)  # a snapshot cannot replace a folder
    try:
        with pytest.raises(redis.RedisError):
            own_redis.save()
        own_redis.bgsave()
        while own_redis.info("persistence")["rdb_bgsave_in_progress"]:
            pass
        own_redis.config_set("stop-writes-on-bgsave-error", "no")
        (finding,) = found(own_kit, "redis_persistence")
        assert "could not save" in finding.what
    finally:
        (target / "in-the-way").rmdir()
        target.rmdir()
        own_redis.bgsave()
        while own_redis.info("persistence")["rdb_bgsave_in_progress"]:
            pass
    assert "could not save" not in str(found(own_kit, "redis_persistence"))


def test_number_of_connections_that_fits_the_plan_is_named(
    own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit
) -> None:
    own_redis.config_set("maxclients", 40)
    kit = make_kit(redis_url=own_server.url, redis_max_connections=40)
    (finding,) = found(kit, "redis_connections", Processes(web=3, workers=2))
    assert (finding.severity, finding.where) == (CheckSeverity.ERROR, "REDIS_MAX_CONNECTIONS")
    assert "may open 206, and 5 are left for commands; Redis allows 40" in finding.what
    assert finding.advice == "set REDIS_MAX_CONNECTIONS to 5"
    named = make_kit(redis_url=own_server.url, redis_max_connections=5)
    assert found(named, "redis_connections", Processes(web=3, workers=2)) == []


@pytest.mark.parametrize(
    ("limit", "web", "advice"),
    [
        (
            20,
            2,
            "set REDIS_MAX_CONNECTIONS to 2, or run 1 web process (WEB_CONCURRENCY) and set REDIS_MAX_CONNECTIONS to 3",
        ),
        (
            40,
            6,
            "set REDIS_MAX_CONNECTIONS to 3, or run 5 web processes (WEB_CONCURRENCY) and set REDIS_MAX_CONNECTIONS to 4",
        ),
        (40, 3, "set REDIS_MAX_CONNECTIONS to 5"),
        (
            *(40, 20),
            "run 12 web processes (WEB_CONCURRENCY) and set REDIS_MAX_CONNECTIONS to 2, or choose a plan with at least 55 connections",
        ),
        (15, 20, "choose a plan with at least 55 connections"),
    ],
)
def test_advice_on_connections_can_be_followed(
    limit: int, web: int, advice: str, own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit
) -> None:
    own_redis.config_set("maxclients", limit)
    kit = make_kit(redis_url=own_server.url, redis_max_connections=10)
    (finding,) = found(kit, "redis_connections", Processes(web=web))
    assert finding.advice == advice
    for processes, pool in re.findall(r"run (\d+) web .*?CONNECTIONS to (\d+)", advice):
        followed = make_kit(redis_url=own_server.url, redis_max_connections=int(pool))
        assert found(followed, "redis_connections", Processes(web=int(processes))) == []


@pytest.mark.parametrize(
    ("limit", "web", "settings"),
    [
        (40, 3, {}),  # a web server of two processes, and the console
        (20, 1, {"redis_max_connections": 3}),
    ],
)
def test_small_plans_hold_an_installation(
    limit: int, web: int, settings: dict[str, Any], own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit
) -> None:
    own_redis.config_set("maxclients", limit)
    kit = make_kit(redis_url=own_server.url, **settings)
    assert found(kit, "redis_connections", Processes(web=web)) == []
    assert len(found(kit, "redis_connections", Processes(web=web + 1))) == 1


def test_wrong_password_is_an_error(own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit) -> None:
    own_redis.config_set("requirepass", "right")
    own_redis.auth("right")
    (finding,) = check_redis(make_kit(redis_url=f"redis://:topsecret@127.0.0.1:{own_server.port}/0"))
    assert finding.severity is CheckSeverity.ERROR
    assert "REDIS_URL: Redis refuses the user or the password" in str(finding)
    assert "topsecret" not in str(finding)
    assert list(check_redis(make_kit(redis_url=f"redis://:right@127.0.0.1:{own_server.port}/0"))) == []


def test_provider_that_does_not_allow_info_is_worth_knowing(
    own_redis: redis.Redis, own_server: RedisServer, make_kit: MakeKit
) -> None:
    own_redis.acl_setuser("noinfo", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-info", "-config"])
    kit = make_kit(redis_url=f"redis://noinfo:pw@127.0.0.1:{own_server.port}/0")
    (finding,) = check_server(kit, Processes())
    assert (finding.severity, finding.code) == (CheckSeverity.INFO, "redis_unknown")


CERTIFICATES: dict[str, tuple[dict[str, Any], str, str]] = {
    "self-signed": ({}, "it is self-signed", "REDIS_TLS_VERIFY=none"),
    "expired": ({"days": -1}, "it has expired", "renew it"),
    "wrong host": ({"host": "redis.example.org"}, "it was issued for another host name", "REDIS_URL"),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_trouble_with_the_certificate_is_named_with_its_variable(
    case: str, redis_server: RedisServer, make_kit: MakeKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, problem, advice = CERTIFICATES[case]
    certificate = make_certificate(tmp_path, **options)
    if case != "self-signed":  # the authority is known, so that only the other fault is left
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    proxy = TlsProxy(certificate, redis_server.port)
    try:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        (finding,) = check_redis(make_kit(redis_url=url))
        assert (finding.severity, finding.where) == (CheckSeverity.ERROR, "REDIS_TLS_VERIFY")
        assert problem in finding.what
        assert advice in finding.advice
        assert list(check_redis(make_kit(redis_url=url, redis_tls_verify="none"))) == []
    finally:
        proxy.close()
