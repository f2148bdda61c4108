"""``webhook-kit reconcile``: compare the POS with what was sent to Gett, and append what is missing."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import open_kit
from webhook_kit.cli.completion import complete_stores
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.monitoring.reconciliation import ComparisonOutcome, ReconciliationReport

__all__ = ["command"]


@click.command("reconcile")
@click.option(
    "--store",
    "store_ids",
    multiple=True,
    metavar="STORE",
    shell_complete=complete_stores,
    help="Compare only this store (repeatable).",
)
def command(store_ids: tuple[str, ...]) -> None:
    """Compare every store, print every difference, and append missing updates."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from webhook_kit.cli.safe_console import SafeConsole

    kit = open_kit(changes_gett=True)
    kit.stores.require_complete()
    stores = [store for store in kit.stores if not store_ids or store.id in store_ids]
    if unknown := set(store_ids) - {store.id for store in stores}:
        raise NotFound(f"unknown store: {', '.join(sorted(unknown))}; `webhook-kit stores list` shows all")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=SafeConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("comparing stores", total=len(stores))
        reports = kit.reconciler.reconcile_all(stores, lambda _: progress.advance(task))
    _print(reports)
    if any(report.failures for report in reports):
        sys.exit(1)


def _print(reports: list[ReconciliationReport]) -> None:
    from webhook_kit.monitoring.reconciliation import ComparisonOutcome

    for report in reports:
        for line in report.lines():
            click.echo(line)
    counts: Counter[ComparisonOutcome] = sum((report.counts for report in reports), Counter())
    figures = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ComparisonOutcome if counts[outcome])
    click.echo(f"{len(reports)} stores compared: {figures or 'nothing to compare'}")
