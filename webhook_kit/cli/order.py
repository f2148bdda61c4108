"""``webhook-kit order``: see an order's record, settle one in doubt, tie one to its Gett id, say how far it is."""

from __future__ import annotations

import json

import click

from webhook_kit.adapter import Placed
from webhook_kit.cli.common import instant, moment
from webhook_kit.errors import Conflict, InvalidTransition, NotFound
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.placement.idempotency_store import AttemptOutcome, Claim, SettleResult

__all__ = ["command"]


@click.group("order")
def command() -> None:
    """Orders: REF is the orderRef, Gett's order id or an Idempotency-Key."""


@command.command()
@click.argument("ref")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(ref: str, as_json: bool) -> None:
    """Show what is known of an order; customer and delivery are left out."""
    record = _record(Kit.from_env(), ref)
    order = json.loads(record["order"]) if record.get("order") else {}
    shown = {
        "orderRef": record["ref"],
        "state": record["state"],
        "store": record.get("store"),
        "gettOrderId": record.get("gett_id") or None,
        "partnerOrderId": record.get("partner_id"),
        "mayHaveReachedPos": record.get("doubt") == "1",
        "attempts": int(record.get("attempt", 0)),
        "idempotencyKeys": record.get("keys", "").split(),
        "created": _moment(record.get("created")),
        "updated": _moment(record.get("updated")),
        "accepted": (order.get("amounts") or {}).get("total"),
    }
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, value in shown.items():
        click.echo(f"{name:18} {', '.join(value) if isinstance(value, list) else value}")


@command.command()
@click.argument("ref")
@click.option("--placed", metavar="ID", help="The POS has it, as order ID.")
@click.option("--not-placed", is_flag=True, help="The POS does not have it: Gett's next attempt places it.")
def resolve(ref: str, placed: str | None, not_placed: bool) -> None:
    """Settle an order in doubt by hand, after looking at the POS."""
    if bool(placed) == not_placed:
        raise click.UsageError("say either --placed ID or --not-placed")
    kit = Kit.from_env()
    record = _record(kit, ref)
    if record["state"] in ("placed", "refused"):
        raise InvalidTransition(
            f"order {record['ref']} is settled already: {record['state']} {record.get('partner_id', '')}"
        )
    if kit.placement_store.lease_remaining(record) > 0:
        raise Conflict(f"order {record['ref']} is being placed right now: wait for it to end, then look again")
    claim = Claim(record["ref"], "", record.get("gett_id", ""), record.get("store", ""), record.get("fp", ""), "")
    if not_placed:
        kit.placement_store.settle(claim, AttemptOutcome.RELEASED, force=True)
        click.echo(f"order {claim.ref} is free: the next attempt places it")
        return
    if not record.get("order"):
        raise InvalidTransition(f"order {claim.ref} never got as far as the POS: there is nothing to answer with")
    order = PlaceOrderRequest.from_json(record["order"])
    settled = kit.placement.record(claim, order, Placed(placed or ""))
    if settled is not SettleResult.OK:
        raise Conflict(f"order {claim.ref} was settled by somebody else meanwhile: look at it again")
    click.echo(f"order {claim.ref} is placed as {placed}; its confirmation is on its way")


@command.command()
@click.argument("ref")
@click.argument("gett_order_id")
def link(ref: str, gett_order_id: str) -> None:
    """Tie an order to its Gett id, so that its progress can be told."""
    kit = Kit.from_env()
    kit.placement_store.link(_record(kit, ref)["ref"], gett_order_id)
    click.echo(f"order {ref} is {gett_order_id} at Gett")


@command.command()
@click.argument("ref")
@click.option("--status", required=True, help="confirmed, preparing, ready or inTransit.")
@click.option("--ready-at", metavar="ISO", help="When it will be ready (2026-05-01T18:30:00Z).")
def progress(ref: str, status: str, ready_at: str | None) -> None:
    """Tell Gett how far an order is."""
    said = Kit.from_env().order_updates.progress(ref, status, estimated_ready_at=instant(ready_at))
    click.echo(f"order {ref} is {status} ({said})")


@command.command()
@click.argument("ref")
def complete(ref: str) -> None:
    """Tell Gett that the customer has the order."""
    click.echo(f"order {ref} is completed ({Kit.from_env().order_updates.complete(ref)})")


@command.command()
@click.argument("ref")
@click.option("--reason", required=True, help="For the customer.")
def cancel(ref: str, reason: str) -> None:
    """Tell Gett that the order will not be made; the POS is not told."""
    click.echo(f"order {ref} is cancelled ({Kit.from_env().order_updates.cancel(ref, reason)})")


@command.command()
def incidents() -> None:
    """List what a person has to look at, newest first."""
    found = Kit.from_env().placement_store.incidents()
    for entry in found:
        what = "store" if "store" in entry else "order"
        why = entry.get("why") or f"known {entry.get('known') or 'none'}, reported {entry.get('reported')}"
        click.echo(f"{_moment(entry['at'])}  {entry['kind']}: {what} {entry[what]}, {why}")
    if not found:
        click.echo("no incidents")


def _record(kit: Kit, ref: str) -> dict[str, str]:
    record = kit.placement_store.find(ref)
    if record is None:
        raise NotFound(f"order {ref} is not known here")
    return record


def _moment(milliseconds: str | int | None) -> str | None:
    return None if milliseconds is None else moment(int(milliseconds) / 1000)
