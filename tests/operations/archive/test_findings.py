"""Alerts, health and gauges about the archive, and its check."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from webhook_kit.kit import Kit
from webhook_kit.operations.archive.findings import duration, find_archive_alerts
from webhook_kit.operations.checks.archive import check_archive
from webhook_kit.operations.checks.finding import CheckFinding
from webhook_kit.operations.gauges import read_gauges
from webhook_kit.operations.health import read_health
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.clock import redis_time


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


def alerts(env: ArchiveEnv, later: float = 0.0) -> dict[str, str]:
    found = find_archive_alerts(env.kit, redis_time(env.kit.redis) + later)
    return {finding.alert.code: finding.alert.why for finding in found}


def gauges(kit: Kit) -> dict[str, float]:
    return {name: float(value) for name, _, value in read_gauges(kit) if "archive" in name}


def checked(kit: Kit) -> dict[str, CheckFinding]:
    return {finding.code: finding for finding in check_archive(kit, redis_usable=True)}


def wait_since(env: ArchiveEnv, ref: str, seconds: float) -> None:
    """Let an order have waited for so many seconds, of which its time in Redis has passed."""
    kit = env.kit
    kit.redis.zadd(kit.keys.archiving_due, {ref: int((redis_time(kit.redis) - seconds) * 1000)})
    kit.redis.pexpire(kit.keys.archive(ref), int((kit.settings.order_ttl - seconds) * 1000))


def test_without_an_archive_nothing_is_found(kit: Kit) -> None:
    assert list(find_archive_alerts(kit, 0)) == []
    assert gauges(kit) == {}
    assert checked(kit) == {}


def test_lag_is_an_alert_that_says_how_long_is_left(env: ArchiveEnv) -> None:
    ref = env.ended()
    assert alerts(env) == {}
    wait_since(env, ref, 2 * 86_400)
    [(code, why)] = alerts(env).items()
    assert code is Alert.ARCHIVE_BEHIND
    assert why.startswith("1 orders wait, the oldest for 2 d 0 h; the first of them expires from Redis in ")
    assert why.endswith(("4 d 23 h", "5 d 0 h"))
    read = gauges(env.kit)
    assert read["webhook_kit_archive_waiting"] == 1
    assert 2 * 86_400 <= read["webhook_kit_archive_lag_seconds"] < 2 * 86_400 + 600
    assert 5 * 86_400 - 600 < read["webhook_kit_archive_left_seconds"] <= 5 * 86_400
    assert "archive_behind" in [finding.code for finding in read_health(env.kit).findings]
    assert checked(env.kit)["archive_lag"].severity == "warning"
    env.writer.run()
    assert alerts(env) == {}
    assert gauges(env.kit)["webhook_kit_archive_lag_seconds"] == 0
    assert "archive_behind" not in [finding.code for finding in read_health(env.kit).findings]
    assert checked(env.kit)["archive_lag"].severity == "info"


def test_a_loss_that_is_near_is_critical(env: ArchiveEnv) -> None:
    ref = env.ended()
    wait_since(env, ref, 5 * 86_400)
    assert alerts(env)[Alert.ARCHIVE_LOSES].startswith("the first order expires unarchived in ")


def test_a_loss_is_an_alert_for_a_day(env: ArchiveEnv) -> None:
    env.queue.record_lost(3)
    assert alerts(env)[Alert.ARCHIVE_LOSES].startswith("3 orders have expired unarchived, the last one at ")
    assert alerts(env, later=86_401) == {}
    assert gauges(env.kit)["webhook_kit_archive_orders_lost_total"] == 3
    assert "3 orders have expired" in checked(env.kit)["archive_lag"].what


def test_a_refused_order_is_an_alert(env: ArchiveEnv) -> None:
    env.queue.record_refused("o-1")
    assert alerts(env) == {Alert.ARCHIVE_LOSES: "PostgreSQL refuses order o-1"}


def test_the_audit_log_counts_too(env: ArchiveEnv) -> None:
    kit = env.kit
    seconds = redis_time(kit.redis) - 7200
    kit.redis.xadd(kit.keys.audit, {"who": "ada"}, id=f"{int(seconds * 1000)}-0")
    assert Alert.ARCHIVE_BEHIND in alerts(env)
    env.writer.run()
    assert alerts(env) == {}


def test_what_keeps_the_archive_from_being_used_is_found(make_env: Callable[..., ArchiveEnv]) -> None:
    env = make_env(migrate=False)
    finding = checked(env.kit)["archive_unavailable"]
    assert (finding.severity, finding.where) == ("warning", "ARCHIVE_URL")
    assert finding.advice == "run `webhook-kit archive migrate`"
    env.database.migrate()
    assert "archive_unavailable" not in checked(env.kit)


def test_a_missing_extra_is_an_error(make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch) -> None:
    kit = make_kit(archive_url="postgres://localhost/d")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    [finding] = check_archive(kit, redis_usable=True)
    assert finding.severity == "error"
    assert "webhook-kit[postgres]" in str(finding)


def test_times_for_people() -> None:
    assert [duration(each) for each in (0, 59, 61, 3_600, 100_000)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "1 h 0 min",
        "1 d 3 h",
    ]
