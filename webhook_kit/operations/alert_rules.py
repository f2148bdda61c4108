"""Rules of the alerts: conditions on what is known already, read from indexes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import redis

from webhook_kit.alerting.evaluation import AlertFinding, AlertRule
from webhook_kit.alerting.message import timestamp
from webhook_kit.alerting.view import read_channels
from webhook_kit.kit import Kit
from webhook_kit.monitoring.pos_health import HealthCheckResult
from webhook_kit.operations.archive.findings import find_archive_alerts
from webhook_kit.operations.health_of_orders import orders_in_doubt
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.redis_health import megabytes, read_redis_if_allowed
from webhook_kit.outbox.updates import Urgency
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.clock import TOLERANCE, clock_difference, gett_difference
from webhook_kit.storage.connection import text
from webhook_kit.storage.open_alerts import AlertSubject
from webhook_kit.stores.status import Owner

__all__ = ["IN_DOUBT_AFTER", "RULES_EVERY", "alert_rules", "oldest_waiting"]

RULES_EVERY = 15.0
"""Seconds between two evaluations of the rules, by any sync worker."""

_MOST = 1_000
"""Orders or stores that a rule reads at most, the newest ones."""

IN_DOUBT_AFTER = 40.0
"""Seconds after which an order in doubt is an alert: most are settled by the first two look-ups."""

_IN_DOUBT_FOR_LONG = 3_600.0
_LOOKUPS_FAIL_AFTER = 600.0
_GETT_FAILS_AFTER = 300.0
_QUOTA_AFTER = 600.0
_OLDEST_AFTER = 900.0
"""Seconds for which an update that could be sent waits at most."""

_CHANNEL_AFTER = 600.0
_SHORT = 60.0
_MEMORY = 0.85
_POSTPONED = 200
"""Postponed lanes that are read for the oldest update: those that are due first."""

_LETTERS = 200
"""Dead letters that are read to group them, the newest ones."""


_Found = Iterator[AlertFinding | None]
_Find = Callable[[Kit, float], _Found]


def alert_rules(kit: Kit) -> list[AlertRule]:
    """Return the rules of an installation."""

    def rule(name: str, find: _Find, *codes: Alert) -> AlertRule:
        return AlertRule(name, frozenset(codes), lambda now: find(kit, now))

    return [
        rule("orders in doubt", _orders_in_doubt, Alert.IN_DOUBT, Alert.IN_DOUBT_FOR_LONG),
        rule("look-ups", _lookups, Alert.LOOKUP_FAILS),
        rule("unconfirmed orders", _unconfirmed, Alert.UNCONFIRMED),
        rule("dead letters", _dead_letters, Alert.DEAD_LETTERS),
        rule("POS systems", _down, Alert.POS_DOWN),
        rule("paused stores", _paused, Alert.STORE_PAUSED),
        rule("catalogs", _catalogs, Alert.CATALOG),
        rule("sending", _sending, Alert.HALTED, Alert.CIRCUIT, Alert.QUOTA),
        rule("waiting updates", _waiting, Alert.OLD_UPDATE),
        rule("workers", _workers, Alert.TASK_HANGS),
        rule("redis", _redis, Alert.REDIS_MEMORY, Alert.REDIS_PERSISTENCE, Alert.REDIS_REPLICAS),
        rule("clocks", _clocks, Alert.CLOCK),
        rule("archive", find_archive_alerts, Alert.ARCHIVE_BEHIND, Alert.ARCHIVE_LOSES),
        rule("channels", _channels, Alert.CHANNEL),
    ]


def _orders_in_doubt(kit: Kit, now: float) -> _Found:
    for order in orders_in_doubt(kit, _MOST):
        age = now - order.since
        why = f"in doubt since {timestamp(order.since)}"
        if age >= IN_DOUBT_AFTER:
            yield AlertFinding(AlertSubject(Alert.IN_DOUBT, order.ref, "order", why, order.store_id))
        if age >= _IN_DOUBT_FOR_LONG:
            yield AlertFinding(AlertSubject(Alert.IN_DOUBT_FOR_LONG, order.ref, "order", why, order.store_id))
    if kit.redis.zcard(kit.keys.unsettled) >= _MOST:
        yield None


def _lookups(kit: Kit, now: float) -> _Found:
    latest = 1000 * (now - _LOOKUPS_FAIL_AFTER)
    failing: Any = kit.redis.zrangebyscore(kit.keys.failing_lookups, "-inf", latest, 0, _MOST, withscores=True)
    if not failing:
        return
    unsettled = kit.redis.zmscore(kit.keys.unsettled, [raw for raw, _ in failing])
    for (raw, since), score in zip(failing, unsettled, strict=True):
        if score is None:  # a person has settled it
            kit.redis.zrem(kit.keys.failing_lookups, raw)
        else:
            why = f"every look-up has failed since {timestamp(since / 1000)}"
            yield AlertFinding(AlertSubject(Alert.LOOKUP_FAILS, text(raw), "order", why))
    yield from _more(failing)


def _unconfirmed(kit: Kit, now: float) -> _Found:
    latest = 1000 * (now - kit.settings.unconfirmed_after)
    pending: Any = kit.redis.zrevrangebyscore(kit.keys.unconfirmed, latest, "-inf", 0, _MOST, withscores=True)
    for raw, since in pending:
        why = f"the POS took it as pending at {timestamp(since / 1000)} and has not confirmed it"
        yield AlertFinding(AlertSubject(Alert.UNCONFIRMED, text(raw), "order", why))
    yield from _more(pending)


def _more(read: Sequence[object], most: int = _MOST) -> _Found:
    """Yield None if an index may have more entries than were read."""
    if len(read) >= most:
        yield None


def _dead_letters(kit: Kit, _now: float) -> _Found:
    """Find one alert per kind of update and status of Gett: a cause has one of each, and there are few."""
    newest = kit.redis.zrevrange(kit.keys.dead_letter_times, 0, _LETTERS - 1)
    if not newest:
        return
    counts: Counter[str] = Counter()
    for raw in kit.redis.hmget(kit.keys.dead_letters, [text(number) for number in newest]):
        if raw is not None:
            letter = json.loads(raw)
            status = int(letter.get("status") or 0)
            reason = f"refused with status {status}" if status else "not taken for too long"
            counts[f"{str(letter['lane']).partition(':')[0]} updates {reason}"] += 1
    total = int(kit.redis.zcard(kit.keys.dead_letter_times))
    for cause, number in counts.items():
        why = f"{number} of the newest {len(newest)} dead letters; {total} in all"
        yield AlertFinding(AlertSubject(Alert.DEAD_LETTERS, cause, "outbox", why))
    yield from _more(newest, _LETTERS)


def _paused(kit: Kit, _now: float) -> _Found:
    paused = [text(each) for each in kit.redis.zrevrange(kit.keys.paused_stores, 0, _MOST - 1)]
    owners = kit.redis.mget([kit.keys.pause_owner(each) for each in paused]) if paused else []
    for store_id, owner in zip(paused, owners, strict=True):
        if text(owner) == Owner.MONITOR:
            why = "paused by the health check of its POS"
            yield AlertFinding(AlertSubject(Alert.STORE_PAUSED, store_id, "store", why))
    yield from _more(paused)


def _catalogs(kit: Kit, _now: float) -> _Found:
    rejected = [text(each) for each in kit.redis.zrevrange(kit.keys.rejected_catalogs, 0, _MOST - 1)]
    with kit.redis.pipeline(transaction=False) as pipeline:
        for store_id in rejected:
            pipeline.hget(kit.keys.sync(store_id), "reasons")
        replies = pipeline.execute()
    for store_id, reasons in zip(rejected, replies, strict=True):
        why = "; ".join(map(str, json.loads(reasons or "[]")[:3]))
        yield AlertFinding(AlertSubject(Alert.CATALOG, store_id, "store", why))
    yield from _more(rejected)


def _down(kit: Kit, _now: float) -> _Found:
    down = {
        store_id: f"its circuit breaker is open in {len(where)} processes"
        for store_id, where in kit.open_circuits.by_store().items()
    }
    failing = [text(each) for each in kit.redis.zrevrange(kit.keys.failing_stores, 0, _MOST - 1)]
    with kit.redis.pipeline(transaction=False) as pipeline:
        for store_id in failing:
            pipeline.hmget(kit.keys.health(store_id), "failures", "result")
        replies = pipeline.execute()
    for store_id, (failures, result) in zip(failing, replies, strict=True):
        if int(failures or 0) >= kit.settings.health_failure_threshold and text(result) == HealthCheckResult.DOWN:
            down[store_id] = f"{int(failures)} health checks or more have failed in a row"
    for store_id, why in islice(down.items(), _MOST):
        yield AlertFinding(AlertSubject(Alert.POS_DOWN, store_id, "store", why))
    yield from _more(failing)
    yield from _more(list(down))


def _sending(kit: Kit, now: float) -> _Found:
    quota = read_quota(kit)
    if quota.halted is not None:
        yield AlertFinding(
            AlertSubject(Alert.HALTED, "GETT_API_KEY", "setting", f"Gett refuses the key: {quota.halted}")
        )
    if quota.failing_since is not None and now - quota.failing_since >= _GETT_FAILS_AFTER:
        why = f"no answer since {timestamp(quota.failing_since)}; {quota.waiting} lanes wait"
        yield AlertFinding(AlertSubject(Alert.CIRCUIT, "GETT_API_URL", "setting", why))
    if (quota.exhausted or quota.rate_limited) and quota.waiting:
        why = f"{quota.used} of {quota.limit} writes in the last minute; {quota.waiting} lanes wait"
        yield AlertFinding(AlertSubject(Alert.QUOTA, "GETT_WRITES_PER_MINUTE", "setting", why), after=_QUOTA_AFTER)


def _waiting(kit: Kit, now: float) -> _Found:
    quota = read_quota(kit)
    if quota.halted is not None or quota.failing_since is not None:
        return  # these have alerts of their own
    oldest = oldest_waiting(kit)
    if oldest is not None and now - oldest >= _OLDEST_AFTER:
        why = f"the oldest update has waited since {timestamp(oldest)}; {quota.waiting} lanes wait"
        yield AlertFinding(AlertSubject(Alert.OLD_UPDATE, "outbox", "outbox", why))


def oldest_waiting(kit: Kit) -> float | None:
    """Return the moment of the oldest update that could be sent or is postponed, Unix seconds; None if nothing waits."""
    moments: list[float] = []
    for urgency in Urgency:
        low = urgency * 1e13
        found: Any = kit.redis.zrangebyscore(kit.keys.ready, low, f"({low + 1e13:.0f}", 0, 1, withscores=True)
        moments += [(score - low) / 1000 for _, score in found]
    postponed = [text(lane) for lane in kit.redis.zrange(kit.keys.delayed, 0, _POSTPONED - 1)]
    with kit.redis.pipeline(transaction=False) as pipeline:
        for lane in postponed:
            pipeline.lindex(kit.keys.queue(lane), 0)
        heads = pipeline.execute()
    moments += [float(json.loads(head)["at"]) / 1000 for head in heads if head is not None]
    return min(moments, default=None)


def _workers(kit: Kit, _now: float) -> _Found:
    for sign in kit.worker_life.last_signs().values():
        if sign.hanging and not sign.missing:
            why = f"tasks that do not end: {', '.join(sign.hanging)}"
            yield AlertFinding(AlertSubject(Alert.TASK_HANGS, f"{sign.kind} tasks", "worker", why))


def _redis(kit: Kit, _now: float) -> _Found:
    state = read_redis_if_allowed(kit.redis)
    if state is None:
        return
    if state.filled is not None and state.filled >= _MEMORY:
        why = f"{state.filled:.0%} of {megabytes(state.maxmemory)} are used"
        yield AlertFinding(AlertSubject(Alert.REDIS_MEMORY, "REDIS_URL", "setting", why), after=_SHORT)
    if state.replicas < kit.settings.redis_wait_replicas:
        why = f"{state.replicas} of {kit.settings.redis_wait_replicas} are connected"
        yield AlertFinding(AlertSubject(Alert.REDIS_REPLICAS, "REDIS_WAIT_REPLICAS", "setting", why), after=_SHORT)
    if state.aof_failed or state.save_failed:
        why = "Redis cannot save to its disk"
        yield AlertFinding(AlertSubject(Alert.REDIS_PERSISTENCE, "REDIS_URL", "setting", why), after=_SHORT)
    elif state.aof is False and not _saves(kit):
        why = "Redis neither logs its writes (appendonly) nor saves snapshots (save)"
        yield AlertFinding(AlertSubject(Alert.REDIS_PERSISTENCE, "REDIS_URL", "setting", why))


def _saves(kit: Kit) -> bool:
    """Return True if Redis saves snapshots, or does not tell."""
    try:
        return bool(kit.redis.config_get("save").get("save", "unknown"))
    except redis.ResponseError:  # many providers do not allow it, and persist by themselves
        return True


def _clocks(kit: Kit, now: float) -> _Found:
    difference = time.time() - now
    if abs(difference) > TOLERANCE:
        why = clock_difference(difference, "Redis", "a worker's host")
        yield AlertFinding(AlertSubject(Alert.CLOCK, "clock of Redis", "setting", why), after=_SHORT)
    behind = gett_difference(kit.redis, kit.keys)
    if behind is not None:
        why = clock_difference(behind, "Gett", "a worker's host")
        yield AlertFinding(AlertSubject(Alert.CLOCK, "clock of Gett", "setting", why))


def _channels(kit: Kit, now: float) -> _Found:
    for channel in read_channels(kit.redis, kit.keys, kit.alert_channels):
        if channel.failing_since is not None and now - channel.failing_since >= _CHANNEL_AFTER:
            yield AlertFinding(AlertSubject(Alert.CHANNEL, channel.name, "setting", channel.error))
