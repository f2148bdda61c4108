"""``webhook-kit``: the command line, one module per group of commands."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO, cast

import click

from webhook_kit.errors import WebhookKitError
from webhook_kit.printing import PrintableStream, without_secrets

__all__ = ["main"]

_COMMANDS = {
    "adapters": "List every installed adapter, broken ones included, with its capabilities.",
    "alerts": "List the open alerts: since when, who was told, and the last error of each channel.",
    "archive": "Create and inspect the long-term archive in PostgreSQL (ARCHIVE_URL).",
    "audit": "List what people did, newest first, with their reasons and the results.",
    "catalog": "Check, compare and publish catalogs.",
    "certify": "Test an adapter, or an endpoint that is running.",
    "check": "Check the configuration, the adapters, Redis, Gett and PUBLIC_URL.",
    "console": "Serve the operators' console, and manage its users and tokens.",
    "completion": "Print the completion script of a shell: bash (4.4 or later), zsh or fish.",
    "dev": "Start Redis, a sandbox with a storefront, the web server and a worker.",
    "health": "List everything that is wrong now, the most urgent first.",
    "metrics": "Print all metrics in the text format of Prometheus.",
    "new": "Write the project of a new adapter.",
    "order": "Show and change orders.",
    "outbox": "List pending updates.",
    "reconcile": "Compare every store, print every difference, and append missing updates.",
    "sandbox": "Run a local Gett on the loopback interface until interrupted.",
    "schema": "Print the JSON Schema of NAME.",
    "serve": "Receive Gett's webhooks and the events of POS systems until stopped.",
    "stores": "List, change, pause and onboard stores.",
    "trigger": "Send a signed webhook, as Gett does: to this installation, or to any address.",
    "worker": "Run a worker until it is stopped.",
}
"""Commands with their short help. The module of a command is imported only when the command runs, so that ``--help`` is fast."""

_ALIASES = {"store": "stores"}
"""Other spellings that are accepted."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = _ALIASES.get(cmd_name, cmd_name)
        if name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"webhook_kit.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="webhook-kit", message="%(prog)s %(version)s")
def _cli() -> None:
    """Join a restaurant's point of sale to the Gett food-ordering network."""


def main() -> None:
    """Run a command. An expected error prints one line per mistake and exits with a non-zero status.

    A program ends with it: a thread that a vendor's code left behind must neither delay nor break the exit of its process.
    """
    if sys._getframe(1).f_globals.get("__name__") != "__main__":  # noqa: SLF001 - called within another program
        _run()
        return
    status: object = 0
    try:
        _run()
    except SystemExit as exit:
        status = exit.code
    except BaseException:  # noqa: BLE001 - reported as the interpreter would do
        traceback.print_exc()
        status = 1
    from webhook_kit.exit import end_process  # imported late, so that `--help` is fast

    if status is not None and not isinstance(status, int):
        click.echo(status, err=True)
        status = 1
    end_process(status or 0)


def _run() -> None:
    streams = sys.stdout, sys.stderr
    for stream in streams:
        if isinstance(stream, TextIOWrapper):  # a terminal may lack a character of a store's or an item's name
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (cast("TextIO", PrintableStream(stream)) for stream in streams)
    try:
        _run_command()
    finally:
        sys.stdout, sys.stderr = streams


def _run_command() -> None:
    try:
        _cli(prog_name="webhook-kit")
    except WebhookKitError as error:
        _fail(str(error))
    except UnicodeEncodeError:
        if all(map(_is_unicode, sys.argv)):
            raise
        _fail("an argument is not UTF-8; only the name of a file may have other bytes")
    except Exception as error:
        # redis is imported already if it raised the error; importing it here would slow `--help` down.
        client = sys.modules.get("redis")
        if client is None or not isinstance(error, client.RedisError):
            raise
        newer = isinstance(error, import_module("webhook_kit.storage.formats").NewerFormat)
        _fail(str(error) if newer else import_module("webhook_kit.storage.faults").describe(error))


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _fail(message: str) -> None:
    for line in without_secrets(message).splitlines():
        click.echo(f"webhook-kit: {line}", err=True)
    sys.exit(1)
