"""``webhook-kit stores``: list, show, pause and resume stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from webhook_kit.cli import onboard, stores_edit
from webhook_kit.cli.common import (
    command_line_actor,
    examples,
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
from webhook_kit.errors import ConfigurationError, GettError, GettNotFound

if TYPE_CHECKING:
    from webhook_kit.gett.models.store import CommerceStore
    from webhook_kit.kit import Kit
    from webhook_kit.pos.store import Store

__all__ = ["command"]

_Result = TypeVar("_Result")

_REASONS = ("operational_issues", "staff_shortage", "too_busy", "maintenance", "other")
"""The values of PauseReason."""


@click.group("stores")
def command() -> None:
    """List, change, pause and onboard stores. STORE is the partner's own id or Gett's id."""


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


@command.command("list", epilog=examples("webhook-kit stores list", "webhook-kit stores list --local --json"))
@json_option
@click.option("--local", is_flag=True, help="Show only local data; do not ask Gett.")
def list_(as_json: bool, local: bool) -> None:
    """List the stores: last status for Gett, whether it is sent, and status at Gett (≠: it differs)."""
    kit = open_kit()
    kit.stores.require_complete()
    rows = _rows(kit, list(kit.stores))
    gett_stores = None if local else _ask(lambda: {store.store_id: store for store in kit.client.stores()})
    if gett_stores is not None:
        for row in rows:
            row["atGett"] = _at_gett(row, gett_stores.pop(row["gettStoreId"] or "", None))
        unknown: dict[str, str | None] = dict.fromkeys([*_COLUMNS, "atGett"])
        rows += [
            {
                **unknown,
                "gettStoreId": store.store_id,
                "name": store.name,
                "atGett": f"{store.status or 'there'} ≠ unknown here",
            }
            for store in gett_stores.values()
        ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    print_table([*_COLUMNS, *([] if gett_stores is None else ["atGett"])], [list(row.values()) for row in rows])


_COLUMNS = ["store", "name", "gettStoreId", "adapter", "sent", "reason", "until", "pausedBy", "pending"]


def _rows(kit: Kit, stores: Sequence[Store]) -> list[dict[str, str | None]]:
    rows = []
    for store, known in zip(stores, kit.store_status.known(stores), strict=True):
        members: list[str | None] = [store.id, store.name, store.gett_id, store.adapter]
        members += [known.last.get(name) for name in ("status", "reason", "resumeAt")]
        members += [known.pause_owner, "not sent yet" if known.pending else None]
        rows.append(dict(zip(_COLUMNS, members, strict=True)))
    return rows


def _at_gett(row: dict[str, str | None], theirs: CommerceStore | None) -> str:
    if theirs is None:
        return "≠ unknown there" if row["gettStoreId"] else "not onboarded"
    differs = theirs.status is not None and theirs.status != (row["sent"] or "online")
    return f"{theirs.status or 'there'}{' ≠' if differs else ''}"


@command.command()
@click.argument("store", shell_complete=complete_stores)
@json_option
@click.option("--local", is_flag=True, help="Show only local data; do not ask Gett.")
def show(store: str, as_json: bool, local: bool) -> None:
    """Show a store, its onboarding and its differences at Gett (≠), without its credentials."""
    kit = open_kit()
    shown = kit.stores.get(store)
    (row,) = _rows(kit, [shown])
    onboarding = kit.onboarding.progress(shown.id) if kit.settings.gett_api_key else None
    facts: dict[str, Any] = {
        **row,
        "timezone": shown.timezone.key,
        "fulfillmentTypes": ", ".join(sorted(shown.fulfillment_types)) if shown.fulfillment_types else "any",
        "options": json.dumps(dict(shown.options), default=str) if shown.options else None,
        "credentials": ", ".join(f"{name} (set)" for name in sorted(shown.credentials)) or None,
        "source": "configured" if kit.stores.is_configured(shown.id) else "in Redis",
        **_operating_facts(kit, shown),
        "onboarding": f"{onboarding.step} {onboarding.status} {onboarding.onboarding_id}" if onboarding else None,
    }
    if not local and shown.gett_id:
        facts |= _ask(lambda: _gett_facts(kit, shown)) or {}
    if as_json:
        typed = {
            "fulfillmentTypes": sorted(shown.fulfillment_types or ()) or None,
            "options": dict(shown.options),
            "credentials": sorted(shown.credentials),  # the names alone
            "onboarding": onboarding
            and {"step": onboarding.step, "status": onboarding.status, "id": onboarding.onboarding_id},
        }
        click.echo(json.dumps({_camel(name): value for name, value in facts.items()} | typed, default=str))
        return
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name}: {value}")


def _operating_facts(kit: Kit, store: Store) -> dict[str, Any]:
    """Return what is known of a store's pause, POS, orders and catalog; moments as text."""
    from webhook_kit.operations.stores import read_store

    view = read_store(kit, store)
    return {
        "pausedSince": moment(view.paused_since),
        "posCheck": view.check,
        "posChecked": moment(view.checked_at),
        "posFailingSince": moment(view.failing_since),
        "openCircuits": ", ".join(view.open_circuits) or None,
        "lastOrder": moment(view.last_order),
        "catalogItems": view.catalog_items or None,
        "catalogFetched": moment(view.catalog_fetched),
        "catalogRejectedSince": moment(view.catalog_rejected_since),
    }


