from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

import pytest
import redis

from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import PLACEMENTS, UPDATE_DELAY
from webhook_kit.metrics.flush import SLOT_SECONDS, MetricTotals
from webhook_kit.testing.processes import PATIENCE

PLACED = "webhook_kit_placements_total|placed"


def test_what_was_counted_is_added_to_the_totals_of_all_processes(kit: Kit) -> None:
    other = MetricTotals(kit.redis, kit.keys)
    PLACEMENTS.count("placed")
    UPDATE_DELAY.observe(0.25, "order")
    assert kit.metrics.flush()
    PLACEMENTS.count("placed")
    assert other.flush()
    assert kit.metrics.read() == {
        PLACED: 2,
        "webhook_kit_update_delay_seconds|order|0.5": 1,
        "webhook_kit_update_delay_seconds|order|sum": 250_000,
    }


def test_only_graphed_metrics_are_in_the_slots(kit: Kit) -> None:
    PLACEMENTS.count("placed")
    UPDATE_DELAY.observe(0.25, "order")
    kit.metrics.flush()
    slots = kit.metrics.slots(2)
    assert [slot[1] for slot in slots[:-1]] in ([{}], [{"placed": 1}])  # the moment may be just after a boundary
    assert sum((slot.get("placed", 0) for _, slot in slots), 0) == 1
    assert slots[1][0] - slots[0][0] == SLOT_SECONDS
    assert 24 * 3600 < kit.redis.ttl(kit.keys.metrics_slot(str(slots[1][0]))) <= 25 * 3600


def test_the_largest_sample_of_a_slot_is_kept(kit: Kit) -> None:
    for value in (3, 7, 5):
        kit.metrics.sample({"gauge|waiting": value})
    assert max(slot.get("gauge|waiting", 0) for _, slot in kit.metrics.slots(2)) == 7


def test_a_flush_without_observations_writes_nothing(kit: Kit) -> None:
    assert kit.metrics.flush()
    assert not kit.redis.exists(kit.keys.metrics)


def test_while_redis_is_away_everything_is_kept(kit: Kit) -> None:
    with patch.object(kit.redis, "execute_command", side_effect=redis.ConnectionError):
        for _ in range(3):
            PLACEMENTS.count("placed")
            assert not kit.metrics.flush()
    PLACEMENTS.count("placed")
    assert kit.metrics.flush()
    assert kit.metrics.read() == {PLACED: 4}


def test_a_lost_reply_counts_nothing_twice(kit: Kit) -> None:
    execute = kit.redis.execute_command

    def lose_reply(*arguments: object) -> None:
        execute(*arguments)  # type: ignore[no-untyped-call]
        raise redis.TimeoutError

    PLACEMENTS.count("placed")
    with patch.object(kit.redis, "execute_command", side_effect=lose_reply):
        assert not kit.metrics.flush()
    PLACEMENTS.count("placed")
    assert kit.metrics.flush()
    assert kit.metrics.read() == {PLACED: 2}


def test_an_unexpected_failure_does_not_end_the_thread(kit: Kit, events: list[dict[str, object]]) -> None:
    with patch("webhook_kit.metrics.flush.FLUSH_INTERVAL", 0.01), patch.object(MetricTotals, "flush") as flush:
        flush.side_effect = [ValueError, True, SystemExit]
        with pytest.raises(SystemExit):
            MetricTotals(kit.redis, kit.keys)._repeat()
    assert flush.call_count == 3
    assert [event["event"] for event in events] == ["metrics_flush_failed"]


PROCESS = """
import os, signal, sys, time
from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import PLACEMENTS
kit = Kit.from_env()
kit.metrics.start()
kit.metrics.start()
PLACEMENTS.count("placed")
if sys.argv[1] == "fork":
    child = os.fork()
    PLACEMENTS.count("placed" if child else "refused")
    if child:
        os.waitpid(child, 0)
    else:
        kit.metrics.flush()
        os._exit(0)
elif sys.argv[1] == "killed":
    while not kit.redis.exists(kit.keys.metrics):
        time.sleep(0.05)
    PLACEMENTS.count("placed")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def run(kit: Kit) -> Callable[[str], dict[str, int]]:
    def run_process(end: str) -> dict[str, int]:
        environment = {**os.environ, "REDIS_URL": kit.settings.redis_url, "KEY_PREFIX": kit.settings.key_prefix}
        subprocess.run([sys.executable, "-c", PROCESS, end], check=end != "killed", timeout=PATIENCE, env=environment)
        return kit.metrics.read()

    return run_process


def test_a_normal_exit_loses_nothing(run: Callable[[str], dict[str, int]]) -> None:
    assert run("exit") == {PLACED: 1}


def test_a_killed_process_loses_what_it_counted_since_the_last_flush_only(run: Callable[[str], dict[str, int]]) -> None:
    began = time.monotonic()
    assert run("killed") == {PLACED: 1}
    assert time.monotonic() - began < PATIENCE


def test_a_forked_process_counts_for_itself(run: Callable[[str], dict[str, int]]) -> None:
    assert run("fork") == {PLACED: 2, "webhook_kit_placements_total|refused": 1}
