"""``webhook-kit order show`` and ``order timeline``: one order, from Redis or from the long-term archive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import json_option, moment, open_kit, warn_of_missing
from webhook_kit.errors import Conflict, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from webhook_kit.kit import Kit
    from webhook_kit.operations.orders import OrderFacts
    from webhook_kit.operations.timeline import TimelineEntry
    from webhook_kit.placement.order_search import RefusalReason

__all__ = ["one_order", "show", "timeline"]


@click.command()
@click.argument("ref")
@json_option
def show(ref: str, as_json: bool) -> None:
    """Show an order, the reason of its refusal and its timeline, without customer and delivery.

    REF may also be the POS's number of the order, or the trace id of its webhook. An order that Redis does not keep any more comes from
    the long-term archive (ARCHIVE_URL), by its orderRef, Gett's id or the POS's number.
    """
    kit = open_kit()
    order, entries, archived_at = _found(kit, ref)
    if as_json:
        click.echo(json.dumps(_members(order, entries, archived_at)))
        return
    if not order.settled:
        warn_of_missing(kit, "sync")
    for name, value in _facts(order, archived_at):
        click.echo(f"{name:18} {value}")
    click.echo()
    _print_timeline(entries)


def _members(order: OrderFacts, entries: Sequence[TimelineEntry], archived_at: datetime | None) -> dict[str, Any]:
    """Return an order for programs."""
    shown: dict[str, Any] = {
        "orderRef": order.ref,
        "state": order.state,
        "store": order.store_id,
        "gettOrderId": order.gett_id,
        "partnerOrderId": order.pos_number,
        "mayHaveReachedPos": order.may_have_reached_pos,
        "unconfirmed": order.unconfirmed,
        "attempts": order.attempts,
        "replays": order.replays,
        "idempotencyKeys": list(order.idempotency_keys),
        "created": _iso(order.created),
        "updated": _iso(order.updated),
        "accepted": None if order.accepted is None else float(order.accepted),
        "progress": order.progress,
        "takenByGett": order.taken,
        "waiting": [update.update for update in order.pending],
    }
    if archived_at is not None:
        shown["archived"] = _iso(archived_at)
    refusal = order.refusal and asdict(order.refusal)
    return {**shown, "refusal": refusal, "timeline": [_entry(entry) for entry in entries]}


def _facts(order: OrderFacts, archived_at: datetime | None) -> Iterator[tuple[str, str]]:
    """Yield an order for people, as names and values; the name is empty where one has several values."""
    yield "order", order.ref
    if order.gett_id != order.ref:
        yield "Gett's id", order.gett_id or "not known"
    yield "Idempotency-Key", ", ".join(order.idempotency_keys) or "not known"
    yield "store", order.store_id or "not known"
    yield "state", order.state.replace("_", " ")
    yield from _named("reason", _reasons(order.refusal))
    yield "in the POS", _in_the_pos(order)
    yield from _named("items", order.items)
    yield "total", "not known" if order.accepted is None else f"{order.accepted:.2f}"
    yield "attempts", f"{order.attempts}{f', and {order.replays} times the same answer again' if order.replays else ''}"
    yield "first attempt", _iso(order.created) or "not known"
    yield "last change", _iso(order.updated) or "not known"
    yield "last update", order.progress or "none"
    yield "Gett knows", order.taken or "no update yet"
    yield "waits for Gett", ", ".join(update.update for update in order.pending) or "nothing"
    if archived_at is not None:
        yield "archived", _iso(archived_at) or ""


def _named(name: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        yield ("" if number else name), value


def _reasons(refusal: RefusalReason | None) -> Iterator[str]:
    """Yield the reason of a refusal; once, because its text is mostly that of the first violation."""
    if refusal is None:
        return
    if all(violation["code"] != refusal.code for violation in refusal.violations):
        yield f"{refusal.code}: {refusal.detail}"
    for violation in refusal.violations:
        place = " ".join(violation[name] for name in ("itemId", "jsonPath") if name in violation)
        yield f"{violation['code']}: {violation['message']}{f' ({place})' if place else ''}"


def _in_the_pos(order: OrderFacts) -> str:
    if order.state == "placed":
        confirmed = ", but nobody in the restaurant has confirmed it" if order.unconfirmed else ""
        return f"yes, as {order.pos_number or 'a number that is not known'}{confirmed}"
    if order.may_have_reached_pos and not order.settled:
        return "nobody knows; look there, then settle it by `order resolve`: --placed NUMBER, or --not-placed"
    return {"refused": "no", "released": "no", "claimed": "not yet", "calling": "being placed"}.get(
        order.state, "not known"
    )


@click.command()
@click.argument("ref")
@json_option
def timeline(ref: str, as_json: bool) -> None:
    """Show what happened to an order, oldest first: ids, codes, amounts and durations only."""
    _, entries, _ = _found(open_kit(), ref)
    if as_json:
        click.echo(json.dumps([_entry(entry) for entry in entries]))
    else:
        _print_timeline(entries)


def one_order(kit: Kit, name: str) -> OrderFacts:
    """Return the order that a person means.

    :raises NotFound: there is none.
    :raises Conflict: there are several.
    """
    from webhook_kit.operations.orders import find_any

    name.encode()  # an argument that is not UTF-8 is refused as such
    found = find_any(kit, name)
    if not found:
        raise NotFound(f"order {name} is unknown here")
    _require_one(name, found)
    return found[0]


def _found(kit: Kit, name: str) -> tuple[OrderFacts, Sequence[TimelineEntry], datetime | None]:
    """Return an order, its timeline, and the moment at which it was archived if it is from the long-term archive."""
    try:
        order = one_order(kit, name)
    except NotFound:
        from webhook_kit.operations.archive.reader import find_old

        old = find_old(kit, name)
        if not old:
            raise
        _require_one(name, [each.facts for each in old])
        return old[0].facts, old[0].timeline, old[0].archived_at
    from webhook_kit.operations.timeline import timeline as timeline_in_redis

    return order, timeline_in_redis(kit, order.ref), None


def _require_one(name: str, found: Sequence[OrderFacts]) -> None:
    """Raise an error if a name stands for several orders.

    :raises Conflict: it does.
    """
    if len(found) > 1:
        refs = ", ".join(f"{order.ref} (store {order.store_id})" for order in found)
        raise Conflict(f"{name} is the number of several orders; give the orderRef of one: {refs}")


def _print_timeline(entries: Sequence[TimelineEntry]) -> None:
    for entry in entries:
        again = f"  {entry.count} times until {_iso(entry.until)}" if entry.count > 1 else ""
        click.echo(f"{_iso(entry.at)}  {entry.text}{again}")


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "at": _iso(entry.at),
        "event": entry.event,
        "text": entry.text,
        "update": entry.update,
        "details": {_camel(name): value for name, value in entry.details.items()},
        "count": entry.count,
        "until": _iso(entry.until),
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else moment(at.timestamp())
