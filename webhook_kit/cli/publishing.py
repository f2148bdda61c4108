"""``webhook-kit catalog sync``, ``publish``, ``status``, ``mark-unavailable`` and ``mark-available``."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import (
    age,
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
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.pos.store import Store
    from webhook_kit.publishing.sync import CatalogStatus, SyncReport

__all__ = ["mark_available", "mark_unavailable", "publish", "status", "sync"]


@click.command(
    epilog=examples(
        "webhook-kit catalog sync main --wait",
        "webhook-kit catalog sync --all",
        "webhook-kit catalog sync main --force          # the POS really has so few items",
    )
)
@click.argument("store_ids", metavar="[STORE]...", nargs=-1, shell_complete=complete_stores)
@click.option("--all", "every", is_flag=True, help="Every store.")
@click.option(
    "--force",
    is_flag=True,
    help="Override the shrink guard: accept a catalog that lacks more than a third of the items.",
)
@why_option
@wait_options
def sync(store_ids: tuple[str, ...], every: bool, force: bool, why: str, wait: bool, timeout: float) -> None:
    """Fetch catalogs from the POS, check and publish them, and notify Gett of changed ones.

    Gett downloads a catalog after a push worker has sent the notification.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from webhook_kit.cli.safe_console import SafeConsole
    from webhook_kit.operations.store_actions import sync_catalogs

    kit = open_kit(changes_gett=True)
    stores = _stores(kit, store_ids, every=every)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=SafeConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("synchronising catalogs", total=len(stores))
        reports = sync_catalogs(
            kit, command_line_actor(), stores, lambda _: progress.advance(task), force=force, why=why
        )
    _print_reports(kit, reports, wait=wait, timeout=timeout)


@click.command()
@click.argument("store_ids", metavar="[STORE]...", nargs=-1, shell_complete=complete_stores)
@click.option("--all", "every", is_flag=True, help="Every store.")
@why_option
@wait_options
def publish(store_ids: tuple[str, ...], every: bool, why: str, wait: bool, timeout: float) -> None:
    """Publish the last good catalog and notify Gett, changed or not. The POS is not asked."""
    from webhook_kit.operations.store_actions import publish_catalog

    kit = open_kit(changes_gett=True)
    stores, actor = _stores(kit, store_ids, every=every), command_line_actor()
    reports = [publish_catalog(kit, actor, store.id, why) for store in stores]
    _print_reports(kit, reports, wait=wait, timeout=timeout)


@click.command()
@click.argument("store_ids", metavar="[STORE]...", nargs=-1, shell_complete=complete_stores)
@json_option
def status(store_ids: tuple[str, ...], as_json: bool) -> None:
    """Show each store's last good catalog, its published version and the reason of its last failure."""
    from webhook_kit.storage.clock import redis_time

    kit = open_kit()
    results = [
        (kit.catalog_sync.status(store), kit.availability.unavailable_items(store))
        for store in _stores(kit, store_ids, every=not store_ids)
    ]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {**asdict(catalog_status), "unavailable": _times(unavailable)}
                    for catalog_status, unavailable in results
                ]
            )
        )
        return
    warn_of_missing(kit, "sync")
    now = redis_time(kit.redis)
    columns = ("store", "items", "unavailable", "last good version", "fetched", "published", "last outcome")
    print_table(columns, [_row(catalog_status, len(unavailable), now) for catalog_status, unavailable in results])
    for catalog_status, _ in results:
        if catalog_status.failed is not None:
            failed = catalog_status.failed
            click.echo(f"\n{catalog_status.store_id}: last failure {moment(failed)} ({age(failed, now)} ago)")
            for line in catalog_status.reasons:
                click.echo(f"  {line}")


@click.command(
    "mark-unavailable",
    epilog=examples(
        "webhook-kit catalog mark-unavailable main salad",
        "webhook-kit catalog mark-unavailable main salad cola --until 4h",
    ),
)
@click.argument("store_id", metavar="STORE", shell_complete=complete_stores)
@click.argument("item_ids", metavar="ITEM...", nargs=-1, required=True)
@click.option(
    "--until", metavar="TIME", help="Available again at 2030-05-01T18:30:00Z, or in 30m, 2h, 7d (default: by hand)."
)
@why_option
def mark_unavailable(store_id: str, item_ids: tuple[str, ...], until: str | None, why: str) -> None:
    """Mark items or options unavailable ("86"). They are refused at once; the published catalog follows."""
    from webhook_kit.operations import store_actions

    kit, end = open_kit(changes_gett=True), instant_or_ahead(until)
    (store,) = _stores(kit, (store_id,), every=False)
    _require_known(kit, store, item_ids)
    for item_id in item_ids:
        changed = store_actions.mark_unavailable(kit, command_line_actor(), store.id, item_id, end, why)
        click.echo(f"{item_id} of store {store.id} is unavailable{'' if changed else ' (it was already)'}")
    _print_publication(kit)


