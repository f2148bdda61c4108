"""Stores: their state here, at Gett and at the POS; pause and resume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, FormField, add_action, perform
from webhook_kit.console.pages.delivery import consequence_for, delivery_of
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.operations.audit import list_audit
from webhook_kit.operations.onboarding import read_onboarding
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.store_actions import pause_store, resume_store
from webhook_kit.operations.stores import StoreFilter, ask_gett, ask_pos, find_stores, read_store
from webhook_kit.pos.store import Store

__all__ = ["PAGE", "ask_for_store", "page_start", "register"]

PAGE = 50
_REASONS = [
    (PauseReason.OPERATIONAL_ISSUES, "something does not work"),
    (PauseReason.STAFF_SHORTAGE, "too few people"),
    (PauseReason.TOO_BUSY, "too busy"),
    (PauseReason.MAINTENANCE, "maintenance"),
    (PauseReason.OTHER, "other"),
]
_FOREVER = "until"
_MINUTES = [
    ("30", "for 30 minutes"),
    ("60", "for 1 hour"),
    ("120", "for 2 hours"),
    ("480", "for 8 hours"),
    (_FOREVER, "until a person resumes it"),
]
_ASKED = ("pos", "gett")
"""Systems that are asked for the state of a store on request."""

_FILTERS = {
    StoreFilter.ALL: "all",
    StoreFilter.PAUSED: "paused",
    StoreFilter.FAILING: "POS fails",
    StoreFilter.CATALOG: "catalog not taken",
}


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/stores", "stores", _stores)
    pages.add_url_rule("/store", "store", _store)
    for name, view in (("pause", _pause), ("resume", _resume)):
        add_action(pages, f"/store/{name}", name, view)


def ask_for_store() -> Store:
    """Return the store that the address names.

    :raises NotFound: it is not known here.
    """
    return console().kit.stores.get(request.args.get("id", ""))


def page_start() -> int:
    """Return the number of entries before the page that the address asks for."""
    written = request.args.get("start", "")
    return int(written) if written.isdecimal() and len(written) < 7 else 0


def _stores() -> str:
    wanted = request.args.get("only", "")
    only = StoreFilter(wanted) if wanted in set(StoreFilter) else StoreFilter.ALL
    page = find_stores(console().kit, search=request.args.get("q", ""), only=only, start=page_start(), limit=PAGE)
    return render_template(
        "stores.html", page=page, only=only, filters=_FILTERS, start=page_start(), size=PAGE, active="stores"
    )


def _store() -> str:
    kit, store = console().kit, ask_for_store()
    asked = [ask for ask in dict.fromkeys(request.args.getlist("ask")) if ask in _ASKED]
    view = read_store(kit, store)
    # Only then: the audit log is read backwards until the pause is found.
    pauses = list_audit(kit, action="pause_store", subject=store.id, size=1).entries if view.paused else ()
    return render_template(
        "store.html",
        view=view,
        obstacle=read_quota(kit).obstacle,
        at_gett=ask_gett(kit, store) if "gett" in asked else None,
        at_pos=ask_pos(kit, store) if "pos" in asked else None,
        asked=asked,
        onboarding=read_onboarding(kit, store.id),
        paused_by=next((entry for entry in pauses if not entry.failed), None),
        reasons=dict(_REASONS),
        active="stores",
    )


def _pause() -> ResponseReturnValue:
    store = ask_for_store()
    form = ActionForm(
        f"Pause {store.name or store.id}",
        [
            "Gett takes no orders for this store while it is paused. Orders that are placed already go on.",
            "Neither the POS nor the health check lifts your pause: only its end or a person does.",
            *consequence_for(console().kit),
        ],
        "Pause the store",
        url_for(".store", id=store.id),
        [
            FormField("reason", "Reason for Gett", choices=_REASONS),
            FormField("minutes", "How long", choices=_MINUTES),
        ],
    )

    def act(why: str) -> str:
        minutes = request.form.get("minutes", "")
        known = minutes in dict(_MINUTES) and minutes != _FOREVER
        until = datetime.now(UTC) + timedelta(minutes=int(minutes)) if known else None
        pause_store(console().kit, current_actor(), store.id, request.form.get("reason", ""), until, why)
        return f"{store.name or store.id} is paused {dict(_MINUTES).get(minutes, '')}. {delivery_of(console().kit)}"

    return perform(form, act)


def _resume() -> ResponseReturnValue:
    store = ask_for_store()
    form = ActionForm(
        f"Resume {store.name or store.id}",
        [
            "Gett takes orders for this store again, whoever paused it.",
            "Be sure that its POS works.",
            *consequence_for(console().kit),
        ],
        "Resume the store",
        url_for(".store", id=store.id),
    )

    def act(why: str) -> str:
        resume_store(console().kit, current_actor(), store.id, why)
        return f"{store.name or store.id} takes orders again. {delivery_of(console().kit)}"

    return perform(form, act)
