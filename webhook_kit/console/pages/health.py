"""Start page: is anything wrong now, since when, and what to do first."""

from __future__ import annotations

from flask import Blueprint, render_template

from webhook_kit.console.context import console
from webhook_kit.operations.findings import HealthSeverity
from webhook_kit.operations.health import read_health

__all__ = ["register"]

_LABELS = {
    "order_in_doubt": "Settle this order",
    "orders_in_doubt": "See the orders in doubt",
    "orders_unconfirmed": "See the order",
    "dead_letters": "See the dead letters",
    "sending_halted": "See what waits, and try the key again",
    "gett_failing": "See what waits",
    "rate_limited": "See what waits",
    "quota_used": "See what waits",
    "update_waits": "See what waits",
    "pos_down": "See the store",
    "store_paused": "See the store, and resume it",
    "catalog_not_taken": "See the catalog",
    "onboarding_failed": "See the onboardings",
}
"""Text of the link of a finding, by its code."""


_FOR_CONTACT = {
    "api_key_missing",
    "sending_halted",
    "gett_failing",
    "worker_silent",
    "worker_hanging",
    "redis_unavailable",
    "store_unusable",
    "stores_incomplete",
}
"""Codes of findings that only a person who deploys can end."""


def register(pages: Blueprint) -> None:
    """Add the page."""

    @pages.get("/")
    def start() -> str:
        health = read_health(console().kit)
        counts = {severity: sum(f.severity is severity for f in health.findings) for severity in HealthSeverity}
        return render_template(
            "health.html",
            health=health,
            counts=counts,
            labels=_LABELS,
            contact=console().settings.console_contact,
            for_contact=_FOR_CONTACT,
            active="start",
        )
