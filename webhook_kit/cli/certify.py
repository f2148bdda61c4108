"""``webhook-kit certify``: tests an adapter or an endpoint and reports the result of every rule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import examples, print_table
from webhook_kit.errors import ConfigurationError
from webhook_kit.texts import decode_file

if TYPE_CHECKING:
    from rich.text import Text

    from webhook_kit.testing.report import ConformanceReport, RuleResult

__all__ = ["command"]

_COLOURS = {
    "passed": "green",
    "failed": "bold red",
    "skipped": "dim",
    "known failure": "yellow",
    "not run": "bold red",
}
"""Colours by the values of RuleOutcome."""

_TIMEOUT = 1800  # seconds
_LARGEST_ORDER = 4_000_000
"""Bytes of an order that are read."""


@click.command(
    "certify",
    epilog=examples(
        "webhook-kit certify tests.test_contract:TestMyPos --html report.html",
        "webhook-kit certify https://pos.example.org --order order.json",
    ),
)
@click.argument("subject")
@click.option(
    "--order", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Valid order for a URL (JSON)."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as an HTML page.")
@click.option("--json", "as_json", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
def command(subject: str, order: Path | None, html: Path | None, as_json: Path | None) -> None:
    """Test an adapter, or an endpoint that is running.

    SUBJECT is module:Class of your contract tests (a subclass of AdapterContract), or the URL of the webhooks. Requests to a
    URL are signed with the first of GETT_WEBHOOK_SECRETS, and the order of --order is placed there once.

    Exits with 1 unless every rule passes, does not apply, or is a known failure with a reason.
    """
    for file in filter(None, (html, as_json)):
        if not file.parent.is_dir():  # checked before the tests, which take minutes
            raise ConfigurationError(f"{file}: the folder {file.parent} does not exist")
    is_url = subject.startswith(("http://", "https://"))
    report = _certify_endpoint(subject, order) if is_url else _certify_adapter(subject)
    _print(report)
    try:
        if as_json is not None:
            as_json.write_text(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if html is not None:
            html.write_text(report.to_html(), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: the report cannot be written: {error.strerror}") from error
    if not report.passed:
        sys.exit(1)


def _certify_adapter(spec: str) -> ConformanceReport:
    from webhook_kit.testing.report import ConformanceReport

    if not all(spec.partition(":")):
        raise ConfigurationError(f"{spec}: name module:Class of your contract tests, or the URL of an endpoint")
    with tempfile.TemporaryDirectory(prefix="webhook-kit-certify-") as directory:
        file = Path(directory) / "report.json"
        command = [sys.executable, "-m", "webhook_kit.testing.certify", spec, str(file)]
        # A developer's own pytest options, for example to run one test alone, must not apply here.
        env = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        process = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=_TIMEOUT)  # noqa: S603
        if not file.exists():
            errors = process.stderr.strip().splitlines() or ["the test process ended without a report"]
            if "ModuleNotFoundError" in process.stderr and process.returncode != 2:
                errors = ["the contract suite needs pytest and hypothesis: pip install 'webhook-kit[testing]'"]
            raise ConfigurationError(errors[-1])
        return ConformanceReport.from_dict(json.loads(file.read_text(encoding="utf-8")))


def _certify_endpoint(url: str, order_file: Path | None) -> ConformanceReport:
    from webhook_kit.fields import plain_text
    from webhook_kit.testing.endpoint import certify_endpoint

    try:
        secret = plain_text(os.environ.get("GETT_WEBHOOK_SECRETS", "").partition(",")[0])
    except ValueError as error:
        raise ConfigurationError(f"GETT_WEBHOOK_SECRETS: {error}") from None
    if not secret:
        raise ConfigurationError("GETT_WEBHOOK_SECRETS is not set; it is required to sign the requests to the endpoint")
    return certify_endpoint(url, secret, None if order_file is None else _order(order_file))


def _order(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:  # bounded: a device never ends
            order = json.loads(decode_file(opened.read(_LARGEST_ORDER)))
    except RecursionError as error:
        raise ConfigurationError(f"--order {file}: is nested too deeply") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--order {file}: {error}") from error
    if not isinstance(order, dict) or not isinstance(order.get("cart"), dict):
        raise ConfigurationError(
            f"--order {file}: not a valid order; it must be the body of validateOrder, a JSON object with a cart"
        )
    return order


def _print(report: ConformanceReport) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from webhook_kit.cli.safe_console import SafeConsole

    console = SafeConsole(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 120)
    console.rule(escape(report.subject))
    for part, results in report.parts():
        console.print(f"\n[bold]{part}[/]")
        table = Table.grid(padding=(0, 2))
        table.add_column(width=13)
        for result in results:
            table.add_row(Text(result.outcome, _COLOURS[result.outcome]), _text(result))
        console.print(table)
    console.print()
    if report.capabilities:
        print_table(list(report.capabilities), [list(report.capabilities.values())])
        console.print()
    if report.declaration:
        console.print("Every rule holds. Declare it in the class of the adapter:")
        click.echo(f"    {report.declaration}\n")  # as it is, to be copied: a console breaks long lines
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items())
    conclusion = "[bold green]certified[/]" if report.passed else "[bold red]not certified[/]"
    console.print(f"{conclusion}: {counts}; webhook-kit {report.kit}, {report.at}")


def _text(result: RuleResult) -> Text:
    from rich.text import Text

    text = Text(result.statement)
    if not result.outcome.acceptable:
        text.append(f"\n{result.name}", "dim")
        text.append(f"\nprotects: {result.protects}\nto do: {result.remedy}")
    if result.detail:
        text.append(f"\n{result.detail}", "dim")
    return text
