"""Health: is anything wrong now, since when, and what is to be done first.

Every source is an index or a figure, so that the answer costs the same with 100 and with 100,000 orders. A source that cannot be
read is a finding of its own and hides no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import redis

from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations.archive.findings import archive_findings
from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.operations.health_of_alerts import alert_findings
from webhook_kit.operations.health_of_orders import order_findings
from webhook_kit.operations.health_of_stores import store_findings
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.redis_health import megabytes, read_redis_if_allowed, redis_findings, replica_findings
from webhook_kit.operations.waiting import waiting
from webhook_kit.storage.clock import TOLERANCE, clock_difference, gett_difference, redis_time
from webhook_kit.storage.connection import OUT_OF_REACH
from webhook_kit.storage.faults import describe

__all__ = ["Fact", "Health", "read_health"]

log = logger("health")

_ORDER = list(HealthSeverity)

_WAITS_AFTER = 600.0
"""Seconds after which an update has waited for too long; some minutes are normal while Gett fails."""

_MOST_LANES = 20
"""Waiting lanes that are read, those first that are sent first."""

_FIRST = (
    "redis_read_only",
    "redis_replicas",
    "order_in_doubt",
    "orders_in_doubt",
    "orders_unconfirmed",
    "sending_halted",
    "worker_silent",
    "gett_failing",
    "pos_down",
)
"""Codes of findings that come before others of the same urgency: the cause of others, or a customer waits for an order."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is known and not wrong, for people.

    :ivar page: path of the page for it below the console's, or the empty text.
    :ivar since: moment that belongs to the value, Unix seconds.
    """

    label: str
    value: str
    page: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Answer to "is anything wrong now".

    :ivar at: moment of the answer, Unix seconds.
    :ivar findings: the most urgent first.
    """

    at: float
    findings: tuple[HealthFinding, ...]
    facts: tuple[Fact, ...] = field(default=())

    @property
    def worst(self) -> HealthSeverity | None:
        """Urgency of the most urgent finding; None if nothing is wrong."""
        return self.findings[0].severity if self.findings else None


def read_health(kit: Kit) -> Health:
    """Return everything that is wrong now. No error of Redis is raised: it is the first finding."""
    try:
        now = redis_time(kit.redis)
    except redis.RedisError as error:
        return _without_redis(error)
    findings: list[HealthFinding] = []
    facts: list[Fact] = []
    for name, source in _SOURCES:
        try:
            for result in source(kit, now):
                if isinstance(result, HealthFinding):
                    findings.append(result)
                else:
                    facts.append(result)
        except OUT_OF_REACH as error:
            return replace(_without_redis(error), facts=tuple(facts))
        except Exception as error:  # one source must not hide the others
            log.exception("health_source_failed", source=name)
            findings.append(_unreadable(name, error))
    findings.sort(key=_rank)
    return Health(now, tuple(findings), tuple(facts))


def _rank(finding: HealthFinding) -> tuple[int, int, float]:
    place = _FIRST.index(finding.code) if finding.code in _FIRST else len(_FIRST)
    return _ORDER.index(finding.severity), place, -(finding.since or 0)


def _without_redis(error: redis.RedisError) -> Health:
    finding = HealthFinding(
        "redis_unavailable",
        HealthSeverity.URGENT,
        "Redis cannot be used, so that no order is taken and nothing is sent to Gett.",
        f"{describe(error)}.",
        "webhook-kit check",
    )
    return Health(time.time(), (finding,))


def _unreadable(name: str, error: Exception) -> HealthFinding:
    refused = describe(error) if isinstance(error, redis.RedisError) else type(error).__name__
    return HealthFinding(
        f"{name}_unknown",
        HealthSeverity.NOTE,
        f"The state of {name} cannot be read ({refused}).",
        "See the log of this process, event health_source_failed.",
    )


