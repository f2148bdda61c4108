"""Messages about alerts, composed from their records: the kit's sentences, ids, and links into the console."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from webhook_kit.alerting.kinds import alert_kind
from webhook_kit.alerting.message import AlertEvent, AlertMessage, plain
from webhook_kit.settings import Settings
from webhook_kit.texts import well_formed

__all__ = ["compose", "console_link", "runbook"]

_PAGES = {"order": "order?ref=", "store": "store?id="}


def compose(
    settings: Settings, alert_id: str, alert: Mapping[str, str], event: AlertEvent, number: int, at: float
) -> AlertMessage:
    """Return the message about an event of an alert.

    :param alert: its record (``alert_state.lua``).
    :param at: the moment of the message, Unix seconds.
    """
    kind = alert_kind(alert["code"])
    about, subject = alert["about"], alert["subject"]
    return AlertMessage(
        event,
        alert_id,
        number,
        alert["code"],
        kind.severity,
        about=about,
        subject=plain(subject),
        store=plain(alert.get("store", "")),
        sentence=kind.sentence,
        detail=plain(alert.get("why", "")) if kind.shows_why else "",
        todo=kind.todo,
        opened=float(alert["opened"]) / 1000,
        at=at,
        link=console_link(settings, about, subject),
        runbook=runbook(alert["code"]),
        by=plain(alert.get("acked_by", "")),
    )


def console_link(settings: Settings, about: str, subject: str) -> str:
    """Return the address of the console's page for a subject; empty if the console's address is not known."""
    base = settings.console_url or (settings.public_url if settings.console else None)
    if not base:
        return ""
    page = _PAGES.get(about)
    return f"{base}/console/{page}{quote(well_formed(subject), safe='')}" if page else f"{base}/console/"


def runbook(code: str) -> str:
    """Return the section of the runbook about alerts of a code."""
    return f"docs/runbook.md#{code}"
