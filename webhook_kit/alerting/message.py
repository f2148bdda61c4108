"""Message about an alert, as every channel gets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.printing import printable, without_secrets
from webhook_kit.texts import well_formed

__all__ = ["AlertEvent", "AlertMessage", "plain", "timestamp"]

_LONGEST = 1_000


class AlertEvent(StrEnum):
    """Event in the life of an alert."""

    OPENED = "opened"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CAPPED = "capped"
    """The channel has got its number of alerts for today."""
    CODE_CAPPED = "code_capped"
    """The channel has got its number of alerts of this code for today."""
    TEST = "test"


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """Message about an alert. It holds ids, codes and the kit's own sentences, and nothing about a customer.

    :ivar number: number of this event of the alert; with ``id`` it names the message, also when it is sent again.
    :ivar about: ``order``, ``store``, ``setting``, ``worker`` or ``outbox``: what the subject is.
    :ivar opened: the moment at which the alert was opened, Unix seconds.
    :ivar at: the moment of the event, Unix seconds.
    :ivar link: page of the console, or empty.
    :ivar runbook: section of the runbook, as a path in the documentation.
    :ivar by: the person who has acknowledged the alert, or empty.
    """

    event: AlertEvent
    id: str
    number: int
    code: str
    severity: AlertSeverity
    about: str
    subject: str
    store: str
    sentence: str
    detail: str
    todo: str
    opened: float
    at: float
    link: str = ""
    runbook: str = ""
    by: str = ""

    @property
    def title(self) -> str:
        """One line: the event, the sentence and the subject."""
        begin = {
            AlertEvent.OPENED: self.severity.upper(),
            AlertEvent.REPEATED: f"STILL {self.severity.upper()}",
            AlertEvent.ACKNOWLEDGED: "ACKNOWLEDGED",
            AlertEvent.RESOLVED: "OVER",
            AlertEvent.CAPPED: "NO MORE ALERTS TODAY; THE LAST ONE",
            AlertEvent.CODE_CAPPED: "NO MORE ALERTS LIKE THIS TODAY",
            AlertEvent.TEST: "TEST",
        }[self.event]
        return f"{begin}: {self.sentence} ({self.subject})"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Names and values for people; none is empty."""
        facts = [
            (self.about.capitalize(), self.subject),
            ("Store", self.store if self.about != "store" else ""),
            ("Since", timestamp(self.opened)),
            ("Detail", self.detail),
            ("What to do", "" if self.event is AlertEvent.RESOLVED else self.todo),
            ("Taken by", self.by),
            ("Console", self.link),
            ("Runbook", self.runbook),
            ("Alert", f"{self.code} {self.id}"),
        ]
        return [(name, value) for name, value in facts if value]

    def document(self) -> dict[str, Any]:
        """Return the message as JSON for ``ALERT_WEBHOOKS``; ``docs/monitoring.md`` describes it."""
        return {
            "type": f"alert.{self.event}",
            "id": self.id,
            "number": self.number,
            "timestamp": timestamp(self.at),
            "code": self.code,
            "severity": self.severity.value,
            "subject": {"type": self.about, "id": self.subject, "store": self.store or None},
            "title": self.title,
            "sentence": self.sentence,
            "detail": self.detail or None,
            "todo": self.todo,
            "openedAt": timestamp(self.opened),
            "acknowledgedBy": self.by or None,
            "link": self.link or None,
            "runbook": self.runbook or None,
        }


def timestamp(seconds: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def plain(text: str) -> str:
    """Return one bounded line of a text from outside, without control characters and without secrets in addresses."""
    line = " ".join(printable(without_secrets(well_formed(text[: 2 * _LONGEST]))).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