@click.command("mark-available")
@click.argument("store_id", metavar="STORE", shell_complete=complete_stores)
@click.argument("item_ids", metavar="ITEM...", nargs=-1, required=True)
@why_option
def mark_available(store_id: str, item_ids: tuple[str, ...], why: str) -> None:
    """Mark items or options available again."""
    from webhook_kit.operations import store_actions

    kit = open_kit(changes_gett=True)
    (store,) = _stores(kit, (store_id,), every=False)
    for item_id in item_ids:
        changed = store_actions.mark_available(kit, command_line_actor(), store.id, item_id, why)
        click.echo(f"{item_id} of store {store.id} is available{'' if changed else ' (it was already)'}")
    _print_publication(kit)


def _print_publication(kit: Kit) -> None:
    seconds = kit.settings.publish_debounce
    click.echo(f"orders are checked against this at once; a sync worker publishes the catalog after {seconds:g} s")


def _stores(kit: Kit, store_ids: tuple[str, ...], *, every: bool) -> list[Store]:
    if every is bool(store_ids):
        raise click.UsageError("give store ids, or --all")
    if every:
        kit.stores.require_complete()
        return list(kit.stores)
    found = {store_id: kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id) for store_id in store_ids}
    if unknown := [store_id for store_id, store in found.items() if store is None]:
        raise NotFound(f"unknown store: {', '.join(unknown)}; `webhook-kit stores list` shows all")
    return list({store.id: store for store in found.values() if store is not None}.values())


def _require_known(kit: Kit, store: Store, item_ids: tuple[str, ...]) -> None:
    """Refuse ids that the store's last good catalog lacks, because they are probably misspelled.

    :raises NotFound: naming them.
    """
    catalog = kit.catalogs.last_good(store)
    unknown = [item_id for item_id in item_ids if catalog is not None and item_id not in catalog.items]
    if unknown:
        raise NotFound(f"not in the catalog of store {store.id}: {', '.join(unknown)}; ITEM is an item id")


def _print_reports(kit: Kit, reports: list[SyncReport], *, wait: bool, timeout: float) -> None:
    from webhook_kit.outbox.lanes import lane_name
    from webhook_kit.outbox.updates import Kind
    from webhook_kit.publishing.sync import SyncOutcome

    for report in reports:
        changes = ", ".join(f"{count} {kind}" for kind, count in report.changes.items())
        click.echo(f"{report.store_id}  {report.outcome}, {report.items} items{f' ({changes})' if changes else ''}")
        for line in report.reasons:
            click.echo(f"{report.store_id}    {line}")
    if any(report.outcome is SyncOutcome.PUBLISHED for report in reports):
        warn_of_missing(kit, "push")
    end = time.monotonic() + timeout
    delivered = [
        report_delivery(
            kit,
            lane_name(Kind.CATALOG, report.store_id),
            f"{report.store_id}: the notification",
            wait=wait,
            timeout=max(0.0, end - time.monotonic()),
        )
        for report in reports
        if report.outcome is SyncOutcome.PUBLISHED
    ]
    counts = Counter(report.outcome for report in reports)
    click.echo(", ".join(f"{counts[outcome]} {outcome}" for outcome in SyncOutcome if counts[outcome]) or "no stores")
    if any(report.failed for report in reports) or not all(delivered):
        sys.exit(1)


def _row(catalog_status: CatalogStatus, unavailable: int, now: float) -> tuple[object, ...]:
    fetched = None if catalog_status.fetched is None else f"{age(catalog_status.fetched, now)} ago"
    published = None if catalog_status.published_at is None else f"{age(catalog_status.published_at, now)} ago"
    return (
        catalog_status.store_id,
        catalog_status.items,
        unavailable,
        catalog_status.version,
        fetched,
        published,
        catalog_status.outcome,
    )


def _times(unavailable: dict[str, datetime | None]) -> dict[str, str | None]:
    return {item: None if until is None else until.astimezone(UTC).isoformat() for item, until in unavailable.items()}
