"""Helpers of several commands: tables, times and ages, options, examples."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from webhook_kit.printing import printable

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.operations.actor import Actor

__all__ = [
    "age",
    "command_line_actor",
    "examples",
    "hosts_option",
    "instant",
    "instant_or_ago",
    "instant_or_ahead",
    "json_option",
    "moment",
    "open_kit",
    "print_table",
    "require_replaceable",
    "warn_of_missing",
    "why_option",
]

hosts_option = click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    envvar="SANDBOX_HOSTS",
    show_envvar=True,
    help="Name of the sandbox besides 127.0.0.1 and localhost (repeatable; in the variable, with spaces).",
)
"""The option of commands that run a sandbox."""

json_option = click.option("--json", "as_json", is_flag=True, help="Output JSON.")
"""The option of every command that only reads."""


def examples(*lines: str) -> str:
    """Return the end of a command's help: its examples, one per line, as they are written here."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


why_option = click.option("--why", default="", metavar="TEXT", help="Reason, for the audit log.")
"""The option of every command by which a person changes something."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, wide enough on a pipe that nothing is cut off."""
    from rich.table import Table

    from webhook_kit.cli.safe_console import SafeConsole

    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    # Text from outside is printed as it is: no markup, no emoji, no colours.
    SafeConsole(width=None if sys.stdout.isatty() else 250, markup=False, emoji=False, highlight=False).print(table)


def open_kit(*, changes_gett: bool = False) -> Kit:
    """Return the kit of the environment. It is imported when a command runs, so that the help of commands is fast.

    :param changes_gett: print on the error output which Gett and which key prefix the command is about to change, because
        production and sandbox differ in two variables only.
    """
    from webhook_kit.kit import Kit

    kit = Kit.from_env()
    if changes_gett:
        click.echo(f"at {kit.settings.gett_api_url}, prefix {kit.settings.key_prefix}", err=True)
    return kit


def command_line_actor() -> Actor:
    """Return the user of the operating system as the person who acts."""
    import getpass

    from webhook_kit.operations.actor import Actor, Role

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may have no name for its user
        name = f"uid {os.getuid()}"
    return Actor(name, Role.OPERATOR, "cli")


def warn_of_missing(kit: Kit, *kinds: Literal["push", "sync"]) -> None:
    """Print a line on the error output for each kind of worker that is not running."""
    for sign in kit.worker_life.missing():
        if sign.kind in kinds:
            click.echo(f"warning: {sign}", err=True)


def moment(seconds: float | None) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def age(since: float, now: float) -> str:
    """Return the time between two moments of one clock: ``42 s``, ``3 min``, ``5 h``, ``2 d``.

    :param now: for a moment that was recorded in Redis, the time of the Redis server.
    """
    seconds = max(0, int(now - since))
    for limit, unit, divisor in ((120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if seconds < limit:
            return f"{seconds // divisor} {unit}"
    return f"{seconds // 86_400} d"


def instant(text: str | None) -> datetime | None:
    """Parse a time that a person typed.

    :raises BadParameter: when it is not an ISO 8601 time with a time zone.
    """
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise click.BadParameter(f"{text!r} is not an ISO 8601 time with a time zone (2026-05-01T18:30:00Z)")
    return parsed


def instant_or_ago(text: str | None) -> datetime | None:
    """Parse a time that a person typed, or a duration before now: ``30m``, ``2h``, ``7d``.

    :raises BadParameter: when it is neither.
    """
    ago = _duration(text)
    return instant(text) if ago is None else datetime.now(UTC) - ago


def instant_or_ahead(text: str | None) -> datetime | None:
    """Parse a time that a person typed, or a duration from now: ``30m``, ``2h``, ``7d``.

    :raises BadParameter: when it is neither.
    """
    ahead = _duration(text)
    return instant(text) if ahead is None else datetime.now(UTC) + ahead


def _duration(text: str | None) -> timedelta | None:
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", text or "")
    return match and timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})


def require_replaceable(file: Path) -> None:
    """Raise an error if a path is of a folder, a device or a pipe, which must not be replaced by a file.

    :raises OSError: the path cannot be looked up.
    """
    if file.exists() and not file.is_file():
        raise click.BadParameter(f"{str(file)[:200]} is not a regular file", param_hint="FILE")
