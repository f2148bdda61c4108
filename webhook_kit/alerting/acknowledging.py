"""Acknowledgement of alerts by people."""

from __future__ import annotations

from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.alerting.message import plain
from webhook_kit.errors import NotFound
from webhook_kit.storage.open_alerts import OpenAlerts

__all__ = ["acknowledge_alert"]


def acknowledge_alert(open_alerts: OpenAlerts, alert_id: str, who: str) -> bool:
    """Acknowledge an alert, so that it is not repeated.

    :return: True if it is closed: nothing but a person could tell that it is over.
    :raises NotFound: it is not open.
    """
    if not open_alerts.acknowledge(alert_id, plain(who)[:100]):
        raise NotFound(f"no alert {alert_id[:100]} is open; see `webhook-kit alerts`")
    alert = open_alerts.read([alert_id]).get(alert_id, {})
    if alert_kind(alert.get("code", "")).ends:
        return False
    open_alerts.resolve(alert_id)
    return True