def _camel(words: str) -> str:
    """Return a name of several words as the name of a member: ``name at Gett``, ``nameAtGett``."""
    first, *others = words.split()
    return first + "".join(word[0].upper() + word[1:] for word in others)


def _gett_facts(kit: Kit, store: Store) -> dict[str, Any]:
    from webhook_kit.monitoring.store_status import Difference

    try:
        at_gett = kit.client.store(store.gett_id)
    except GettNotFound:
        return {"at Gett": "≠ unknown there"}
    comparison = kit.store_status_check.compare(store)
    differs = "" if comparison.difference in (Difference.NONE, Difference.PENDING) else "≠ "
    return {
        "name at Gett": _marked(at_gett.name, store.name),
        "timezone at Gett": _marked(at_gett.timezone, store.timezone.key),
        "phone at Gett": at_gett.phone,
        "logo at Gett": at_gett.logo_url,
        "description at Gett": at_gett.description,
        "status at Gett": f"{differs}{comparison.why}",
    }


def _marked(theirs: str | None, ours: str) -> str | None:
    return None if theirs is None else theirs if theirs == ours else f"≠ {theirs}"


def _ask(question: Callable[[], _Result]) -> _Result | None:
    """Return Gett's answer. When Gett cannot be asked, print why and return None."""
    try:
        return question()
    except (GettError, ConfigurationError) as error:
        click.echo(f"webhook-kit: Gett cannot be asked, only local data is shown: {error}", err=True)
        return None


@command.command(
    epilog=examples(
        "webhook-kit stores pause main --reason too_busy --until 30m",
        "webhook-kit stores pause main --reason maintenance --until 2030-05-01T18:30:00Z --wait",
        "webhook-kit stores resume main",
    )
)
@click.argument("store", shell_complete=complete_stores)
@click.option("--reason", required=True, metavar="REASON", help=f"One of {', '.join(_REASONS)}.")
@click.option("--until", metavar="TIME", help="End of the pause: 2030-05-01T18:30:00Z, or 30m, 2h, 7d from now.")
@why_option
@wait_options
def pause(store: str, reason: str, until: str | None, why: str, wait: bool, timeout: float) -> None:
    """Pause a store, so that it takes no orders. Only a person can end the pause of a person.

    Gett sends orders until a push worker has sent the pause.
    """
    from webhook_kit.operations.store_actions import pause_store

    kit = open_kit(changes_gett=True)
    pause_store(kit, command_line_actor(), store, reason, instant_or_ahead(until), why)
    _report(kit, store, "pause", wait=wait, timeout=timeout)


@command.command()
@click.argument("store", shell_complete=complete_stores)
@why_option
@wait_options
def resume(store: str, why: str, wait: bool, timeout: float) -> None:
    """Resume a store, whoever paused it. It takes orders when a push worker has sent this to Gett."""
    from webhook_kit.operations.store_actions import resume_store

    kit = open_kit(changes_gett=True)
    resume_store(kit, command_line_actor(), store, why)
    _report(kit, store, "end of the pause", wait=wait, timeout=timeout)


def _report(kit: Kit, store: str, change: str, *, wait: bool, timeout: float) -> None:
    from webhook_kit.outbox.lanes import lane_name
    from webhook_kit.outbox.updates import Kind

    store_id = kit.stores.get(store).id
    lane = lane_name(Kind.STORE, store_id)
    warn_of_missing(kit, "push")
    if not report_delivery(kit, lane, f"store {store_id}: the {change}", wait=wait, timeout=timeout):
        raise SystemExit(1)
