"""Checks of sentinels and replicas, on real ones: the primary is named, and what would prevent a fail-over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.storage.fake_sentinel import FakeSentinel
from tests.storage.sentinel_env import PRIMARY, SentinelEnv
from webhook_kit.app import create_app
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckSeverity
from webhook_kit.operations.checks.redis_server import check_redis
from webhook_kit.operations.checks.replication import check_replicas, check_sentinels
from webhook_kit.operations.health import read_health
from webhook_kit.testing.processes import free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

MakeKit = Callable[..., Kit]


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelEnv]:
    with SentinelEnv(tmp_path_factory.mktemp("sentinels")) as env:
        yield env


def warnings(kit: Kit) -> list[str]:
    return [str(finding) for finding in check_sentinels(kit) if finding.severity is CheckSeverity.WARNING]


def test_the_primary_is_named(sentinels: SentinelEnv, make_kit: MakeKit) -> None:
    kit = make_kit(redis_url=sentinels.url)
    assert list(check_redis(kit)) == []
    (finding,) = check_sentinels(kit)
    assert (finding.severity, finding.code) == (CheckSeverity.INFO, "redis_primary")
    assert finding.what == (
        f"the primary {PRIMARY} is 127.0.0.1:{sentinels.servers[0].port}; sentinels: 3, replicas: 1"
    )


def test_a_sentinel_that_does_not_answer_is_a_warning(sentinels: SentinelEnv, make_kit: MakeKit) -> None:
    port = free_port()
    (warning,) = warnings(make_kit(redis_url=sentinels.url.replace("//", f"//127.0.0.1:{port},")))
    assert f"sentinels that do not answer: 127.0.0.1:{port} (Error 111" in warning


def test_a_sentinel_of_others_is_a_warning(sentinels: SentinelEnv, make_kit: MakeKit) -> None:
    with FakeSentinel({"cache": 1}) as other:
        (warning,) = warnings(make_kit(redis_url=sentinels.url.replace("//", f"//{other.address},")))
    assert f"sentinels that do not know the primary: {other.address}" in warning


def test_an_unknown_primary_is_an_error_that_names_those_that_are_known(
    sentinels: SentinelEnv, make_kit: MakeKit
) -> None:
    kit = make_kit(redis_url=sentinels.url.replace(f"/{PRIMARY}/", "/mymaster/"))
    (finding,) = check_redis(kit)
    assert finding.severity is CheckSeverity.ERROR
    assert f"the sentinels know no primary mymaster; they know: {PRIMARY}" in str(finding)
    assert list(check_sentinels(kit)) == []
    response = create_app(kit).test_client().get("/readyz")
    assert response.json == {"status": "not ready", "redis": "primary unknown to the sentinels"}


def test_no_sentinel_is_an_error_that_names_each(make_kit: MakeKit) -> None:
    ports = free_port(), free_port()
    (finding,) = check_redis(
        make_kit(redis_url=f"redis+sentinel://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/{PRIMARY}")
    )
    assert finding.severity is CheckSeverity.ERROR
    assert all(f"127.0.0.1:{port}: Error 111" in str(finding) for port in ports)


def test_one_sentinel_and_no_replica_are_warnings(tmp_path: Path, make_kit: MakeKit) -> None:
    with SentinelEnv(tmp_path, replicas=0, sentinels=1, quorum=2) as env:
        few, quorum, replica = warnings(make_kit(redis_url=env.url))
    assert "the number of sentinels is 1" in few
    assert "NOQUORUM" in quorum
    assert "no replica" in replica


def test_missing_replicas_that_each_order_needs_are_a_warning_and_urgent(
    redis_server: RedisServer, make_kit: MakeKit
) -> None:
    assert list(check_replicas(make_kit())) == []
    kit = make_kit(redis_wait_replicas=2)
    (finding,) = check_replicas(kit)
    assert (finding.severity, finding.where) == (CheckSeverity.WARNING, "REDIS_WAIT_REPLICAS")
    assert "has 0 replicas and each order needs 2" in finding.what
    assert "redis_replicas" in [finding.code for finding in read_health(kit).findings]


def test_replicas_that_are_there_are_enough(sentinels: SentinelEnv, make_kit: MakeKit) -> None:
    kit = make_kit(redis_url=sentinels.url, redis_wait_replicas=1)
    wait_until(lambda: not list(check_replicas(kit)), message="the replica to be connected")