def _sending(kit: Kit, now: float) -> Iterator[HealthFinding | Fact]:
    quota = read_quota(kit)
    if not kit.settings.gett_api_key:
        yield HealthFinding(
            "api_key_missing",
            HealthSeverity.URGENT,
            "GETT_API_KEY is not set here, so that nothing can be sent to Gett.",
            "Set GETT_API_KEY and restart the processes.",
            "webhook-kit check",
        )
    if quota.halted is not None:
        yield HealthFinding(
            "sending_halted",
            HealthSeverity.URGENT,
            "Sending to Gett is halted: Gett refuses the API key. Customers do not see how their orders go on.",
            "Get a valid key from Gett's portal, set GETT_API_KEY, and restart. One update a minute tries the key again.",
            "webhook-kit outbox",
            "sending",
            f"Gett says: {quota.halted}",
            since=quota.halted_since,
        )
    if quota.failing_since is not None:
        yield HealthFinding(
            "gett_failing",
            HealthSeverity.URGENT,
            "Gett cannot be reached, or fails again and again, so that updates wait.",
            "Wait: sending goes on by itself. After ten minutes look at Gett's status page and at your network.",
            "webhook-kit outbox",
            "sending",
            since=quota.failing_since,
        )
    if quota.rate_limited:
        yield HealthFinding(
            "rate_limited",
            HealthSeverity.WARNING,
            f"Gett asked to wait another {quota.rate_limited:.0f} s before the next update (429).",
            "Wait: sending goes on by itself. If it comes again, look for another program that uses your quota at Gett.",
            "webhook-kit outbox",
            "sending",
            since=now,
        )
    elif quota.exhausted and quota.waiting:
        yield HealthFinding(
            "quota_used",
            HealthSeverity.WARNING,
            f"The quota of Gett is used up ({quota.used} of {quota.limit} writes in the last minute); {quota.waiting} lanes wait.",
            "Wait: sending goes on by itself, the most urgent first. If it happens often, ask Gett for a higher quota.",
            "webhook-kit outbox",
            "sending",
        )
    yield from _oldest_waiting(kit, quota.halted is not None or quota.failing_since is not None)
    yield Fact("Sent to Gett", f"{quota.used} of {quota.limit or 'any number of'} writes in the last minute", "sending")
    many = f"changes of {quota.waiting} orders, stores or catalogs"
    waits = many if quota.waiting > 1 else "a change of one order, store or catalog"
    yield Fact("Waiting for Gett", waits if quota.waiting else "nothing", "sending")


def _oldest_waiting(kit: Kit, explained: bool) -> Iterator[HealthFinding]:
    """Yield the oldest of the updates that are sent next, if it has waited for too long."""
    lanes = waiting(kit, _MOST_LANES).lanes
    oldest = min(lanes, key=lambda lane: lane.since, default=None)
    if explained or oldest is None or oldest.age < _WAITS_AFTER:
        return
    is_order = oldest.kind == "order"
    yield HealthFinding(
        "update_waits",
        HealthSeverity.WARNING,
        "Gett has not taken an update for a long time.",
        "Read why it waits. If Gett's id of the order is not known, link it; if not, wait for the next attempt.",
        f"webhook-kit outbox show {oldest.lane}",
        f"order?{urlencode({'ref': oldest.subject})}" if is_order else "sending",
        f"{oldest.kind} {oldest.subject}{f': {oldest.why}' if oldest.why else ''}",
        since=oldest.since.timestamp(),
    )


def _workers(kit: Kit, now: float) -> Iterator[HealthFinding | Fact]:
    for sign in kit.worker_life.last_signs().values():
        if sign.missing or sign.hanging:
            text = str(sign)
            sentence, _, advice = text.partition("; ")
            yield HealthFinding(
                "worker_silent" if sign.missing else "worker_hanging",
                HealthSeverity.URGENT if sign.missing else HealthSeverity.WARNING,
                f"{sentence[0].upper()}{sentence[1:]}.",
                f"{advice[0].upper()}{advice[1:]}." if sign.hanging else f"Start it: webhook-kit worker {sign.kind}.",
                f"webhook-kit worker {sign.kind}",
                since=None if sign.age is None else now - sign.age,
            )
        else:
            yield Fact(f"Worker {sign.kind}", "last sign of life", since=now - (sign.age or 0))


def _redis_server(kit: Kit, now: float) -> Iterator[HealthFinding | Fact]:
    state = read_redis_if_allowed(kit.redis)
    if state is None:
        yield Fact("Redis", "does not tell its memory and persistence (INFO is not allowed)")
        return
    yield from redis_findings(state, now)
    yield from replica_findings(state, kit.settings.redis_wait_replicas)
    limit = f" of {megabytes(state.maxmemory)}" if state.maxmemory else ", no limit is set"
    persistence = {True: "AOF on", False: "AOF off", None: "persistence unknown"}[state.aof]
    yield Fact("Redis", f"{megabytes(state.used)}{limit}; {persistence}")


def _clocks(kit: Kit, now: float) -> Iterator[HealthFinding | Fact]:
    difference = time.time() - now
    if abs(difference) > TOLERANCE:
        yield HealthFinding(
            "clock_differs",
            HealthSeverity.WARNING,
            f"{clock_difference(difference, 'Redis', 'This host').removesuffix('.')}.",
            "Correct the clock of the host (NTP): webhooks that are more than 300 s from it are refused.",
            "webhook-kit check",
        )
    behind = gett_difference(kit.redis, kit.keys)
    if behind is not None:
        yield HealthFinding(
            "gett_clock_differs",
            HealthSeverity.WARNING,
            f"{clock_difference(behind, 'Gett', 'A worker')}.",
            "Correct the clock of the worker's host (NTP): Gett refuses signatures that are more than 300 s off.",
            "webhook-kit check",
        )


_Source = Callable[[Kit, float], Iterator[HealthFinding | Fact]]
_SOURCES: tuple[tuple[str, _Source], ...] = (
    ("sending", _sending),
    ("workers", _workers),
    ("orders", order_findings),
    ("stores", store_findings),
    ("redis", _redis_server),
    ("clocks", _clocks),
    ("archive", archive_findings),
    ("alerts", alert_findings),
)
