"""``webhook-kit alerts``: list open alerts, test their channels, acknowledge and silence them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import open_kit
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.alerting.channels import AlertChannel
    from webhook_kit.alerting.message import AlertMessage
    from webhook_kit.kit import Kit

__all__ = ["command"]


@click.group("alerts")
def command() -> None:
    """List open alerts, test their channels, acknowledge and silence them."""


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
