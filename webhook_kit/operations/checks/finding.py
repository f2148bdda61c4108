"""A finding of a check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from webhook_kit.printing import without_secrets

__all__ = ["SETTING_MISSING", "CheckFinding", "CheckSeverity", "mistake"]

SETTING_MISSING = "setting_missing"
"""Code of the finding that a setting is missing without which the installation cannot work."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b|\b[A-Z]{4,}\b")


class CheckSeverity(StrEnum):
    """Consequence of a finding."""

    ERROR = "error"
    """The installation cannot work. A release phase has to stop."""
    WARNING = "warning"
    """Something needs a person, but a release can go on."""
    INFO = "info"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One finding.

    :ivar code: stable name, for programs.
    :ivar where: variable that is to be changed, or the empty text.
    :ivar what: what is wrong.
    :ivar advice: what to do, or the empty text.
    """

    severity: CheckSeverity
    code: str
    where: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        """Return one line for people."""
        where = f"{self.where}: " if self.where and not self.what.startswith(self.where) else ""
        return without_secrets(f"{where}{self.what}{f'; {self.advice}' if self.advice else ''}")


def mistake(line: str, code: str = "configuration") -> CheckFinding:
    """Return the finding for a line of a ConfigurationError, which may begin with the name of a variable and end with advice."""
    variable, (what, _, advice) = _VARIABLE.match(line), line.partition("; ")
    return CheckFinding(CheckSeverity.ERROR, code, variable[0] if variable else "", what, advice)
