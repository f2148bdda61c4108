"""Findings about the alerts themselves: channels that do not take them."""

from __future__ import annotations

from collections.abc import Iterator

from webhook_kit.kit import Kit
from webhook_kit.operations.alerts import read_alert_channels
from webhook_kit.operations.findings import HealthFinding, HealthSeverity

__all__ = ["alert_findings"]


def alert_findings(kit: Kit, _now: float) -> Iterator[HealthFinding]:
    """Yield the channels that fail."""
    for channel in read_alert_channels(kit):
        if channel.failing_since is not None:
            yield HealthFinding(
                "alert_channel_fails",
                HealthSeverity.WARNING,
                f"Alerts do not reach {channel.name}: {channel.error}.",
                "Correct its address or key in the settings and restart; webhook-kit alerts test sends a test message.",
                "webhook-kit alerts",
                since=channel.failing_since,
                count=max(1, channel.waiting),
            )
