"""Orders: found by any id, listed by conditions, and one with its timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console
from webhook_kit.console.pages.words import STATES
from webhook_kit.errors import InvalidArgument, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.archive.reader import find_old
from webhook_kit.operations.order_list import OrderFilter, list_orders
from webhook_kit.operations.orders import OrderFacts, find, find_any, totals_of_unsettled
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.timeline import timeline
from webhook_kit.placement.order_search import PlacementState

__all__ = ["ask_for_order", "register"]

_PERIODS = {"1h": "last hour", "6h": "last 6 hours", "24h": "last 24 hours", "7d": "last 7 days"}
_HOURS = {"1h": 1, "6h": 6, "24h": 24, "7d": 168}
_UNCONFIRMED = "unconfirmed"
_UNSETTLED = (PlacementState.CALLING, PlacementState.IN_DOUBT)
_CHOICES = {"": "all", "in_doubt": "in doubt", _UNCONFIRMED: "not confirmed by the restaurant"} | {
    state: text for state, text in STATES.items() if state in set(PlacementState) and state != "in_doubt"
}


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/orders", "orders", _orders)
    pages.add_url_rule("/order", "order", _order)


def ask_for_order(kit: Kit, ref: str) -> OrderFacts:
    """Return the order that an address names.

    :raises NotFound: it is not known here.
    """
    found = find(kit, ref)
    if found is None:
        raise NotFound(f"Order {ref[:200] or '(none)'} is not known here; records are kept for some days only")
    return found


def _orders() -> ResponseReturnValue:
    kit, search = console().kit, request.args.get("q", "").strip()
    if search:
        found = find_any(kit, search) or [old.facts for old in find_old(kit, search)]
        if len(found) == 1:
            return redirect(url_for(".order", ref=found[0].ref), 303)
        return _list(kit, found=found, search=search)
    return _list(kit)


def _list(kit: Kit, *, found: list[OrderFacts] | None = None, search: str = "") -> str:
    page = None
    if found is None:
        page = list_orders(kit, _condition(), cursor=request.args.get("cursor") or None)
    store_ids = {order.store_id for order in (page.orders if page else found or ()) if order.store_id}
    names = {store_id: _name(kit, store_id) for store_id in store_ids}
    unsettled = [order.ref for order in page.orders if order.state in _UNSETTLED] if page else []
    return render_template(
        "orders.html",
        totals=totals_of_unsettled(kit, unsettled),
        page=page,
        found=found,
        search=search,
        choices=_CHOICES,
        periods=_PERIODS,
        names=names,
        filtered=bool(request.args),
        active="orders",
    )


def _condition() -> OrderFilter:
    args = request.args
    state, period = args.get("state", ""), args.get("within", "")
    return OrderFilter(
        store_id=args.get("store") or None,
        state=PlacementState(state) if state in set(PlacementState) else None,
        refusal_code=args.get("code") or None,
        since=datetime.now(UTC) - timedelta(hours=_HOURS[period]) if period in _HOURS else _moment("since"),
        until=_moment("until"),
        unconfirmed=state == _UNCONFIRMED,
    )


def _moment(name: str) -> datetime | None:
    """Return the moment of a part of the address; without a zone it is UTC.

    :raises InvalidArgument: it cannot be read.
    """
    written = request.args.get(name, "")
    if not written:
        return None
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        raise InvalidArgument(f"The time {written[:40]} cannot be read; write 2026-05-01T18:30") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _order() -> str:
    kit, ref = console().kit, request.args.get("ref", "")
    try:
        order, archived_at = ask_for_order(kit, ref), None
        entries = timeline(kit, order.ref)
    except NotFound:
        old = next((each for each in find_old(kit, ref) if each.facts.ref == ref), None)
        if old is None:
            raise
        order, archived_at, entries = old.facts, old.archived_at, list(old.timeline)
    return render_template(
        "order.html",
        order=order,
        archived_at=archived_at,
        store_name=_name(kit, order.store_id) if order.store_id else "",
        obstacle=read_quota(kit).obstacle if order.pending else None,
        timeline=entries[::-1],
        active="orders",
    )


def _name(kit: Kit, store_id: str) -> str:
    store = kit.stores.by_id(store_id)
    return store.name if store and store.name else store_id
