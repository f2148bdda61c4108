"""``webhook-kit order``: list and show orders, settle one in doubt, link one to its Gett id, report its progress."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import (
    command_line_actor,
    instant,
    instant_or_ago,
    moment,
    open_kit,
    print_table,
    warn_of_missing,
)
from webhook_kit.cli.delivery import report_delivery, wait_options
from webhook_kit.errors import Conflict, InvalidTransition, NotFound

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.placement.order_search import FoundOrder, RefusalReason

__all__ = ["command"]


_STATES = ("claimed", "calling", "placed", "refused", "in_doubt", "released")
"""The values of PlacementState."""


@click.group("order")
def command() -> None:
    """Show and change orders. REF is the orderRef, Gett's order id or an Idempotency-Key."""


@command.command("list")
@click.option("--store", metavar="STORE", help="Only orders of this store: the partner's id or Gett's.")
@click.option("--state", type=click.Choice(_STATES), help="Only orders in this state.")
@click.option("--pos-number", metavar="ID", help="Only orders with this id at the POS.")
@click.option("--since", metavar="ISO", help="Only orders since this time (2026-05-01T18:30:00Z), or 30m, 2h, 7d ago.")
@click.option("--until", metavar="ISO", help="Only orders until this time, written as for --since.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="Number of orders to list.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def list_(
    store: str | None,
    state: str | None,
    pos_number: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List orders, newest first, with the reason of each refusal. The options are combined."""
    from webhook_kit.placement.order_search import OrderQuery, PlacementState

    kit = open_kit()
    query = OrderQuery(
        store_id=store and _store_id(kit, store),
        state=PlacementState(state) if state else None,
        partner_order_id=pos_number,
        since=instant_or_ago(since),
        until=instant_or_ago(until),
    )
    found = kit.order_search.find(query, limit + 1)
    listed, more = found[:limit], len(found) > limit
    if as_json:
        click.echo(json.dumps([_members(order) for order in listed]))
    elif listed:
        rows = [(*list(_members(order).values())[:-1], order.refusal and _reason(order.refusal)) for order in listed]
        print_table([*_COLUMNS[:-1], "reason"], rows)
    else:
        click.echo("no orders")
    if more:
        click.echo(f"there are more orders than these {limit}; narrow the search, or raise --limit", err=True)


_COLUMNS = ("created", "state", "store", "orderRef", "gettOrderId", "partnerOrderId", "refusal")


def _members(order: FoundOrder) -> dict[str, Any]:
    refusal = None if order.refusal is None else asdict(order.refusal)
    ids = (order.ref, order.gett_id or None, order.partner_order_id or None)
    return dict(zip(_COLUMNS, (moment(order.created), order.state, order.store_id, *ids, refusal), strict=True))


def _reason(refusal: RefusalReason) -> str:
    return f"{refusal.code}: {refusal.detail}"


def _store_id(kit: Kit, store: str) -> str:
    """Return the partner's id of a store; an unknown one is returned as it is, because a removed store has orders too."""
    found = kit.stores.by_id(store) or kit.stores.by_gett_id(store)
    return found.id if found else store


@command.command()
@click.argument("ref")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def show(ref: str, as_json: bool) -> None:
    """Show the record of an order and the reason of its refusal, without customer and delivery."""
    from webhook_kit.placement.order_search import milliseconds, refusal_of

    kit = open_kit()
    record = _record(kit, ref)
    refusal = refusal_of(record)
    shown: dict[str, Any] = {
        "orderRef": record.get("ref"),
        "state": record.get("state"),
        "store": record.get("store"),
        "gettOrderId": record.get("gett_id") or None,
        "partnerOrderId": record.get("partner_id"),
        "mayHaveReachedPos": record.get("doubt") == "1",
        "attempts": milliseconds(record.get("attempt")) or 0,
        "idempotencyKeys": record.get("keys", "").split(),
        "created": _moment(record.get("created")),
        "updated": _moment(record.get("updated")),
        "accepted": _accepted(record),
    }
    if as_json:
        click.echo(json.dumps({**shown, "refusal": refusal and asdict(refusal)}))
        return
    if shown["state"] not in ("placed", "refused"):
        warn_of_missing(kit, "sync")
    for name, value in shown.items():
        click.echo(f"{name:18} {', '.join(value) if isinstance(value, list) else value}")
    if refusal is not None:
        click.echo(f"{'refusal':18} {_reason(refusal)}")
        for violation in refusal.violations:
            place = " ".join(violation[name] for name in ("itemId", "jsonPath") if name in violation)
            click.echo(f"{'':18} {violation['code']}: {violation['message']}{f' ({place})' if place else ''}")


@command.command()
@click.argument("ref")
@click.option("--placed", metavar="ID", help="The POS has the order, as order ID.")
@click.option("--not-placed", is_flag=True, help="The POS does not have the order; Gett's next attempt places it.")
def resolve(ref: str, placed: str | None, not_placed: bool) -> None:
    """Settle an order in doubt by hand, after checking the POS."""
    from webhook_kit.adapter import Placed
    from webhook_kit.gett.models.order import PlaceOrderRequest
    from webhook_kit.placement.idempotency_store import AttemptOutcome, Claim, SettleResult

    if bool(placed) == not_placed:
        raise click.UsageError("give either --placed ID or --not-placed")
    kit = open_kit()
    record = _record(kit, ref)
    if record["state"] in ("placed", "refused"):
        raise InvalidTransition(
            f"order {record['ref']} is settled already: {record['state']} {record.get('partner_id', '')}"
        )
    if kit.placement_store.lease_remaining(record) > 0:
        raise Conflict(f"order {record['ref']} is being placed right now; wait until that ends, then check again")
    claim = Claim(record["ref"], "", record.get("gett_id", ""), record.get("store", ""), record.get("fp", ""), "")
    if not_placed:
        kit.placement_store.settle(claim, AttemptOutcome.RELEASED, force=True)
        click.echo(f"order {claim.ref} is released; the next attempt places it")
        return
    if not record.get("order"):
        raise InvalidTransition(f"order {claim.ref} was never sent to the POS; use --not-placed")
    order = PlaceOrderRequest.from_json(record["order"])
    other = kit.order_updates.find_by_pos_id(claim.store_id, placed or "")
    settled = kit.placement.record(claim, order, Placed(placed or ""))
    if settled is not SettleResult.OK:
        raise Conflict(f"order {claim.ref} was settled by somebody else meanwhile; check it again")
    click.echo(f"order {claim.ref} is placed as {placed}; its confirmation waits to be sent to Gett")
    if other is not None and other.ref != claim.ref:
        click.echo(f"order {other.ref} has the id {placed} at the POS too; check that it is right", err=True)


@command.command()
@click.argument("ref")
@click.argument("gett_order_id")
def link(ref: str, gett_order_id: str) -> None:
    """Link an order to its Gett id, so that its progress can be sent."""
    kit = open_kit()
    kit.placement_store.link(_record(kit, ref)["ref"], gett_order_id)
    click.echo(f"order {ref} is {gett_order_id} at Gett")


@command.command()
@click.argument("ref")
@click.option("--status", required=True, help="confirmed, preparing, ready or inTransit.")
@click.option("--ready-at", metavar="ISO", help="Time at which it will be ready (2030-05-01T18:30:00Z).")
@wait_options
def progress(ref: str, status: str, ready_at: str | None, wait: bool, timeout: float) -> None:
    """Send the progress of an order to Gett."""
    kit = open_kit()
    kit.order_updates.progress(ref, status, estimated_ready_at=instant(ready_at))
    _report(kit, ref, status, wait=wait, timeout=timeout)


@command.command()
@click.argument("ref")
@wait_options
def complete(ref: str, wait: bool, timeout: float) -> None:
    """Report to Gett that the customer has the order."""
    kit = open_kit()
    kit.order_updates.complete(ref)
    _report(kit, ref, "completed", wait=wait, timeout=timeout)


@command.command()
@click.argument("ref")
@click.option("--reason", required=True, help="Reason shown to the customer.")
@wait_options
def cancel(ref: str, reason: str, wait: bool, timeout: float) -> None:
    """Report to Gett that the order is cancelled. The POS is not asked to cancel it."""
    kit = open_kit()
    kit.order_updates.cancel(ref, reason)
    _report(kit, ref, "cancelled", wait=wait, timeout=timeout)


def _report(kit: Kit, ref: str, status: str, *, wait: bool, timeout: float) -> None:
    from webhook_kit.outbox.lanes import lane_name
    from webhook_kit.outbox.updates import Kind

    found = kit.order_updates.find(ref)
    lane = found.lane if found else lane_name(Kind.ORDER, ref)
    warn_of_missing(kit, "push")
    if not report_delivery(kit, lane, f"order {ref}: the status {status}", wait=wait, timeout=timeout):
        raise SystemExit(1)


@command.command()
@click.argument("ref", required=False)
@click.option("--customer", metavar="EMAIL", help="All orders in which this e-mail address occurs.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; print what would be removed.")
@click.option("--why", default="", help="Reason, for the audit log. Name no person.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def forget(ref: str | None, customer: str | None, dry_run: bool, why: str, as_json: bool) -> None:
    """Remove the contact data of an order, or of all orders of a customer. Exit with 1 if an order had to keep them.

    Ids, items, amounts and moments stay, so that a retry of Gett gets the same ticket. The POS has data of its own.
    """
    from webhook_kit.operations.forget import Forgotten, forget_customer, forget_order

    if (ref is None) == (customer is None):
        raise click.UsageError("give either REF or --customer EMAIL")
    kit, actor = open_kit(), command_line_actor()
    if ref is not None:
        orders: tuple[Forgotten, ...] = (forget_order(kit, actor, ref, why=why, dry_run=dry_run),)
    else:
        result = forget_customer(kit, actor, customer or "", why=why, dry_run=dry_run, progress=_print_progress)
        orders = result.orders
        click.echo(f"{result.searched} orders searched, {len(orders)} with this address", err=True)
    if as_json:
        click.echo(json.dumps({"dryRun": dry_run, "orders": [asdict(order) for order in orders]}))
    else:
        for order in orders:
            removed = f"{'would remove' if dry_run else 'removed'} {', '.join(order.removed) or 'nothing'}"
            click.echo(f"order {order.ref}: {order.kept or removed}")
    if any(order.kept for order in orders):
        raise SystemExit(1)


def _print_progress(searched: int) -> None:
    if searched % 10_000 < 500 and searched >= 10_000:
        click.echo(f"{searched} orders searched so far", err=True)


@command.command()
def incidents() -> None:
    """List the incidents, newest first."""
    entries = open_kit().placement_store.incidents()
    for entry in entries:
        subject = next(about for about in ("store", "setting", "worker", "order") if about in entry)
        why = entry.get("why") or f"known {entry.get('known') or 'none'}, reported {entry.get('reported')}"
        click.echo(f"{_moment(entry['at'])}  {entry['kind']}: {subject} {entry[subject]}, {why}")
    if not entries:
        click.echo("no incidents")


def _record(kit: Kit, ref: str) -> dict[str, str]:
    record = kit.placement_store.find(ref)
    if record is None:
        raise NotFound(f"order {ref} is unknown here")
    return record


def _accepted(record: dict[str, str]) -> Any:
    """Return the total that the customer accepted; None if the record has none that can be read."""
    try:
        if total := record.get("accepted"):  # the order itself is not kept once it is settled
            return float(total)
        return (json.loads(record.get("order") or "{}").get("amounts") or {}).get("total")
    except (ValueError, AttributeError):
        return None


def _moment(value: str | int | None) -> str | None:
    from webhook_kit.placement.order_search import milliseconds

    read = milliseconds(None if value is None else str(value))
    return None if read is None else moment(read / 1000)
