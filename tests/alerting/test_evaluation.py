"""Rules: what lasts is opened, what is over is resolved after a while, and what comes and goes stays open."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest
import redis

from tests.alerting.alert_env import AlertEnv, in_doubt, pos_down
from webhook_kit.alerting.evaluation import AlertEvaluation, AlertFinding, AlertRule
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert

CODES = frozenset({Alert.IN_DOUBT.value})


class RuleEnv(AlertEnv):
    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.findings: list[AlertFinding | None] = []
        self.error: Exception | None = None
        rules = [
            AlertRule("rule", CODES, self._find),
            AlertRule("other", frozenset({Alert.POS_DOWN.value}), lambda _: [AlertFinding(pos_down())]),
        ]
        self.evaluation = AlertEvaluation(kit.redis, kit.keys, self.open, rules)

    def _find(self, _now: float) -> list[AlertFinding | None]:
        if self.error is not None:
            raise self.error
        return self.findings

    def evaluate(self, *, seconds: float = 0.0) -> bool:
        self.clock.advance(seconds)
        self.evaluation.run()
        return in_doubt().id in self.open.ids()


@pytest.fixture
def env(kit: Kit) -> RuleEnv:
    return RuleEnv(kit)


def test_a_finding_is_opened_and_resolved_a_minute_after_it_is_over(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt())]
    assert env.evaluate()
    env.findings = []
    assert env.evaluate(seconds=15)
    assert env.evaluate(seconds=59)
    assert not env.evaluate(seconds=2)
    assert pos_down().id in env.open.ids()


def test_a_condition_has_to_last(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt(), after=600)]
    assert not env.evaluate()
    assert not env.evaluate(seconds=590)
    env.findings = []
    assert not env.evaluate(seconds=5)
    env.findings = [AlertFinding(in_doubt(), after=600)]
    assert not env.evaluate(seconds=5)
    assert not env.evaluate(seconds=590)
    assert env.evaluate(seconds=11)
    assert env.evaluate(seconds=15)


def test_what_comes_and_goes_stays_open_for_longer_each_time(env: RuleEnv) -> None:
    """It is on for 15 s and off for 75 s: once it has come back, a minute without it no longer ends it."""
    for _ in range(20):
        env.findings = [AlertFinding(in_doubt())]
        env.evaluate(seconds=15)
        env.run()
        env.findings = []
        for _ in range(5):
            env.evaluate(seconds=15)
    assert env.recorders[0].events.count("opened") == 3  # with the other rule's
    assert env.evaluate()
    assert not env.evaluate(seconds=3600)


def test_the_reason_follows_the_state_and_nobody_is_told_anew(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt())]
    env.evaluate()
    env.run()
    env.findings = [AlertFinding(replace(in_doubt(), why="another reason"))]
    env.evaluate(seconds=15)
    env.run()
    assert len(env.recorders[0].got) == 2  # with the other rule's
    env.run(seconds=3700)
    repeated = [message for message in env.recorders[0].got if message.code == "order_in_doubt"][-1]
    assert (repeated.event, repeated.detail) == ("repeated", "another reason")


def test_nothing_is_over_while_there_may_be_more_than_was_read(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt())]
    env.evaluate()
    env.findings = [AlertFinding(in_doubt("other")), None]
    for _ in range(10):
        assert env.evaluate(seconds=60)
    env.findings = [AlertFinding(in_doubt("other"))]
    env.evaluate()
    assert not env.evaluate(seconds=61)


def test_a_rule_that_fails_leaves_its_alerts_and_the_other_rules(
    env: RuleEnv, events: list[MutableMapping[str, Any]]
) -> None:
    env.findings = [AlertFinding(in_doubt())]
    env.evaluate()
    env.error = ValueError("bug")
    for _ in range(10):
        assert env.evaluate(seconds=60)
    assert "alert_rule_failed" in [event["event"] for event in events]
    assert pos_down().id in env.open.ids()


def test_redis_away_ends_the_run(env: RuleEnv) -> None:
    env.error = redis.ConnectionError()
    with pytest.raises(redis.ConnectionError):
        env.evaluate()


def test_an_acknowledged_alert_is_resolved_too(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt())]
    env.evaluate()
    env.open.acknowledge(in_doubt().id, "ann")
    env.findings = []
    env.evaluate()
    assert not env.evaluate(seconds=61)


def test_findings_without_end_cost_no_write(env: RuleEnv) -> None:
    env.findings = [AlertFinding(in_doubt(str(number))) for number in range(50)]
    env.evaluate()
    env.kit.redis.config_resetstat()
    env.evaluate(seconds=15)
    stats = env.kit.redis.info("commandstats")
    assert sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "zadd", "zrem", "hset")) == 0
