"""``webhook-kit adapters``: every installed adapter and what it can do, printed from code."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from webhook_kit.adapter import Capability
from webhook_kit.registry import Installed, installed

__all__ = ["command"]


@click.command("adapters")
def command() -> None:
    """Print every installed adapter, broken ones included, and what "one ticket per order" rests on."""
    table = Table("adapter", "package", *(capability.value for capability in Capability), "one ticket rests on")
    for found in installed():
        table.add_row(*_row(found))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _row(found: Installed) -> list[str]:
    package = f"{found.distribution} {found.version}"
    if found.adapter is None:
        return [found.name, package, f"unusable: {found.problem}"]
    levels = [found.adapter.level(capability).value for capability in Capability]
    return [found.name, package, *levels, found.adapter.guarantee().value]
