"""Sending to Gett: its state, the quota, what waits and why."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, add_action, perform
from webhook_kit.console.pages.delivery import consequence_for, delivery_of_next
from webhook_kit.operations import actions
from webhook_kit.operations.health_of_orders import store_name
from webhook_kit.operations.quota import read_quota, try_again_now
from webhook_kit.operations.waiting import waiting

__all__ = ["register"]


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/sending", "sending", _sending)
    for name, view in (("try-again", _try_again), ("retry", _retry)):
        add_action(pages, f"/sending/{name}", name.replace("-", "_"), view)


def _sending() -> str:
    kit = console().kit
    waits = waiting(kit)
    names = {lane.subject: store_name(kit, lane.subject) for lane in waits.lanes if lane.kind != "order"}
    return render_template("sending.html", quota=read_quota(kit), waiting=waits, names=names, active="sending")


def _try_again() -> ResponseReturnValue:
    form = ActionForm(
        "Try the API key again now",
        [
            "One update is sent to Gett at once. If Gett takes it, sending goes on.",
            "If Gett refuses the key again, get a valid one from Gett's portal, set GETT_API_KEY and restart.",
        ],
        "Try it now",
        url_for(".sending"),
    )

    def act(why: str) -> str:
        try_again_now(console().kit, current_actor(), why)
        return "One update is being sent. This page shows in a moment if Gett took it."

    return perform(form, act)


def _retry() -> ResponseReturnValue:
    lane = request.args.get("lane", "")
    form = ActionForm(
        "Send the next update now",
        consequence_for(console().kit) or [f"The next update of {lane[:200]} is sent without waiting."],
        "Send it now",
        url_for(".sending"),
    )

    def act(why: str) -> str:
        actions.retry_now(console().kit, current_actor(), lane, why)
        return f"{lane}: {delivery_of_next(console().kit, lane)}"

    return perform(form, act)
