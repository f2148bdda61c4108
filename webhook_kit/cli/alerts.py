"""``webhook-kit alerts``: list open alerts, test their channels, acknowledge and silence them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import (
    age,
    command_line_actor,
    instant_or_ahead,
    moment,
    open_kit,
    print_table,
    warn_of_missing,
)
from webhook_kit.cli.completion import complete_stores
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.alerting.channels import AlertChannel
    from webhook_kit.alerting.message import AlertMessage
    from webhook_kit.alerting.view import AlertChannelView, AlertView, DeliveryView
    from webhook_kit.kit import Kit

__all__ = ["command"]


_why = click.option("--why", default="", metavar="TEXT", help="Reason, for the audit log.")


@click.group("alerts", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.option(
    "--limit",
    type=click.IntRange(1, 5000),
    default=100,
    show_default=True,
    help="Number of alerts to list, the newest.",
)
@click.pass_context
def command(context: click.Context, as_json: bool, limit: int) -> None:
    """List the open alerts: since when, who was told, and the last error of each channel."""
    if context.invoked_subcommand is None:
        _list(open_kit(), limit, as_json=as_json)


def _list(kit: Kit, limit: int, *, as_json: bool) -> None:
    from webhook_kit.operations.alerts import (
        count_open_alerts,
        read_alert_channels,
        read_open_alerts,
        read_quiet_stores,
    )
    from webhook_kit.storage.clock import redis_time

    alerts, total = read_open_alerts(kit, limit=limit), count_open_alerts(kit)
    states, quiet, now = read_alert_channels(kit), read_quiet_stores(kit), redis_time(kit.redis)
    if as_json:
        document = {"open": total, "alerts": list(map(_plain, alerts)), "channels": list(map(_plain, states))}
        document["quiet"] = [{"store": each.store_id, "until": moment(each.until)} for each in quiet]
        click.echo(json.dumps(document))
        return
    if alerts:
        columns = ("id", "severity", "what", "subject", "since", "told", "error")
        print_table(columns, [_row(alert, now) for alert in alerts])
    else:
        click.echo("no open alerts")
    if total > len(alerts):
        click.echo(f"… and {total - len(alerts)} more")
    for state in states:
        failing = f", FAILING for {age(state.failing_since, now)}: {state.error}" if state.failing_since else ""
        click.echo(f"channel {state.name}: {state.waiting} waiting{failing}")
    for each in quiet:
        click.echo(
            f"store {each.store_id} is quiet until {moment(each.until)}: webhook-kit alerts unquiet {each.store_id}"
        )
    warn_of_missing(kit, "sync")
    if not states:
        click.echo(
            "no channel is configured, so that nobody is told: set ALERT_SLACK or another one (see the page Monitoring)"
        )


def _row(alert: AlertView, now: float) -> Sequence[object]:
    told = [f"{each.channel}{_state(each)}" for each in alert.deliveries]
    if alert.acknowledged_by:
        told.append(f"acknowledged by {alert.acknowledged_by}")
    if alert.quiet_until:
        told.append(f"quiet until {moment(alert.quiet_until)}")
    errors = "; ".join(each.error for each in alert.deliveries if each.error)
    return alert.id, alert.severity, alert.sentence, alert.subject, age(alert.opened, now), ", ".join(told), errors


def _state(delivery: DeliveryView) -> str:
    if delivery.given_up:
        return " (given up)"
    if delivery.capped:
        return " (not sent: too many today)"
    return " (waiting)" if delivery.waits else ""


def _plain(view: AlertView | AlertChannelView) -> dict[str, Any]:
    """Return a view as JSON: names in camelCase, moments as ISO 8601."""
    return _camel(asdict(view))


_MOMENTS = ("opened", "at", "failing_since", "taken_at", "acknowledged_at", "quiet_until")


def _camel(value: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, member in value.items():
        first, *rest = name.split("_")
        nested = [_camel(each) for each in member] if isinstance(member, list | tuple) else member
        plain[first + "".join(word.capitalize() for word in rest)] = moment(member) if name in _MOMENTS else nested
    return plain


@command.command()
@click.argument("alert_id", metavar="ID")
@_why
def ack(alert_id: str, why: str) -> None:
    """Acknowledge an alert: it is not repeated. One whose end the kit cannot find out is closed."""
    from webhook_kit.operations.alerts import acknowledge_alert

    closed = acknowledge_alert(open_kit(), command_line_actor(), alert_id, why)
    click.echo(f"{alert_id} is closed" if closed else f"{alert_id} is acknowledged; it is resolved when it is over")


@command.command()
@click.argument("store_id", metavar="STORE", shell_complete=complete_stores)
@click.option("--until", required=True, metavar="TIME", help="ISO 8601 with a time zone, or a duration: 30m, 2h, 7d.")
@_why
def quiet(store_id: str, until: str, why: str) -> None:
    """Send no alerts about a store and its orders for some time. What is still open then is sent."""
    from webhook_kit.operations.alerts import quiet_store

    end = instant_or_ahead(until)
    assert end is not None  # the option is required
    quiet_store(open_kit(), command_line_actor(), store_id, end, why)
    click.echo(f"no alerts about store {store_id} until {end.isoformat(timespec='seconds')}")


@command.command()
@click.argument("store_id", metavar="STORE", shell_complete=complete_stores)
@_why
def unquiet(store_id: str, why: str) -> None:
    """Send alerts about a store again."""
    from webhook_kit.operations.alerts import unquiet_store

    unquiet_store(open_kit(), command_line_actor(), store_id, why)
    click.echo(f"alerts about store {store_id} are sent again")


@command.command()
@click.option("--channel", "name", metavar="NAME", help="Test only the channels whose name contains this text.")
def test(name: str | None) -> None:
    """Send a test message to each channel, and print the outcome."""
    from webhook_kit.alerting.pinned import DeliveryFailed

    kit = open_kit()
    failed = 0
    for channel in _chosen(kit, name):
        try:
            channel.send(_test_message())
        except DeliveryFailed as error:
            failed += 1
            click.echo(f"{channel.name}: FAILED: {error}")
        else:
            click.echo(f"{channel.name}: taken (gets {channel.least} and above)")
    if failed:
        sys.exit(1)


def _chosen(kit: Kit, name: str | None) -> list[AlertChannel]:
    channels = kit.alert_channels
    if not channels:
        raise NotFound(
            "no channel is configured; set ALERT_WEBHOOKS, ALERT_SLACK, ALERT_TEAMS, ALERT_PAGERDUTY or ALERT_EMAIL_TO"
        )
    chosen = [channel for channel in channels if name is None or name.lower() in channel.name.lower()]
    if not chosen:
        raise NotFound(f"no channel is named {name}; there are: {', '.join(channel.name for channel in channels)}")
    return chosen


def _test_message() -> AlertMessage:
    from webhook_kit.alert_fields import AlertSeverity
    from webhook_kit.alerting.message import AlertEvent, AlertMessage

    now = time.time()
    return AlertMessage(
        AlertEvent.TEST,
        f"test-{os.urandom(5).hex()}",
        1,
        "test",
        AlertSeverity.WARNING,
        about="setting",
        subject="webhook-kit alerts test",
        store="",
        sentence="this is a test of the alerts of webhook_kit",
        detail="",
        todo="nothing; the channel works",
        opened=now,
        at=now,
        runbook="docs/monitoring.md#alerts",
    )
