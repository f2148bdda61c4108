"""``webhook-kit catalog``: check, compare and publish catalogs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from webhook_kit.cli import publishing
from webhook_kit.cli.common import examples, json_option, print_table
from webhook_kit.errors import CatalogInvalid

if TYPE_CHECKING:
    from webhook_kit.catalog.check import Finding
    from webhook_kit.gett.models.catalog import ExternalCatalogSet

__all__ = ["command"]

_SHOWN = 20
"""Places listed per broken rule; ``--json`` lists all."""


@click.group("catalog")
def command() -> None:
    """Check, compare and publish catalogs.

    A SOURCE is a file, an http(s) address, or a store, whose catalog is fetched from its POS.
    """


for one in (
    publishing.sync,
    publishing.publish,
    publishing.status,
    publishing.mark_unavailable,
    publishing.mark_available,
):
    command.add_command(one)


@command.command(
    epilog=examples(
        "webhook-kit catalog check catalog.json",
        "webhook-kit catalog check https://pos.example.org/catalog.json --json",
        "webhook-kit catalog check main",
    )
)
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="Output JSON with every finding.")
def check(source: str, as_json: bool) -> None:
    """Check a catalog against every rule and print all violations. Exit with 1 when there are errors.

    SOURCE is a file, an http(s) address, or a store, whose catalog is fetched from its POS.
    """
    from webhook_kit.catalog.check import Severity, check_bytes
    from webhook_kit.cli.catalog_source import read_source

    catalog, findings = check_bytes(read_source(source))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = len(findings) - errors
    if as_json:
        results = [finding.to_wire() for finding in findings]
        click.echo(json.dumps({"errors": errors, "warnings": warnings, "findings": results}))
    else:
        _print(findings)
        size = "" if catalog is None else f", {len(catalog.items)} items"
        click.echo(f"{source}: {_count(errors, 'error')}, {_count(warnings, 'warning')}{size}")
    if errors:
        sys.exit(1)


@command.command()
@click.argument("old")
@click.argument("new")
@json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """List the changes from one catalog to another. OLD and NEW are files, http(s) addresses or stores."""
    from webhook_kit.catalog.diff import diff as differences

    changes = differences(_readable(old), _readable(new))
    if as_json:
        click.echo(json.dumps({"changes": [change.to_wire() for change in changes]}))
        return
    if changes:
        rows = [(change.kind, change.name, change.before, change.after, change.path) for change in changes]
        print_table(["change", "name", "before", "after", "path"], rows)
    click.echo(_count(len(changes), "change"))


def _readable(source: str) -> ExternalCatalogSet:
    from webhook_kit.catalog.check import Severity, check_bytes
    from webhook_kit.cli.catalog_source import read_source

    catalog, findings = check_bytes(read_source(source))
    if catalog is None:
        errors = [f"{source}: {finding}" for finding in findings if finding.severity is Severity.ERROR]
        raise CatalogInvalid("\n".join(errors[:_SHOWN]))
    return catalog


def _print(findings: Iterable[Finding]) -> None:
    """Print the findings by rule, errors first."""
    from webhook_kit.catalog.check import Severity
    from webhook_kit.cli.safe_console import SafeConsole

    by_rule: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR):
        by_rule.setdefault(finding.rule, []).append(finding)
    console = SafeConsole(soft_wrap=True, markup=False, emoji=False, highlight=False)
    for violations in by_rule.values():
        severity = violations[0].severity
        console.print(
            f"{severity} {violations[0].rule}", style="bold red" if severity is Severity.ERROR else "bold yellow"
        )
        for finding in violations[:_SHOWN]:
            console.print(f"  {finding}")
        if len(violations) > _SHOWN:
            console.print(f"  … and {len(violations) - _SHOWN} more; --json lists all")
        console.print(f"  → {violations[0].hint}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
