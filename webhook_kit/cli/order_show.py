"""``webhook-kit order show`` and ``order timeline``: one order, from Redis or from the long-term archive."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    refusal = order.refusal
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
    if as_json:
        recorded = {"refusal": refusal and asdict(refusal), "timeline": [_entry(entry) for entry in entries]}
        click.echo(json.dumps({**shown, **recorded}))
        return
    if not order.settled:
        warn_of_missing(kit, "sync")
    for name, value in shown.items():
        click.echo(f"{name:18} {', '.join(value) if isinstance(value, list) else value}")
    if refusal is not None:
        click.echo(f"{'refusal':18} {refusal.code}: {refusal.detail}")
        for violation in refusal.violations:
            place = " ".join(violation[name] for name in ("itemId", "jsonPath") if name in violation)
            click.echo(f"{'':18} {violation['code']}: {violation['message']}{f' ({place})' if place else ''}")
    click.echo()
    _print_timeline(entries)


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
