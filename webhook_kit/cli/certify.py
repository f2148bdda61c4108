"""``webhook-kit certify``: the contract, run against an adapter or an endpoint, and a report that a partner manager can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from webhook_kit.cli.common import print_table
from webhook_kit.errors import ConfigurationError
from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult

__all__ = ["command"]

_COLOURS = {
    RuleOutcome.PASSED: "green",
    RuleOutcome.FAILED: "bold red",
    RuleOutcome.SKIPPED: "dim",
    RuleOutcome.KNOWN: "yellow",
    RuleOutcome.MISSING: "bold red",
}
_SECONDS = 1800


@click.command("certify")
@click.argument("subject")
@click.option("--order", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="For a URL: a legal order.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page, too.")
@click.option("--json", "as_json", type=click.Path(dir_okay=False, path_type=Path), help="Write it as JSON, too.")
def command(subject: str, order: Path | None, html: Path | None, as_json: Path | None) -> None:
    """Prove an adapter, or an endpoint that runs somewhere.

    SUBJECT is module:Class of your contract tests (a subclass of AdapterContract), or the URL of the webhooks, which are then
    signed with the first of GETT_WEBHOOK_SECRETS. The order of --order is placed there, once.

    Exits 1 unless every rule holds, does not bind, or is a known failure with a reason.
    """
    for report in filter(None, (html, as_json)):
        if not report.parent.is_dir():  # found out before the long run, not after it
            raise ConfigurationError(f"{report}: there is no folder {report.parent}")
    is_url = subject.startswith(("http://", "https://"))
    certificate = _endpoint(subject, order) if is_url else _adapter(subject)
    _print(certificate)
    if as_json is not None:
        as_json.write_text(json.dumps(certificate.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if html is not None:
        from webhook_kit.testing.report_page import page

        html.write_text(page(certificate), encoding="utf-8")
    if not certificate.passed:
        sys.exit(1)


def _adapter(spec: str) -> ConformanceReport:
    if not all(spec.partition(":")):
        raise ConfigurationError(f"{spec}: write module:Class of your contract tests, or the URL of an endpoint")
    with tempfile.TemporaryDirectory(prefix="webhook-kit-certify-") as directory:
        report = Path(directory) / "report.json"
        run = [sys.executable, "-m", "webhook_kit.testing.certify", spec, str(report)]
        # What a developer asks of pytest otherwise, to run one test alone for example, is not asked here.
        env = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        done = subprocess.run(run, check=False, env=env, capture_output=True, text=True, timeout=_SECONDS)  # noqa: S603
        if not report.exists():
            said = done.stderr.strip().splitlines() or ["it ended without a report"]
            if "ModuleNotFoundError" in done.stderr and done.returncode != 2:
                said = ["the contract suite needs pytest and hypothesis: pip install 'webhook-kit[testing]'"]
            raise ConfigurationError(said[-1])
        return ConformanceReport.from_dict(json.loads(report.read_text(encoding="utf-8")))


def _endpoint(url: str, file: Path | None) -> ConformanceReport:
    from webhook_kit.testing.endpoint import certify_endpoint

    secret = os.environ.get("GETT_WEBHOOK_SECRETS", "").partition(",")[0].strip()
    if not secret:
        raise ConfigurationError("GETT_WEBHOOK_SECRETS is missing: the endpoint's webhooks are signed with it")
    return certify_endpoint(url, secret, None if file is None else _order(file))


def _order(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--order {file}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("cart"), dict):
        raise ConfigurationError(f"--order {file}: is no order as validateOrder takes it: a JSON object with a cart")
    return found


def _print(certificate: ConformanceReport) -> None:
    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 120)
    console.rule(escape(certificate.subject))
    for part, findings in groupby(certificate.findings, lambda finding: finding.part):
        console.print(f"\n[bold]{part}[/]")
        table = Table.grid(padding=(0, 2))
        table.add_column(width=13)
        for finding in findings:
            table.add_row(Text(finding.verdict, _COLOURS[finding.verdict]), _text(finding))
        console.print(table)
    console.print()
    if certificate.capabilities:
        print_table(list(certificate.capabilities), [list(certificate.capabilities.values())])
        console.print()
    counts = ", ".join(
        f"{certificate.count(verdict)} {verdict}" for verdict in RuleOutcome if certificate.count(verdict)
    )
    said = "[bold green]certified[/]" if certificate.passed else "[bold red]not certified[/]"
    console.print(f"{said}: {counts}; webhook-kit {certificate.kit}, {certificate.at}")


def _text(finding: RuleResult) -> Text:
    text = Text(finding.sentence)
    if not finding.verdict.good:
        text.append(f"\n{finding.name}", "dim")
        text.append(f"\nprotects: {finding.protects}\nto do: {finding.remedy}")
    if finding.why:
        text.append(f"\n{finding.why}", "dim")
    return text
