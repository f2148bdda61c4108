"""Gauges: the state of the installation as figures, read from Redis when they are asked for.

Every figure is the size of an index, or a look at a bounded number of its members, so that it costs the same with 100 and with
100,000 orders.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.kit import Kit
from webhook_kit.metrics.flush import QUOTA_USED, WAITING
from webhook_kit.operations.archive.findings import archive_gauges
from webhook_kit.operations.health_of_orders import orders_in_doubt
from webhook_kit.operations.redis_health import read_redis_if_allowed
from webhook_kit.outbox.updates import Urgency
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.stores.status import Owner

__all__ = ["GAUGES", "Gauge", "Reading", "read_gauges", "sample_gauges"]

_MOST_LANES = 100
"""Postponed lanes whose oldest update is looked at."""

_MOST_STORES = 1_000
"""Paused stores whose owner is looked at."""

_MOST_ALERTS = 500
"""Open alerts whose severity is looked at."""

_URGENCY_STEP = 10_000_000_000_000
"""Score of a ready lane: its urgency times this, plus a moment in ms (``lanes.lua``)."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric that is read from the state of the installation.

    :ivar label: its label, or the empty text.
    :ivar values: the values of the label.
    """

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


Reading = tuple[str, str, float]
"""Name of a gauge, value of its label, and its value."""

_PLACES = ("ready", "delayed", "unlinked")
_UPDATE_ENDS = ("appended", "sent", "merged", "discarded", "expired")
_EVENT_ENDS = ("ok", "duplicate", "stale", "closed", "held", "refused", "failed", "given up")

GAUGES = (
    Gauge("webhook_kit_up", "1 if Redis could be read; without it all metrics but this one are missing."),
    Gauge("webhook_kit_lanes_waiting", "Lanes with a waiting update, by place.", "place", _PLACES),
    Gauge(
        "webhook_kit_lanes_ready",
        "Lanes that can be sent now, by urgency.",
        "urgency",
        tuple(urgency.name.lower() for urgency in Urgency),
    ),
    Gauge(
        "webhook_kit_oldest_waiting_seconds",
        "Age of the oldest waiting update, by place of its lane.",
        "place",
        _PLACES,
    ),
    Gauge(
        "webhook_kit_updates_total",
        "Updates that were appended, and that ended in each way.",
        "outcome",
        _UPDATE_ENDS,
        "counter",
    ),
    Gauge("webhook_kit_dead_letters", "Dead letters that nobody has replayed or discarded."),
    Gauge("webhook_kit_orders_in_doubt", "Orders that the POS may or may not have (500 at most)."),
    Gauge("webhook_kit_orders_unconfirmed", "Orders that the POS took as pending and has not confirmed."),
    Gauge("webhook_kit_oldest_unconfirmed_seconds", "Age of the oldest of them."),
    Gauge("webhook_kit_pos_events_held", "Events of the POS about orders that are not known (yet)."),
    Gauge(
        "webhook_kit_pos_events_total", "Events of the POS that ended in each way.", "outcome", _EVENT_ENDS, "counter"
    ),
    Gauge("webhook_kit_alerts_total", "Alerts that were raised, by kind.", "kind", tuple(Alert), "counter"),
    Gauge(
        "webhook_kit_alerts_open",
        "Alerts that are not over, by severity (of the newest 500).",
        "severity",
        tuple(AlertSeverity),
    ),
    Gauge("webhook_kit_sending_halted", "1 if Gett refuses the API key."),
    Gauge("webhook_kit_rate_limited_seconds", "Time for which Gett asked to wait (429)."),
    Gauge("webhook_kit_gett_circuit_open_seconds", "Time for which the circuit breaker of sending stays open."),
    Gauge("webhook_kit_quota_used", "Writes at Gett in the last minute."),
    Gauge("webhook_kit_quota_limit", "Writes per minute that are allowed; missing without a limit."),
    Gauge(
        "webhook_kit_worker_last_sign_age_seconds",
        "Time since the last sign of life of this kind of worker.",
        "worker",
        ("push", "sync"),
    ),
    Gauge("webhook_kit_worker_tasks_hanging", "Scheduled tasks that do not end.", "worker", ("push", "sync")),
    Gauge(
        "webhook_kit_stores_paused",
        "Stores that are paused from here, by the owner of the pause.",
        "owner",
        tuple(Owner),
    ),
    Gauge("webhook_kit_stores_failing", "Stores whose last health check failed."),
    Gauge("webhook_kit_pos_circuits_open", "Circuit breakers of a POS that are open, over all processes."),
    Gauge("webhook_kit_catalogs_rejected", "Stores whose last catalog was not taken."),
    Gauge(
        "webhook_kit_archive_waiting",
        "Orders that wait for the long-term archive; missing without one, as the next four.",
    ),
    Gauge("webhook_kit_archive_lag_seconds", "Time for which the oldest of them, or of the audit log, has waited."),
    Gauge("webhook_kit_archive_failing", "1 if the last attempt to write to it failed."),
    Gauge(
        "webhook_kit_archive_left_seconds",
        "Time after which the first of them expires from Redis; missing if none waits.",
    ),
    Gauge(
        "webhook_kit_archive_orders_lost_total",
        "Orders that have expired before they were in the archive.",
        kind="counter",
    ),
    Gauge("webhook_kit_redis_memory_bytes", "Memory that Redis uses."),
    Gauge("webhook_kit_redis_memory_limit_bytes", "Memory that Redis may use; missing without a limit."),
    Gauge("webhook_kit_redis_clients", "Connections to Redis, of all programs."),
    Gauge("webhook_kit_redis_aof_enabled", "1 if Redis logs its writes to disk."),
    Gauge("webhook_kit_redis_save_failed", "1 if Redis could not save to its disk."),
)


_BY_NAME = {gauge.name: gauge for gauge in GAUGES}


def read_gauges(kit: Kit) -> Iterator[Reading]:
    """Yield all figures but ``webhook_kit_up``.

    :raises redis.RedisError: Redis is not reachable.
    """
    yield from _sizes(kit)
    yield from _sending(kit)
    yield "webhook_kit_orders_in_doubt", "", len(orders_in_doubt(kit))
    yield from _open_alerts(kit)
    yield from _workers(kit)
    yield from archive_gauges(kit)
    yield from _server(kit)


def sample_gauges(kit: Kit) -> None:
    """Keep the figures that the graphs of the last 24 hours show.

    :raises redis.RedisError: Redis is not reachable.
    """
    used = kit.sending.status(kit.quota).used
    kit.metrics.sample({WAITING: kit.lanes.count_waiting(), QUOTA_USED: used})


def _sizes(kit: Kit) -> Iterator[Reading]:
    keys, step = kit.keys, _URGENCY_STEP
    with kit.redis.pipeline(transaction=False) as pipeline:
        pipeline.time()
        for key in (keys.ready, keys.delayed, keys.unlinked, keys.dead_letter_times, keys.unconfirmed):
            pipeline.zcard(key)
        for key in (keys.failing_stores, keys.rejected_catalogs):
            pipeline.zcard(key)
        pipeline.llen(keys.held_events)
        for key in (keys.unlinked, keys.unconfirmed, keys.open_circuits):
            pipeline.zrange(key, 0, -1 if key == keys.open_circuits else 0, withscores=True)
        for urgency in Urgency:
            bounds = urgency * step, (urgency + 1) * step - 1
            pipeline.zcount(keys.ready, *bounds)
            pipeline.zrangebyscore(keys.ready, *bounds, 0, 1, withscores=True)
        for key in (keys.update_counts, keys.pos_event_counts, keys.alert_counts):
            pipeline.hgetall(key)
        pipeline.zrange(keys.delayed, 0, _MOST_LANES - 1)
        pipeline.zrange(keys.paused_stores, 0, _MOST_STORES - 1)
        replies = iter(pipeline.execute())
    seconds, microseconds = next(replies)
    now = seconds * 1000 + microseconds / 1000
    for place in _PLACES:
        yield "webhook_kit_lanes_waiting", place, next(replies)
    for name in ("dead_letters", "orders_unconfirmed", "stores_failing", "catalogs_rejected", "pos_events_held"):
        yield f"webhook_kit_{name}", "", next(replies)
    yield "webhook_kit_oldest_waiting_seconds", "unlinked", _age(now, next(replies))
    yield "webhook_kit_oldest_unconfirmed_seconds", "", _age(now, next(replies))
    yield "webhook_kit_pos_circuits_open", "", sum(until > now for _, until in next(replies))
    oldest = 0.0
    for urgency in Urgency:
        yield "webhook_kit_lanes_ready", urgency.name.lower(), next(replies)
        oldest = max(oldest, _age(now + urgency * step, next(replies)))
    yield "webhook_kit_oldest_waiting_seconds", "ready", oldest
    for name in ("updates", "pos_events", "alerts"):
        yield from _counts(f"webhook_kit_{name}_total", next(replies))
    yield "webhook_kit_oldest_waiting_seconds", "delayed", _oldest_delayed(kit, now, next(replies))
    yield from _pause_owners(kit, next(replies))


def _age(now: float, oldest: list[tuple[bytes, float]]) -> float:
    """Return the seconds since the moment (ms) that is the score of the only member; 0 if there is none."""
    return max(0.0, now - oldest[0][1]) / 1000 if oldest else 0.0


def _counts(name: str, fields: Mapping[bytes, bytes]) -> Iterator[Reading]:
    counts = {text(field): int(value) for field, value in fields.items()}
    for value in _BY_NAME[name].values:
        yield name, value, counts.get(value, 0)


def _oldest_delayed(kit: Kit, now: float, lanes: list[bytes]) -> float:
    with kit.redis.pipeline(transaction=False) as pipeline:
        for lane in lanes:
            pipeline.lindex(kit.keys.queue(text(lane)), 0)
        heads = [json.loads(head) for head in pipeline.execute() if head is not None]
    return max((max(0.0, now - float(head["since"])) / 1000 for head in heads), default=0.0)


def _pause_owners(kit: Kit, stores: list[bytes]) -> Iterator[Reading]:
    keys = [kit.keys.pause_owner(text(store)) for store in stores]
    owners = Counter(text(owner) for owner in (kit.redis.mget(keys) if keys else []))
    for owner in Owner:
        yield "webhook_kit_stores_paused", owner, owners[owner]


def _sending(kit: Kit) -> Iterator[Reading]:
    status = kit.sending.status(kit.quota)
    yield "webhook_kit_sending_halted", "", status.halted is not None
    yield "webhook_kit_rate_limited_seconds", "", status.rate_limited
    yield "webhook_kit_gett_circuit_open_seconds", "", status.circuit_open
    yield "webhook_kit_quota_used", "", status.used
    if kit.quota.limit:
        yield "webhook_kit_quota_limit", "", kit.quota.limit


def _open_alerts(kit: Kit) -> Iterator[Reading]:
    newest = kit.redis.zrange(kit.keys.alerts_open, 0, _MOST_ALERTS - 1, desc=True)
    with kit.redis.pipeline(transaction=False) as pipeline:
        for alert_id in newest:
            pipeline.hget(kit.keys.alert(text(alert_id)), "code")
        codes = [text(code) for code in pipeline.execute()]
    severities = Counter(alert_kind(code).severity for code in codes)
    for severity in AlertSeverity:
        yield "webhook_kit_alerts_open", severity, severities[severity]


def _workers(kit: Kit) -> Iterator[Reading]:
    for sign in kit.worker_life.last_signs().values():
        # None so far is as old as it gets: an alert on the age must not wait for a first sign.
        yield "webhook_kit_worker_last_sign_age_seconds", sign.kind, float("inf") if sign.age is None else sign.age
        yield "webhook_kit_worker_tasks_hanging", sign.kind, len(sign.hanging)


def _server(kit: Kit) -> Iterator[Reading]:
    state = read_redis_if_allowed(kit.redis)
    if state is None:
        return
    yield "webhook_kit_redis_memory_bytes", "", state.used
    if state.maxmemory:
        yield "webhook_kit_redis_memory_limit_bytes", "", state.maxmemory
    yield "webhook_kit_redis_clients", "", state.clients
    if state.aof is not None:
        yield "webhook_kit_redis_aof_enabled", "", state.aof
    yield "webhook_kit_redis_save_failed", "", state.aof_failed or state.save_failed
