"""Open alerts: acknowledged, or quiet for a store; and the channels to which they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, FormField, add_action, perform
from webhook_kit.console.pages.stores import page_start
from webhook_kit.operations import alerts
from webhook_kit.operations.alert_rules import IN_DOUBT_AFTER, RULES_EVERY
from webhook_kit.operations.health_of_orders import store_name

__all__ = ["register"]

_PAGE = 50
_HOURS = [("1", "for 1 hour"), ("4", "for 4 hours"), ("12", "for 12 hours"), ("72", "for 3 days")]


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/alerts", "alerts", _alerts)
    for name, view in (("acknowledge", _acknowledge), ("quiet", _quiet), ("unquiet", _unquiet)):
        add_action(pages, f"/alerts/{name}", f"{name}_alert", view)


def _alerts() -> str:
    kit, start = console().kit, page_start()
    found = alerts.read_open_alerts(kit, start=start, limit=_PAGE)
    return render_template(
        "alerts.html",
        alerts=found,
        names={alert.subject: store_name(kit, alert.subject) for alert in found if alert.about == "store"},
        total=alerts.count_open_alerts(kit),
        channels=alerts.read_alert_channels(kit),
        quiet=alerts.read_quiet_stores(kit),
        every=int(RULES_EVERY),
        doubt_after=int(IN_DOUBT_AFTER),
        start=start,
        size=_PAGE,
        active="alerts",
    )


def _acknowledge() -> ResponseReturnValue:
    alert_id = request.args.get("id", "")
    form = ActionForm(
        "I take care of this alert",
        ["It is not sent again. Your colleagues see that you take care of it."],
        "Acknowledge",
        url_for(".alerts"),
    )

    def act(why: str) -> str:
        closed = alerts.acknowledge_alert(console().kit, current_actor(), alert_id, why)
        return "It is acknowledged, and closed." if closed else "It is acknowledged. It closes when its cause is gone."

    return perform(form, act)


def _quiet() -> ResponseReturnValue:
    store_id = request.args.get("store", "")
    form = ActionForm(
        f"No alerts about {store_id[:100]}",
        ["Nothing is sent about this store and its orders for a while. What is still wrong then is sent."],
        "Keep it quiet",
        url_for(".alerts"),
        [FormField("hours", "How long", choices=_HOURS)],
    )

    def act(why: str) -> str:
        hours = request.form.get("hours", "")
        until = datetime.now(UTC) + timedelta(hours=int(hours) if hours in dict(_HOURS) else 1)
        alerts.quiet_store(console().kit, current_actor(), store_id, until, why)
        return f"No alerts about {store_id} are sent {dict(_HOURS).get(hours, _HOURS[0][1])}."

    return perform(form, act)


def _unquiet() -> ResponseReturnValue:
    store_id = request.args.get("store", "")
    form = ActionForm(
        f"Alerts about {store_id[:100]} again",
        ["What is wrong with this store and its orders is sent again, within a minute."],
        "Send alerts again",
        url_for(".alerts"),
    )

    def act(why: str) -> str:
        alerts.unquiet_store(console().kit, current_actor(), store_id, why)
        return f"Alerts about {store_id} are sent again."

    return perform(form, act)
