"""Catalogs: violations, the difference to the one before, synchronization, unavailable items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, FormField, add_action, perform
from webhook_kit.console.pages.delivery import delivery_of
from webhook_kit.console.pages.stores import PAGE, ask_for_store, page_start
from webhook_kit.operations import store_actions
from webhook_kit.operations.catalogs import read_catalog, read_catalog_difference
from webhook_kit.operations.stores import StoreFilter, find_stores
from webhook_kit.publishing.sync import SyncOutcome, SyncReport

__all__ = ["register"]

_OUTCOMES = {
    SyncOutcome.PUBLISHED: "It is published.",
    SyncOutcome.UNCHANGED: "Nothing has changed: the same catalog is published already.",
    SyncOutcome.STORED: "It is taken, but not published: neither PUBLIC_URL nor a bucket is configured.",
    SyncOutcome.REJECTED_SHRINK: "It was not taken: more than a third of the items are missing.",
    SyncOutcome.FAILED: "It was not taken.",
}
_HOURS = [("", "until somebody marks it available"), ("1", "for 1 hour"), ("4", "for 4 hours"), ("24", "for 24 hours")]
_SUGGESTED = 2_000
"""Items that are offered at most while one types."""


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/catalogs", "catalogs", _catalogs)
    pages.add_url_rule("/catalog", "catalog", _catalog)
    for name, view in (
        ("sync", _sync),
        ("publish", _publish),
        ("mark-unavailable", _mark_unavailable),
        ("mark-available", _mark_available),
    ):
        add_action(pages, f"/catalog/{name}", name.replace("-", "_"), view)


def _catalogs() -> str:
    only = StoreFilter.CATALOG if request.args.get("only") == StoreFilter.CATALOG else StoreFilter.ALL
    page = find_stores(console().kit, search=request.args.get("q", ""), only=only, start=page_start(), limit=PAGE)
    return render_template("catalogs.html", page=page, only=only, start=page_start(), size=PAGE, active="catalogs")


def _catalog() -> str:
    kit, store = console().kit, ask_for_store()
    difference = read_catalog_difference(kit, store) if request.args.get("difference") else None
    view = read_catalog(kit, store)
    return render_template("catalog.html", store=store, view=view, difference=difference, active="catalogs")


def _sync() -> ResponseReturnValue:
    store = ask_for_store()
    form = ActionForm(
        f"Synchronize the catalog of {store.name or store.id}",
        [
            "The catalog is fetched from the POS now, checked, and published if it is right. It may take a minute.",
            "If it is not right, nothing changes and the reasons are shown.",
        ],
        "Synchronize",
        url_for(".catalog", id=store.id),
        [
            FormField(
                "force",
                "If many items are missing",
                choices=[
                    ("", "keep the last good catalog"),
                    ("yes", "take it all the same: items were removed on purpose"),
                ],
                required=False,
            )
        ],
    )

    def act(why: str) -> str:
        force = request.form.get("force") == "yes"
        return _told(store_actions.sync_catalog(console().kit, current_actor(), store.id, force=force, why=why))

    return perform(form, act)


def _publish() -> ResponseReturnValue:
    store = ask_for_store()
    form = ActionForm(
        f"Publish the catalog of {store.name or store.id} again",
        ["The last good catalog is published again, and Gett is told to fetch it. The POS is not asked."],
        "Publish",
        url_for(".catalog", id=store.id),
    )

    def act(why: str) -> str:
        return _told(store_actions.publish_catalog(console().kit, current_actor(), store.id, why))

    return perform(form, act)


def _told(report: SyncReport) -> str:
    reasons = f" {'; '.join(report.reasons[:3])}." if report.failed else f" It has {report.items} items."
    told = f" {delivery_of(console().kit)}" if report.outcome is SyncOutcome.PUBLISHED else ""
    return f"{_OUTCOMES[report.outcome]}{reasons}{told}"


def _mark_unavailable() -> ResponseReturnValue:
    store = ask_for_store()
    names = read_catalog(console().kit, store).names
    item = FormField(
        "item",
        "Item or option",
        "Its id. Type a part of the name to find it.",
        suggestions=list(names.items())[:_SUGGESTED],
        value=request.args.get("item", ""),
    )
    form = ActionForm(
        "An item has run out",
        ["Orders with this item are refused from now on. It disappears from the menu within a minute."],
        "Mark it unavailable",
        url_for(".catalog", id=store.id),
        [item, FormField("hours", "How long", choices=_HOURS, required=False)],
    )

    def act(why: str) -> str:
        hours = request.form.get("hours", "")
        until = datetime.now(UTC) + timedelta(hours=int(hours)) if hours in dict(_HOURS) and hours else None
        item_id = request.form.get("item", "").strip()
        store_actions.mark_unavailable(console().kit, current_actor(), store.id, item_id, until, why)
        return f"{names.get(item_id, item_id)} is unavailable {dict(_HOURS).get(hours, '')}."

    return perform(form, act)


def _mark_available() -> ResponseReturnValue:
    store, item_id = ask_for_store(), request.args.get("item", "")
    name = read_catalog(console().kit, store).names.get(item_id, item_id)
    form = ActionForm(
        f"{name} can be ordered again",
        ["Orders with this item are taken from now on. It is on the menu again within a minute."],
        "Mark it available",
        url_for(".catalog", id=store.id),
    )

    def act(why: str) -> str:
        store_actions.mark_available(console().kit, current_actor(), store.id, item_id, why)
        return f"{name} is available again."

    return perform(form, act)
