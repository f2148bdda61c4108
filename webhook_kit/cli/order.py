"""``webhook-kit order``: see an order's record, settle one in doubt, tie one to its Gett id."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from webhook_kit.adapter import Placed
from webhook_kit.errors import Impossible
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.receiver.idempotency import Claim, Outcome, Settled

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
        raise Impossible(f"order {record['ref']} is settled already: {record['state']} {record.get('partner_id', '')}")
    if kit.ledger.lease_left(record) > 0:
        raise Impossible(f"order {record['ref']} is being placed right now: wait for it to end, then look again")
    claim = Claim(record["ref"], "", record.get("gett_id", ""), record.get("store", ""), record.get("fp", ""), "")
    if not_placed:
        kit.ledger.settle(claim, Outcome.RELEASED, force=True)
        click.echo(f"order {claim.ref} is free: the next attempt places it")
        return
    if not record.get("order"):
        raise Impossible(f"order {claim.ref} never got as far as the POS: there is nothing to answer with")
    order = PlaceOrderRequest.from_json(record["order"])
    settled = kit.placement.record(claim, order, Placed(placed or ""))
    if settled is not Settled.OK:
        raise Impossible(f"order {claim.ref} was settled by somebody else meanwhile: look at it again")
    click.echo(f"order {claim.ref} is placed as {placed}; its confirmation is on its way")


@command.command()
@click.argument("ref")
@click.argument("gett_order_id")
def link(ref: str, gett_order_id: str) -> None:
    """Tie an order to its Gett id, so that its progress can be told."""
    kit = Kit.from_env()
    kit.ledger.link(_record(kit, ref)["ref"], gett_order_id)
    click.echo(f"order {ref} is {gett_order_id} at Gett")


@command.command()
def incidents() -> None:
    """List what a person has to look at, newest first."""
    found = Kit.from_env().ledger.incidents()
    for entry in found:
        click.echo(
            f"{_moment(entry['at'])}  {entry['kind']}: order {entry['order']}, known {entry['known'] or 'none'}, reported {entry['reported']}"
        )
    if not found:
        click.echo("no incidents")


def _record(kit: Kit, ref: str) -> dict[str, str]:
    record = kit.ledger.record(ref)
    if record is None:
        raise Impossible(f"order {ref} is not known here")
    return record


def _moment(milliseconds: str | int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="milliseconds")
