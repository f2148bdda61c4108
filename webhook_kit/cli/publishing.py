"""``webhook-kit catalog sync``, ``publish``, ``status``, ``out`` and ``back``: menus on their way to Gett, and what has run out."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from webhook_kit.adapter import Store
from webhook_kit.cli.common import age, instant, moment, print_table
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.publishing.sync import CatalogStatus, SyncOutcome, SyncReport

__all__ = ["back", "out", "publish", "status", "sync"]


@click.command()
@click.argument("store_ids", metavar="[STORE]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every store.")
@click.option("--force", is_flag=True, help="Also menus that lack more than a third of the items.")
def sync(store_ids: tuple[str, ...], every: bool, force: bool) -> None:
    """Fetch menus from the POS, check and publish them, and tell Gett of those that changed."""
    kit = Kit.from_env()
    stores = _stores(kit, store_ids, every=every)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("synchronising menus", total=len(stores))
        reports = kit.catalog_sync.sync_all(stores, lambda _: progress.advance(task), force=force)
    _tell(reports)


@click.command()
@click.argument("store_ids", metavar="[STORE]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every store.")
def publish(store_ids: tuple[str, ...], every: bool) -> None:
    """Publish the last good menu and tell Gett, changed or not; the POS is not asked."""
    kit = Kit.from_env()
    _tell([kit.catalog_sync.publish(store, again=True) for store in _stores(kit, store_ids, every=every)])


@click.command()
@click.argument("store_ids", metavar="[STORE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(store_ids: tuple[str, ...], as_json: bool) -> None:
    """Show the last good menu of every store, what Gett was told of, and why the last failure failed."""
    kit = Kit.from_env()
    found = [
        (kit.catalog_sync.status(store), kit.availability.unavailable_items(store))
        for store in _stores(kit, store_ids, every=not store_ids)
    ]
    if as_json:
        click.echo(json.dumps([{**asdict(known), "out": _moments(gone)} for known, gone in found]))
        return
    columns = ("store", "items", "out", "last good version", "fetched", "published", "last outcome")
    print_table(columns, [_row(known, len(gone)) for known, gone in found])
    for known, _ in found:
        if known.failed is not None:
            click.echo(f"\n{known.store_id}: last failure {moment(known.failed)} ({age(known.failed)} ago)")
            for line in known.why:
                click.echo(f"  {line}")


@click.command()
@click.argument("store_id", metavar="STORE")
@click.argument("item_ids", metavar="ITEM...", nargs=-1, required=True)
@click.option("--until", metavar="ISO", help="When they are back by themselves (2026-05-01T18:30:00Z).")
def out(store_id: str, item_ids: tuple[str, ...], until: str | None) -> None:
    """Say that items or options have run out: they are refused at once, the published menu follows."""
    kit, end = Kit.from_env(), instant(until)
    (store,) = _stores(kit, (store_id,), every=False)
    _require_known(kit, store, item_ids)
    for item_id in item_ids:
        changed = kit.availability.mark_unavailable(store, item_id, end)
        click.echo(f"{item_id} of store {store.id} has run out{'' if changed else ' (known)'}")


@click.command()
@click.argument("store_id", metavar="STORE")
@click.argument("item_ids", metavar="ITEM...", nargs=-1, required=True)
def back(store_id: str, item_ids: tuple[str, ...]) -> None:
    """Say that items or options are there again."""
    kit = Kit.from_env()
    (store,) = _stores(kit, (store_id,), every=False)
    for item_id in item_ids:
        changed = kit.availability.mark_available(store, item_id)
        click.echo(f"{item_id} of store {store.id} is {'back' if changed else 'not out (nothing to do)'}")


def _stores(kit: Kit, store_ids: tuple[str, ...], *, every: bool) -> list[Store]:
    if every is bool(store_ids):
        raise click.UsageError("name the stores, or say --all")
    if every:
        kit.stores.require_complete()
        return list(kit.stores)
    found = {store_id: kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id) for store_id in store_ids}
    if unknown := [store_id for store_id, store in found.items() if store is None]:
        raise NotFound(f"not known here: store {', '.join(unknown)}")
    return list({store.id: store for store in found.values() if store is not None}.values())


def _require_known(kit: Kit, store: Store, item_ids: tuple[str, ...]) -> None:
    """A slip of the pen must not pass for an answer.

    :raises NotFound: when the store's last good menu lacks one of them.
    """
    menu = kit.catalogs.last_good(store)
    unknown = [item_id for item_id in item_ids if menu is not None and item_id not in menu.items]
    if unknown:
        raise NotFound(f"not on the menu of store {store.id}: {', '.join(unknown)}; ITEM is the item's id")


def _tell(reports: list[SyncReport]) -> None:
    for report in reports:
        changes = ", ".join(f"{count} {kind}" for kind, count in report.changes.items())
        click.echo(f"{report.store_id}  {report.outcome}, {report.items} items{f' ({changes})' if changes else ''}")
        for line in report.why:
            click.echo(f"{report.store_id}    {line}")
    counts = Counter(report.outcome for report in reports)
    click.echo(", ".join(f"{counts[outcome]} {outcome}" for outcome in SyncOutcome if counts[outcome]) or "no stores")
    if any(report.failed for report in reports):
        sys.exit(1)


def _row(known: CatalogStatus, gone: int) -> tuple[object, ...]:
    fetched = None if known.fetched is None else f"{age(known.fetched)} ago"
    published = None if known.published_at is None else f"{age(known.published_at)} ago"
    return known.store_id, known.items, gone, known.version, fetched, published, known.outcome


def _moments(gone: dict[str, datetime | None]) -> dict[str, str | None]:
    return {item: None if until is None else until.astimezone(UTC).isoformat() for item, until in gone.items()}
