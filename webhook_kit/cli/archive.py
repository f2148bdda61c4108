"""``webhook-kit archive``: create the tables of the long-term archive, and show how far it is behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import json_option, moment, open_kit, warn_of_missing

if TYPE_CHECKING:
    from webhook_kit.operations.archive.queue import ArchiveState

__all__ = ["command"]


@click.group("archive")
def command() -> None:
    """Create and inspect the long-term archive in PostgreSQL (ARCHIVE_URL)."""


@command.command()
def migrate() -> None:
    """Create the tables, or bring them to this version. Run it in a platform's release phase; it may run again and again."""
    from webhook_kit.operations.archive import open_archive
    from webhook_kit.operations.archive.tables import VERSION

    with open_archive(open_kit().settings) as archive:
        found = archive.migrate()
    if found == VERSION:
        click.echo(f"the tables of the archive are of version {VERSION}; nothing to do")
    else:
        done = f"brought from version {found} to" if found else "created, version"
        click.echo(f"the tables of the archive were {done} {VERSION}")


@command.command()
@json_option
def status(as_json: bool) -> None:
    """Show what waits for the archive, since when, and what it has. Exit with 1 if it cannot be used."""
    from webhook_kit.errors import ArchiveUnavailable
    from webhook_kit.operations.archive import open_archive
    from webhook_kit.operations.archive.queue import ArchiveQueue

    kit = open_kit()
    rows, error = {}, ""
    with open_archive(kit.settings) as archive:
        state = ArchiveQueue(kit).state()
        try:
            rows = archive.counts()
        except ArchiveUnavailable as unavailable:
            error = str(unavailable)
    if as_json:
        click.echo(json.dumps(_members(state) | {"rows": rows, "unavailable": error or None}))
    else:
        warn_of_missing(kit, "sync")
        _print(state, rows)
        if error:
            click.echo(f"webhook-kit: {error}", err=True)
    if error:
        raise SystemExit(1)


def _members(state: ArchiveState) -> dict[str, object]:
    return {
        "waiting": state.waiting,
        "lag": round(state.lag, 3),
        "left": None if state.left is None else round(state.left, 3),
        "failingSince": moment(state.failing_since),
        "error": state.error or None,
        "lost": state.lost,
        "refused": state.refused or None,
    }


def _print(state: ArchiveState, rows: dict[str, int]) -> None:
    from webhook_kit.operations.archive.findings import described

    click.echo(described(state))
    if state.failing_since is not None:
        click.echo(f"writing fails since {moment(state.failing_since)}: {state.error}")
    if state.refused:
        click.echo(f"PostgreSQL refused order {state.refused} at {moment(state.refused_at)}")
    for table, number in rows.items():
        click.echo(f"{table:8} {'1,000,000 or more' if number >= 1_000_000 else f'{number:,}'} rows")
