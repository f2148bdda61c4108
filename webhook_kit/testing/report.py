"""What a certification found, rule by rule: the report that ``webhook-kit certify`` prints and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any

__all__ = ["ConformanceReport", "RuleOutcome", "RuleResult"]


class RuleOutcome(StrEnum):
    """What became of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It does not bind this adapter, or cannot be proven here; the reason says which."""
    KNOWN = "known failure"
    """It fails, as the vendor declares, with a reason."""
    MISSING = "not run"
    """Somebody left it out: that is a failure."""

    @property
    def good(self) -> bool:
        """Whether it stands in nobody's way."""
        return self in (RuleOutcome.PASSED, RuleOutcome.SKIPPED, RuleOutcome.KNOWN)


@dataclass(frozen=True)
class RuleResult:
    """One rule, and what became of it.

    :ivar why: the failure, or the reason; empty for a rule that holds.
    """

    name: str
    part: str
    sentence: str
    protects: str
    remedy: str
    verdict: RuleOutcome
    why: str = ""


@dataclass(frozen=True)
class ConformanceReport:
    """The whole report.

    :ivar subject: what was certified: an adapter, or an endpoint.
    :ivar capabilities: the adapter's row of the capability matrix; empty for an endpoint.
    """

    subject: str
    findings: tuple[RuleResult, ...]
    capabilities: Mapping[str, str] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    kit: str = field(default_factory=lambda: version("webhook-kit"))

    @property
    def passed(self) -> bool:
        """Whether every rule holds, does not bind, or is a known failure."""
        return bool(self.findings) and all(finding.verdict.good for finding in self.findings)

    def count(self, verdict: RuleOutcome) -> int:
        """How many rules ended so."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "passed": self.passed}

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> ConformanceReport:
        """Read what :meth:`to_dict` wrote."""
        members = {name: value for name, value in said.items() if name != "passed"}
        findings = tuple(
            RuleResult(**{**one, "verdict": RuleOutcome(one["verdict"])}) for one in members.pop("findings")
        )
        return cls(findings=findings, **members)
