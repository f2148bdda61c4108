"""Evaluation of rules: what is found is opened, what is found no more is resolved.

An alert that comes and goes stays open: it is resolved only after it has been over for some time, which doubles with each time that
it came back within a day.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from webhook_kit.logs import logger
from webhook_kit.storage.connection import OUT_OF_REACH, text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.open_alerts import AlertSubject, OpenAlerts

__all__ = ["AlertEvaluation", "AlertFinding", "AlertRule"]

log = logger("alerts")

_CALM = 60.0
"""Seconds for which an alert has to be over before it is resolved."""

_LONGEST_CALM = 3600.0


@dataclass(frozen=True, slots=True)
class AlertFinding:
    """Alert whose condition holds now.

    :ivar after: seconds for which the condition has to hold before the alert is opened.
    """

    alert: AlertSubject
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Rule that finds alerts.

    :ivar codes: all codes that it may find: an open alert of them that it does not find is over.
    :ivar find: returns the findings at a moment (Unix seconds), by indexes and not by scans; None among them says that there
        may be more, so that nothing is over yet.
    """

    name: str
    codes: frozenset[str]
    find: Callable[[float], Iterable[AlertFinding | None]]


class AlertEvaluation:
    """Evaluates rules. Several processes may do so at the same time."""

    def __init__(
        self, connection: redis.Redis, keys: Keys, open_alerts: OpenAlerts, rules: Sequence[AlertRule]
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._open = open_alerts
        self._rules = rules
        self._reasons: dict[str, str] = {}

    def run(self) -> None:
        """Evaluate all rules once. A rule that fails leaves its alerts as they are.

        :raises redis.RedisError: Redis is out of reach.
        """
        now, known = self._open.now(), set(self._open.ids())
        self._reasons = {each: why for each, why in self._reasons.items() if each in known}
        absent = self._members(self._keys.alerts_absent)
        pending = self._members(self._keys.alerts_pending)
        for rule in self._rules:
            try:
                found = list(rule.find(now))
            except OUT_OF_REACH:
                raise
            except Exception:  # the other rules are evaluated all the same
                log.exception("alert_rule_failed", rule=rule.name)
                continue
            findings = {finding.alert.id: finding for finding in found if finding is not None}
            self._add(findings, known, absent, pending, now)
            if None not in found:
                self._remove(rule, findings.keys(), known, absent, pending, now)

    def _add(
        self,
        findings: dict[str, AlertFinding],
        known: set[str],
        absent: dict[str, float],
        pending: dict[str, float],
        now: float,
    ) -> None:
        for each, finding in findings.items():
            if each in known:
                self._keep_open(finding.alert, absent)
                continue
            if finding.after:
                if each not in pending:
                    self._redis.zadd(self._keys.alerts_pending, {each: now * 1000}, nx=True)
                    continue
                if now - pending[each] / 1000 < finding.after:
                    continue
            self._reasons[each] = finding.alert.why
            if self._open.open(finding.alert):
                log.error("alert_opened", code=finding.alert.code, **{finding.alert.about: finding.alert.subject})
            self._redis.zrem(self._keys.alerts_pending, each)

    def _keep_open(self, alert: AlertSubject, absent: Container[str]) -> None:
        """Record that an open alert is not over, and its reason if that has changed: the next repetition says it."""
        if alert.id in absent or self._reasons.get(alert.id) != alert.why:
            self._open.open(alert)
            self._reasons[alert.id] = alert.why

    def _remove(
        self,
        rule: AlertRule,
        found: Container[str],
        known: set[str],
        absent: dict[str, float],
        pending: dict[str, float],
        now: float,
    ) -> None:
        for each in known:
            if _code(each) in rule.codes and each not in found:
                self._handle_absent(each, absent, now)
        gone = [each for each in pending if _code(each) in rule.codes and each not in found]
        if gone:
            self._redis.zrem(self._keys.alerts_pending, *gone)

    def _handle_absent(self, alert_id: str, absent: dict[str, float], now: float) -> None:
        """Resolve an alert that has been over for long enough."""
        if alert_id not in absent:
            self._redis.zadd(self._keys.alerts_absent, {alert_id: now * 1000}, nx=True)
            return
        flaps = int(self._redis.hget(self._keys.alert(alert_id), "flaps") or 0)
        if now - absent[alert_id] / 1000 >= min(_CALM * 2.0 ** min(flaps, 20), _LONGEST_CALM):
            self._open.resolve(alert_id)
            log.info("alert_resolved", alert=alert_id)

    def _members(self, key: str) -> dict[str, float]:
        members: Any = self._redis.zrange(key, 0, -1, withscores=True)
        return {text(each): float(score) for each, score in members}


def _code(alert_id: str) -> str:
    return alert_id.rpartition("-")[0]
