"""``webhook-kit audit``: list what people did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import json_option, moment, open_kit, print_table

if TYPE_CHECKING:
    from webhook_kit.operations.audit import AuditEntry

__all__ = ["command"]

_COLUMNS = ("at", "who", "via", "action", "subject", "why", "result")


@click.command("audit")
@click.option("--who", metavar="NAME", help="Only actions of this person.")
@click.option("--action", metavar="NAME", help="Only this action, such as settle_placed.")
@click.option("--subject", metavar="ID", help="Only actions on this order, lane or store.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Number of actions to list."
)
@json_option
def command(who: str | None, action: str | None, subject: str | None, limit: int, as_json: bool) -> None:
    """List what people did, newest first, with their reasons and the results."""
    from webhook_kit.operations.audit import list_audit

    kit, cursor, more = open_kit(), None, True
    found: list[AuditEntry] = []
    while more and len(found) < limit:
        page = list_audit(kit, who=who, action=action, subject=subject, cursor=cursor, size=limit - len(found))
        found += page.entries
        cursor, more = page.cursor, page.cursor is not None
    rows = [
        (moment(entry.at.timestamp()), entry.who, entry.via, entry.action, entry.subject, entry.why, entry.result)
        for entry in found
    ]
    if as_json:
        click.echo(json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows]))
    elif rows:
        print_table(_COLUMNS, rows)
    else:
        click.echo("no actions")
