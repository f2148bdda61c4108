"""``webhook-kit console``: serve the operators' console, and manage its users and tokens."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import command_line_actor, instant, moment, open_kit, print_table
from webhook_kit.cli.serve import server_options

if TYPE_CHECKING:
    from webhook_kit.console.api_tokens import ApiTokens
    from webhook_kit.console.users import ConsoleUsers
    from webhook_kit.kit import Kit

__all__ = ["command"]

_as_json = click.option("--json", "as_json", is_flag=True, help="Output JSON.")
_role = click.option(
    "--role", type=click.Choice(["viewer", "operator"]), required=True, help="viewer: reads; operator: also changes."
)


@click.group("console")
def command() -> None:
    """Serve the operators' console, and manage its users and tokens."""


@command.command()
@server_options(workers=1, threads=8, workers_variable=None)
def serve(host: str, port: int, workers: int, threads: int, kill_timeout: int) -> None:
    """Serve only the console, in a process of its own, until stopped."""
    from webhook_kit.console.app import create_console_server
    from webhook_kit.server.run import serve as serve_app

    serve_app(host, port, workers=workers, threads=threads, kill_timeout=kill_timeout, create=create_console_server)


# -- users -------------------------------------------------------------------------------------------------------------


@command.command()
@click.argument("name")
@_role
def add_user(name: str, role: str) -> None:
    """Add a user who logs in with a password, or give one a new password and role.

    The password is asked for; without a terminal, it is the first line of the input.
    """
    from webhook_kit.operations.actor import Role

    # Not on the command line, which other users of the machine and the shell's history can read.
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline(1_000).rstrip("\r\n")
    kit = open_kit()
    _users(kit).add(name, password, Role(role))
    _record(kit, "add_user", name, role)
    click.echo(f"user {name} has the role {role}; earlier sessions have ended")
    if not kit.settings.console_passwords:
        click.echo("warning: CONSOLE_PASSWORDS is not set, so that nobody can log in with a password", err=True)


@command.command()
@_as_json
def list_users(as_json: bool) -> None:
    """List the users who log in with a password."""
    found = _users(open_kit()).list()
    if as_json:
        click.echo(
            json.dumps([{"name": each.name, "role": each.role, "created": moment(each.created)} for each in found])
        )
        return
    print_table(("name", "role", "since"), [(each.name, each.role, moment(each.created)) for each in found])


@command.command()
@click.argument("name")
def remove_user(name: str) -> None:
    """Remove a user; sessions end at once."""
    kit = open_kit()
    _users(kit).remove(name)
    _record(kit, "remove_user", name)
    click.echo(f"user {name} is removed")


@command.command()
@click.argument("name")
def log_out(name: str) -> None:
    """End all sessions of a user, whatever the way of log-in. NAME is as the console shows it."""
    from webhook_kit.console.sessions import ConsoleSessions

    kit = open_kit()
    ConsoleSessions(kit.redis, kit.keys, kit.settings).end_all(name)
    _record(kit, "end_sessions", name)
    click.echo(f"all sessions of {name} have ended")


@command.command()
@click.argument("name")
def unlock(name: str) -> None:
    """Let a user log in at once who has typed too many wrong passwords."""
    from webhook_kit.console.throttle import LoginThrottle

    kit = open_kit()
    LoginThrottle(kit.redis, kit.keys).allow(name)
    _record(kit, "unlock_user", name)
    click.echo(f"{name} may log in again")


# -- tokens ------------------------------------------------------------------------------------------------------------


@command.command()
@click.argument("name")
@_role
@click.option("--expires", metavar="TIME", help="End of the token, in ISO 8601 with a time zone (default: none).")
def add_token(name: str, role: str, expires: str | None) -> None:
    """Make a token for the API. It is printed once and cannot be shown again."""
    from webhook_kit.operations.actor import Role

    kit, end = open_kit(), instant(expires)
    token = _tokens(kit).add(name, Role(role), end.timestamp() if end else None)
    _record(kit, "add_token", name, role)
    click.echo(token)


@command.command()
@_as_json
def list_tokens(as_json: bool) -> None:
    """List the tokens of the API, without the tokens themselves."""
    rows = [
        {
            "name": each.name,
            "role": each.role,
            "created": moment(each.created),
            "expires": moment(each.expires),
            "expired": each.expired,
        }
        for each in _tokens(open_kit()).list()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    columns = ("name", "role", "created", "expires", "expired")
    print_table(columns, [[row[column] for column in columns] for row in rows])


@command.command()
@click.argument("name")
def remove_token(name: str) -> None:
    """Remove a token of the API; it is of no use from now on."""
    kit = open_kit()
    _tokens(kit).remove(name)
    _record(kit, "remove_token", name)
    click.echo(f"token {name} is removed")


def _users(kit: Kit) -> ConsoleUsers:
    from webhook_kit.console.users import ConsoleUsers

    return ConsoleUsers(kit.redis, kit.keys)


def _tokens(kit: Kit) -> ApiTokens:
    from webhook_kit.console.api_tokens import ApiTokens

    return ApiTokens(kit.redis, kit.keys)


def _record(kit: Kit, action: str, subject: str, why: str = "") -> None:
    from webhook_kit.operations import audit

    audit.record(kit, command_line_actor(), action, subject, why)
