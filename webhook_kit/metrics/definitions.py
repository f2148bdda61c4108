"""All metrics that processes count. ``docs/monitoring.md`` lists them.

The values of labels are closed lists: a metric never has a series per store, order or address, so that a scrape costs the same for
one store as for ten thousand, and nothing that a customer wrote gets out.
"""

from __future__ import annotations

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.metrics.recorder import CounterMetric, HistogramMetric, Metric

__all__ = [
    "ARCHIVED",
    "ARCHIVE_FAILURES",
    "CATALOG_SYNCS",
    "GETT_REQUESTS",
    "HEALTH_CHECKS",
    "METRICS",
    "PLACEMENTS",
    "POS_CALLS",
    "POS_CALLS_REJECTED",
    "SENDS",
    "UPDATE_DELAY",
    "WEBHOOKS",
    "WEBHOOK_DURATION",
    "status_class",
]

_CALLS = ("validateOrder", "placeOrder", "orderEvents", "posEvents")

_KINDS = ("order", "store", "catalog")

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)

_POS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 120)

_DELAYS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)

WEBHOOKS = CounterMetric(
    "webhook_kit_webhooks_total",
    "Webhooks that were answered, by outcome and error code; an answer that was given before counts as replayed.",
    {
        "call": _CALLS,
        "outcome": (
            *("valid", "invalid", "placed", "refused", "failed", "replayed"),
            *("handled", "duplicate", "stale", "taken"),
        ),
        "code": ("", *(code.value for code in ErrorCode)),
    },
    graphed=lambda call, outcome, code: f"refused|{code}" if (call, outcome) == ("placeOrder", "refused") else "",
)

WEBHOOK_DURATION = HistogramMetric(
    "webhook_kit_webhook_duration_seconds",
    "Time from a webhook's arrival to its answer.",
    _FAST,
    {"call": _CALLS},
    graphed=lambda call: call if call in ("validateOrder", "placeOrder") else "",
)

PLACEMENTS = CounterMetric(
    "webhook_kit_placements_total",
    "Attempts to place an order that ended in this way.",
    {"outcome": ("placed", "refused", "released", "in_doubt")},
    graphed=lambda outcome: "placed" if outcome == "placed" else "",
)

POS_CALLS = HistogramMetric(
    "webhook_kit_pos_call_duration_seconds",
    "Time that a call of the POS took, by method of the adapter.",
    _POS,
    {
        "method": (
            "fetch_catalog",
            "place_order",
            "find_order",
            "quote",
            "orders_since",
            "store_status",
            "cancel_order",
        ),
        "outcome": ("ok", "failed", "late", "unsupported"),
    },
    graphed=lambda _method, _outcome: "pos",
)

POS_CALLS_REJECTED = CounterMetric(
    "webhook_kit_pos_calls_rejected_total",
    "Calls of the POS that were not made.",
    {"reason": ("circuit_open", "concurrency_limit")},
)

GETT_REQUESTS = HistogramMetric(
    "webhook_kit_gett_request_duration_seconds",
    "Time that a request took which sends an update to Gett, by class of the HTTP status.",
    _FAST,
    {"kind": _KINDS, "status": ("2xx", "3xx", "401", "429", "4xx", "5xx", "none")},
)

UPDATE_DELAY = HistogramMetric(
    "webhook_kit_update_delay_seconds",
    "Age of an update when Gett took it.",
    _DELAYS,
    {"kind": _KINDS},
)

SENDS = CounterMetric(
    "webhook_kit_sends_total",
    "Attempts to send an update to Gett that ended in this way.",
    {"kind": _KINDS, "outcome": ("sent", "postponed", "dead_lettered")},
)

CATALOG_SYNCS = CounterMetric(
    "webhook_kit_catalog_syncs_total",
    "Synchronisations and publications of a store's catalog, by outcome.",
    {"outcome": ("published", "unchanged", "stored", "rejected_shrink", "failed")},
)

HEALTH_CHECKS = CounterMetric(
    "webhook_kit_health_checks_total",
    "Health checks of the POS, by result.",
    {"result": ("success", "down", "closed", "inconclusive")},
)

ARCHIVED = CounterMetric(
    "webhook_kit_archive_rows_total",
    "Rows that were written to the long-term archive, by table; a row that was written again counts again.",
    {"table": ("orders", "updates", "audit")},
)

ARCHIVE_FAILURES = CounterMetric(
    "webhook_kit_archive_failures_total",
    "Attempts to write to the long-term archive that failed: PostgreSQL was unavailable, or refused a row.",
    {"reason": ("unavailable", "refused")},
)

METRICS: tuple[Metric, ...] = (
    *(WEBHOOKS, WEBHOOK_DURATION, PLACEMENTS, POS_CALLS, POS_CALLS_REJECTED),
    *(GETT_REQUESTS, UPDATE_DELAY, SENDS, CATALOG_SYNCS, HEALTH_CHECKS),
    *(ARCHIVED, ARCHIVE_FAILURES),
)


def status_class(status: int | None) -> str:
    """Return the class of an HTTP status as a value of a label; ``none`` if no answer came."""
    if status is None:
        return "none"
    return str(status) if status in (401, 429) else f"{status // 100}xx"
