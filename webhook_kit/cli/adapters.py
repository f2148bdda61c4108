"""``webhook-kit adapters``: every installed adapter and what it can do, printed from code."""

from __future__ import annotations

import click

from webhook_kit.adapter import Capability
from webhook_kit.cli.common import print_table
from webhook_kit.stores.adapters import Installed, installed

__all__ = ["command"]

_REST = "one ticket rests on"


@click.command("adapters")
def command() -> None:
    """Print every installed adapter, broken ones included, and what "one ticket per order" rests on."""
    columns = ["adapter", "package", "version", "health", *(capability.value for capability in Capability), _REST]
    found = list(installed())
    print_table(columns, map(_row, found))
    for broken in found:
        if broken.problem is not None:
            click.echo(f"\n{broken.name}: {broken.problem}")


def _row(found: Installed) -> list[str]:
    known = [found.name, found.distribution, found.version]
    if found.adapter is None:
        return [*known, "broken"]
    levels = [found.adapter.level(capability).value for capability in Capability]
    return [*known, "ok", *levels, found.adapter.guarantee().value]
