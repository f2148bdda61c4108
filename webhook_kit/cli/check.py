"""``webhook-kit check``: check configuration, adapters, Redis, Gett and the public address before the first order."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from webhook_kit.cli.common import open_kit
from webhook_kit.errors import ConfigurationError
from webhook_kit.printing import without_secrets

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.operations.checks.finding import CheckFinding

__all__ = ["command"]


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.option("--offline", is_flag=True, help="Call neither Gett nor PUBLIC_URL.")
@click.option("--pos", is_flag=True, help="Ask the POS of every store, too.")
@click.option(
    "--web-processes",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    envvar="WEB_CONCURRENCY",
    show_envvar=True,
    help="Processes of all web servers, of the console and of the metrics, to count connections to Redis.",
)
@click.option(
    "--worker-processes",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="Push and sync workers, to count connections to Redis.",
)
def command(*, as_json: bool, offline: bool, pos: bool, web_processes: int, worker_processes: int) -> None:
    """Check the configuration, the adapters, Redis, Gett and PUBLIC_URL. Use it in a platform's release phase.

    Exits with 1 if there is an error: the installation cannot work. Warnings need a person, but do not stop a release.
    """
    try:
        kit = open_kit()
    except ConfigurationError as error:
        if not as_json:
            raise
        from webhook_kit.operations.checks.finding import mistake

        _print_json([mistake(line, "settings") for line in error.mistakes])
    from webhook_kit.operations.checks import SETTING_MISSING, CheckOptions, CheckSeverity, run_checks
    from webhook_kit.operations.checks.redis_server import Processes

    options = CheckOptions(Processes(web_processes, worker_processes), network=not offline, pos=pos)
    findings = list(run_checks(kit, options))
    if as_json:
        _print_json(findings)
    errors = [str(finding) for finding in findings if finding.severity is CheckSeverity.ERROR]
    for finding in findings:
        if finding.severity is CheckSeverity.WARNING:
            click.echo(f"warning: {finding}", err=True)
    if errors:
        raise ConfigurationError(*errors)
    for finding in findings:
        if finding.severity is CheckSeverity.INFO:
            click.echo(finding)
    missing = {finding.where for finding in findings if finding.code == SETTING_MISSING}
    if "REDIS_URL" not in missing:  # else it is unknown if there are stores
        _print_stores(kit, configured=not missing)


def _print_stores(kit: Kit, *, configured: bool) -> None:
    from webhook_kit.operations.checks.configuration import NO_STORE

    stores = list(kit.stores)
    for store in stores:
        next_step = "" if store.gett_id else f"; not registered at Gett yet: webhook-kit stores onboard {store.id}"
        guarantee = kit.stores.adapter(store).guarantee()
        click.echo(f"store {store.id}: {store.adapter}, guarantee of one ticket per order: {guarantee}{next_step}")
    # Not a mistake: the first deployment has no store when stores are onboarded later.
    if not stores:
        click.echo(f"{NO_STORE}; until then every order is refused")
    elif configured:
        click.echo("everything is configured")


def _print_json(findings: list[CheckFinding]) -> NoReturn:
    members = ("severity", "code", "where", "what", "advice")
    shown = [{name: without_secrets(getattr(finding, name)) for name in members} for finding in findings]
    ok = all(finding["severity"] != "error" for finding in shown)
    click.echo(json.dumps({"ok": ok, "findings": shown}, indent=2))
    sys.exit(not ok)
