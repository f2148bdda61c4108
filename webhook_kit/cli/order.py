"""``webhook-kit order``: list and show orders, settle one in doubt, link one to its Gett id, report its progress."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import (
    command_line_actor,
    examples,
    instant_or_ago,
    instant_or_ahead,
    json_option,
    moment,
    open_kit,
    print_table,
    warn_of_missing,
    why_option,
)
from webhook_kit.cli.completion import complete_stores
from webhook_kit.cli.delivery import report_delivery, wait_options
from webhook_kit.cli.order_show import one_order, show, timeline

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.operations.order_list import OrderFilter
    from webhook_kit.placement.order_search import FoundOrder, RefusalReason

__all__ = ["command"]


_STATES = ("claimed", "calling", "placed", "refused", "in_doubt", "released")
"""The values of PlacementState."""


@click.group("order")
def command() -> None:
    """Show and change orders. REF is the orderRef, Gett's order id or an Idempotency-Key.

    For show, timeline and resolve it may also be a trace id, or the number of the POS.
    """


command.add_command(show)
command.add_command(timeline)


@command.command(
    "list",
    epilog=examples(
        "webhook-kit order list --state in_doubt",
        "webhook-kit order list --store main --since 2h --json",
        "webhook-kit order list --pos-number 4711",
    ),
)
@click.option(
    "--store",
    metavar="STORE",
    help="Only orders of this store: the partner's id or Gett's.",
    shell_complete=complete_stores,
)
@click.option("--state", type=click.Choice(_STATES), help="Only orders in this state.")
@click.option("--code", metavar="CODE", help="Only orders that were refused with this code, such as ITEM_UNAVAILABLE.")
@click.option("--unconfirmed", is_flag=True, help="Only orders that the POS took as pending and has not confirmed.")
@click.option("--pos-number", metavar="ID", help="Only orders with this id at the POS.")
@click.option("--since", metavar="TIME", help="Only orders since this time (2026-05-01T18:30:00Z), or 30m, 2h, 7d ago.")
@click.option("--until", metavar="TIME", help="Only orders until this time, written as for --since.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="Number of orders to list.")
@json_option
def list_(
    store: str | None,
    state: str | None,
    code: str | None,
    unconfirmed: bool,
    pos_number: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List orders, newest first, with the reason of each refusal. The options are combined."""
    from webhook_kit.operations.order_list import OrderFilter
    from webhook_kit.placement.order_search import PlacementState

    kit = open_kit()
    condition = OrderFilter(
        store_id=store and _store_id(kit, store),
        state=PlacementState(state) if state else None,
        refusal_code=code,
        unconfirmed=unconfirmed,
        pos_number=pos_number,
        since=instant_or_ago(since),
        until=instant_or_ago(until),
    )
    found = _found(kit, condition, limit + 1)
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


def _found(kit: Kit, condition: OrderFilter, limit: int) -> list[FoundOrder]:
    from webhook_kit.operations.order_list import list_orders

    page = list_orders(kit, condition, size=limit)
    found = list(page.orders)
    while page.cursor is not None and len(found) < limit:
        page = list_orders(kit, condition, cursor=page.cursor, size=limit - len(found))
        found += page.orders
    return found


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


@command.command(
    epilog=examples(
        "webhook-kit order resolve 5f0a3c0e-6c3b-4c55-9d1e-6a2b5e0d7c11 --placed 4711",
        "webhook-kit order resolve 5f0a3c0e-6c3b-4c55-9d1e-6a2b5e0d7c11 --not-placed",
    )
)
@click.argument("ref")
@click.option("--placed", metavar="NUMBER", help="The POS has the order, as NUMBER.")
@click.option("--not-placed", is_flag=True, help="The POS does not have the order; Gett's next attempt places it.")
@why_option
def resolve(ref: str, placed: str | None, not_placed: bool, why: str) -> None:
    """Settle an order in doubt by hand, after checking the POS."""
    from webhook_kit.operations import actions

    if bool(placed) == not_placed:
        raise click.UsageError("give --placed NUMBER if the POS has the order, or --not-placed if it certainly has not")
    kit = open_kit(changes_gett=True)
    order = one_order(kit, ref).ref
    if placed is None:
        actions.settle_not_placed(kit, command_line_actor(), order, why)
        click.echo(f"order {order} is released; the next attempt places it")
        return
    other = actions.settle_placed(kit, command_line_actor(), order, placed, why)
    click.echo(f"order {order} is placed as {placed}; its confirmation waits to be sent to Gett")
    if other is not None:
        click.echo(f"order {other} has the id {placed} at the POS too; check that it is right", err=True)


@command.command()
@click.argument("ref")
@click.argument("gett_order_id")
@why_option
def link(ref: str, gett_order_id: str, why: str) -> None:
    """Link an order to its Gett id, so that its progress can be sent."""
    from webhook_kit.operations import actions

    actions.link_order(open_kit(changes_gett=True), command_line_actor(), ref, gett_order_id, why)
    click.echo(f"order {ref} is {gett_order_id} at Gett")


@command.command()
@click.argument("ref")
@click.option("--status", required=True, metavar="STATUS", help="confirmed, preparing, ready or inTransit.")
@click.option(
    "--ready-at", metavar="TIME", help="Time at which it will be ready: 2030-05-01T18:30:00Z, or 20m from now."
)
@why_option
@wait_options
def progress(ref: str, status: str, ready_at: str | None, why: str, wait: bool, timeout: float) -> None:
    """Send the progress of an order to Gett."""
    from webhook_kit.operations import actions

    kit = open_kit(changes_gett=True)
    actions.report_progress(kit, command_line_actor(), ref, status, instant_or_ahead(ready_at), why)
    _report(kit, ref, status, wait=wait, timeout=timeout)


@command.command()
@click.argument("ref")
@why_option
@wait_options
def complete(ref: str, why: str, wait: bool, timeout: float) -> None:
    """Report to Gett that the customer has the order."""
    from webhook_kit.operations import actions

    kit = open_kit(changes_gett=True)
    actions.complete_order(kit, command_line_actor(), ref, why)
    _report(kit, ref, "completed", wait=wait, timeout=timeout)


@command.command()
@click.argument("ref")
@click.option("--reason", required=True, help="Reason shown to the customer.")
@why_option
@wait_options
def cancel(ref: str, reason: str, why: str, wait: bool, timeout: float) -> None:
    """Report to Gett that the order is cancelled. The POS is not asked to cancel it."""
    from webhook_kit.operations import actions

    kit = open_kit(changes_gett=True)
    actions.cancel_order(kit, command_line_actor(), ref, reason, why)
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
@json_option
def incidents(as_json: bool) -> None:
    """List the incidents, newest first."""
    entries = [_incident(entry) for entry in open_kit().placement_store.incidents()]
    if as_json:
        click.echo(json.dumps(entries))
        return
    for entry in entries:
        click.echo(f"{entry['at']}  {entry['kind']}: {entry['about']} {entry['subject']}, {entry['why']}")
    if not entries:
        click.echo("no incidents")


def _incident(entry: dict[str, Any]) -> dict[str, Any]:
    about = next((about for about in ("store", "setting", "worker", "order") if about in entry), "order")
    why = entry.get("why") or f"known {entry.get('known') or 'none'}, reported {entry.get('reported')}"
    at = moment(entry["at"] / 1000)
    return {"at": at, "kind": entry["kind"], "about": about, "subject": entry.get(about), "why": why}
