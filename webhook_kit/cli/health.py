"""``webhook-kit health``: is anything wrong now, and what to do first."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import age, moment, open_kit, print_table

if TYPE_CHECKING:
    from webhook_kit.operations.health import Fact

__all__ = ["command"]


@click.command("health")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
def command(as_json: bool) -> None:
    """List everything that is wrong now, the most urgent first. Exit with 1 if something is urgent."""
    from webhook_kit.operations.findings import HealthSeverity
    from webhook_kit.operations.health import read_health

    health = read_health(open_kit())
    if as_json:
        findings = [asdict(finding) | {"since": moment(finding.since)} for finding in health.findings]
        facts = {fact.label: fact.value for fact in health.facts}
        click.echo(json.dumps({"at": moment(health.at), "findings": findings, "facts": facts}))
    else:
        for finding in health.findings:
            since = "" if finding.since is None else f" (since {age(finding.since, health.at)})"
            click.echo(
                f"{finding.severity.upper()}: {finding.what}{f' {finding.detail}' if finding.detail else ''}{since}"
            )
            click.echo(f"  → {finding.advice}{f'  [{finding.command}]' if finding.command else ''}")
        if not health.findings:
            click.echo("nothing is wrong")
        print_table(("", ""), [(fact.label, _value(fact, health.at)) for fact in health.facts])
    if health.worst is HealthSeverity.URGENT:
        sys.exit(1)


def _value(fact: Fact, now: float) -> str:
    return fact.value if fact.since is None else f"{fact.value} {age(fact.since, now)} ago"
