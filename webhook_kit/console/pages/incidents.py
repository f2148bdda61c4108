"""Incidents, grouped by their cause: acknowledged and noted."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, add_action, perform
from webhook_kit.console.pages.words import ALERTS
from webhook_kit.operations import actions
from webhook_kit.operations.incidents import incident_groups

__all__ = ["register"]


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/incidents", "incidents", _incidents)
    for name, view in (("acknowledge", _acknowledge), ("note", _note)):
        add_action(pages, f"/incidents/{name}", name, view)


def _incidents() -> str:
    groups = incident_groups(console().kit)
    return render_template("incidents.html", groups=groups, words=ALERTS, active="incidents")


def _acknowledge() -> ResponseReturnValue:
    group_id = request.args.get("id", "")
    form = ActionForm(
        "I know of it",
        ["Your colleagues see that you take care of it. It opens again when it happens once more."],
        "Acknowledge",
        url_for(".incidents"),
    )

    def act(why: str) -> str:
        actions.acknowledge_incidents(console().kit, current_actor(), group_id, why)
        return "It is acknowledged."

    return perform(form, act)


def _note() -> ResponseReturnValue:
    group_id = request.args.get("id", "")
    form = ActionForm(
        "Add a note",
        ["What you write is shown with the incidents, to everybody who logs in."],
        "Add the note",
        url_for(".incidents"),
    )

    def act(why: str) -> str:
        actions.note_incidents(console().kit, current_actor(), group_id, why)
        return "The note is added."

    return perform(form, act)
