"""``webhook-kit store``: which stores there are, and whether they take orders."""

from __future__ import annotations

import json

import click

from webhook_kit.adapter import Store
from webhook_kit.cli.common import instant, print_table
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind

__all__ = ["command"]


@click.group("store")
def command() -> None:
    """Stores: STORE is the partner's own id, or Gett's."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """List the stores and what Gett was last told of each."""
    kit = Kit.from_env()
    rows = [_row(kit, store) for store in kit.stores]
    if as_json:
        click.echo(json.dumps(rows))
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows])


def _row(kit: Kit, store: Store) -> dict[str, str | None]:
    told = json.loads(kit.lanes.state(lane_name(Kind.STORE, store.id)).get("last") or "{}")
    return {
        "store": store.id,
        "name": store.name,
        "gettStoreId": store.gett_id,
        "adapter": store.adapter,
        "told": told.get("status"),
        "reason": told.get("reason"),
        "until": told.get("resumeAt"),
        "pausedBy": kit.stores.pause_owner(store),
    }


@command.command()
@click.argument("store")
@click.option("--reason", required=True, help=f"One of {', '.join(PauseReason)}.")
@click.option("--until", metavar="ISO", help="When Gett lifts the pause by itself (2026-05-01T18:30:00Z).")
def pause(store: str, reason: str, until: str | None) -> None:
    """Take no orders for now; only a person lifts a person's pause."""
    said = Kit.from_env().stores.pause(store, reason, instant(until))
    click.echo(f"store {store} is paused ({said})")


@command.command()
@click.argument("store")
def resume(store: str) -> None:
    """Take orders again, whoever paused the store."""
    said = Kit.from_env().stores.resume(store)
    click.echo(f"store {store} takes orders ({said})")
