"""``webhook-kit stores``: which stores there are, here and at Gett, and whether they take orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from webhook_kit.adapter import Store
from webhook_kit.cli import onboard, stores_edit
from webhook_kit.cli.common import instant, print_table
from webhook_kit.errors import ConfigurationError, GettError, GettNotFound
from webhook_kit.gett.models.store import CommerceStore, PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.store_status import Difference
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind

__all__ = ["command"]

_Answer = TypeVar("_Answer")


@click.group("stores")
def command() -> None:
    """Stores: STORE is the partner's own id, or Gett's."""


for _command in (
    stores_edit.add,
    stores_edit.edit,
    stores_edit.export,
    stores_edit.generate_key,
    stores_edit.remove,
    stores_edit.rotate_keys,
    onboard.onboard,
):
    command.add_command(_command)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--local", is_flag=True, help="Do not ask Gett.")
def list_(as_json: bool, local: bool) -> None:
    """List the stores, what Gett was last told of each, and what it has itself."""
    kit = Kit.from_env()
    kit.stores.require_complete()
    rows = [_row(kit, store) for store in kit.stores]
    theirs = None if local else _ask(lambda: {store.store_id: store for store in kit.client.stores()})
    if theirs is not None:
        for row in rows:
            row["atGett"] = _at_gett(row, theirs.pop(row["gettStoreId"] or "", None))
        unknown: dict[str, str | None] = dict.fromkeys([*_COLUMNS, "atGett"])
        rows += [
            {
                **unknown,
                "gettStoreId": store.store_id,
                "name": store.name,
                "atGett": f"{store.status or 'there'} ≠ not known here",
            }
            for store in theirs.values()
        ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    print_table([*_COLUMNS, *([] if theirs is None else ["atGett"])], [list(row.values()) for row in rows])


_COLUMNS = ["store", "name", "gettStoreId", "adapter", "told", "reason", "until", "pausedBy"]


def _row(kit: Kit, store: Store) -> dict[str, str | None]:
    told = json.loads(kit.lanes.state(lane_name(Kind.STORE, store.id)).get("last") or "{}")
    members: list[str | None] = [store.id, store.name, store.gett_id, store.adapter]
    members += [told.get("status"), told.get("reason"), told.get("resumeAt"), kit.store_status.pause_owner(store)]
    return dict(zip(_COLUMNS, members, strict=True))


def _at_gett(row: dict[str, str | None], theirs: CommerceStore | None) -> str:
    if theirs is None:
        return "≠ unknown there" if row["gettStoreId"] else "not onboarded"
    differs = theirs.status is not None and theirs.status != (row["told"] or "online")
    return f"{theirs.status or 'there'}{' ≠' if differs else ''}"


@command.command()
@click.argument("store")
@click.option("--local", is_flag=True, help="Do not ask Gett.")
def show(store: str, local: bool) -> None:
    """Show all that is known of a store here, and where Gett differs; never its credentials."""
    kit = Kit.from_env()
    found = kit.stores.known(store)
    row = _row(kit, found)
    onboarding = kit.onboarding.progress(found.id) if kit.settings.gett_api_key else None
    facts: dict[str, Any] = {
        **row,
        "timezone": found.timezone.key,
        "fulfillmentTypes": ", ".join(sorted(found.fulfillment_types)) if found.fulfillment_types else "any",
        "options": json.dumps(dict(found.options), default=str) if found.options else None,
        "credentials": ", ".join(f"{name} (set)" for name in sorted(found.credentials)) or None,
        "kept": "configured" if kit.stores.is_configured(found.id) else "in Redis",
        "onboarding": f"{onboarding.step} {onboarding.status} {onboarding.onboarding_id}" if onboarding else None,
    }
    if not local and found.gett_id:
        facts |= _ask(lambda: _their_facts(kit, found)) or {}
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name}: {value}")


def _their_facts(kit: Kit, store: Store) -> dict[str, Any]:
    try:
        theirs = kit.client.store(store.gett_id)
    except GettNotFound:
        return {"at Gett": "≠ unknown there"}
    compared = kit.store_status_check.compare(store)
    differs = "" if compared.difference in (Difference.NONE, Difference.PENDING) else "≠ "
    return {
        "name at Gett": _marked(theirs.name, store.name),
        "timezone at Gett": _marked(theirs.timezone, store.timezone.key),
        "phone at Gett": theirs.phone,
        "logo at Gett": theirs.logo_url,
        "description at Gett": theirs.description,
        "status at Gett": f"{differs}{compared.why}",
    }


def _marked(theirs: str | None, ours: str) -> str | None:
    return None if theirs is None else theirs if theirs == ours else f"≠ {theirs}"


def _ask(question: Callable[[], _Answer]) -> _Answer | None:
    """Gett's answer; when it cannot be asked, that is said, and what is known here is shown all the same."""
    try:
        return question()
    except (GettError, ConfigurationError) as error:
        click.echo(f"webhook-kit: Gett cannot be asked, this is our side alone: {error}", err=True)
        return None


@command.command()
@click.argument("store")
@click.option("--reason", required=True, help=f"One of {', '.join(PauseReason)}.")
@click.option("--until", metavar="ISO", help="When Gett lifts the pause by itself (2026-05-01T18:30:00Z).")
def pause(store: str, reason: str, until: str | None) -> None:
    """Take no orders for now; only a person lifts a person's pause."""
    said = Kit.from_env().store_status.pause(store, reason, instant(until))
    click.echo(f"store {store} is paused ({said})")


@command.command()
@click.argument("store")
def resume(store: str) -> None:
    """Take orders again, whoever paused the store."""
    said = Kit.from_env().store_status.resume(store)
    click.echo(f"store {store} takes orders ({said})")
