"""Findings: what is wrong, since when, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["HealthFinding", "HealthSeverity"]


class HealthSeverity(StrEnum):
    """Urgency of a finding."""

    URGENT = "urgent"
    """Orders or updates are lost, wrong or at a standstill now."""
    WARNING = "warning"
    """Something needs a person, but orders go on."""
    NOTE = "note"
    """Nothing needs to be done now."""


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that is wrong.

    :ivar code: stable name, for programs.
    :ivar what: what is wrong, in one sentence.
    :ivar advice: what to do first, in one sentence.
    :ivar command: command that shows or does it, or the empty text.
    :ivar page: path of the page for it below the console's, or the empty text.
    :ivar detail: words of Gett or of a POS, or the ids that it is about; may be empty.
    :ivar since: moment since when, Unix seconds; None if it is not known.
    :ivar count: number of things that it is about.
    """

    code: str
    severity: HealthSeverity
    what: str
    advice: str
    command: str = ""
    page: str = ""
    detail: str = ""
    since: float | None = None
    count: int = 1
