"""Conformance report of ``webhook-kit certify``: the result of every rule, as an object, JSON and an HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from itertools import groupby
from typing import Any

from webhook_kit.adapter import Capability, Level

__all__ = ["ConformanceReport", "RuleOutcome", "RuleResult"]

_CAPABILITIES = frozenset(Capability)


class RuleOutcome(StrEnum):
    """Result of running a rule."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The rule does not apply to this adapter, or cannot be tested here; the detail has the reason."""
    KNOWN = "known failure"
    """The rule fails, and the vendor has declared it with a reason."""
    MISSING = "not run"
    """The rule was left out, which counts as a failure."""

    @property
    def acceptable(self) -> bool:
        """True if the outcome allows certification."""
        return self in (RuleOutcome.PASSED, RuleOutcome.SKIPPED, RuleOutcome.KNOWN)


@dataclass(frozen=True)
class RuleResult:
    """A rule and its outcome.

    :ivar detail: the failure, or the reason of the outcome; empty for a rule that passed.
    """

    name: str
    part: str
    statement: str
    protects: str
    remedy: str
    outcome: RuleOutcome
    detail: str = ""


@dataclass(frozen=True)
class ConformanceReport:
    """The results of all rules.

    :ivar subject: the adapter or endpoint that was tested.
    :ivar capabilities: the adapter's row of the capability matrix; empty for an endpoint.
    :ivar at: the time of the test.
    :ivar kit: the version of the kit.
    """

    subject: str
    results: tuple[RuleResult, ...]
    capabilities: Mapping[str, str] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    kit: str = field(default_factory=lambda: version("webhook-kit"))

    @property
    def passed(self) -> bool:
        """True if there are results and all outcomes allow certification."""
        return bool(self.results) and all(result.outcome.acceptable for result in self.results)

    @property
    def counts(self) -> Mapping[RuleOutcome, int]:
        """Number of rules per outcome, without outcomes that did not occur."""
        outcomes = [result.outcome for result in self.results]
        return {outcome: outcomes.count(outcome) for outcome in RuleOutcome if outcome in outcomes}

    @property
    def declaration(self) -> str:
        """Line of code that declares what this report proves; empty if a rule fails, or if the adapter has that line already.

        A capability that the adapter does not offer stays out of it, except that of taking the kit's key: it cannot be seen.
        """
        clean = {RuleOutcome.PASSED, RuleOutcome.SKIPPED}
        levels = {name: level for name, level in self.capabilities.items() if name in _CAPABILITIES}
        if not self.passed or not clean.issuperset(self.counts) or Level.SUPPORTED not in levels.values():
            return ""
        entries = [
            f"Capability.{Capability(name).name}: Level.{(Level.TESTED if Level(level).usable else Level(level)).name}"
            for name, level in levels.items()
            if Level(level).usable or (name == Capability.NATIVE_IDEMPOTENCY and level != Level.UNKNOWN)
        ]
        return f"capabilities = {{{', '.join(entries)}}}"

    def parts(self) -> Iterator[tuple[str, list[RuleResult]]]:
        """Yield each part of the contract with its results."""
        for part, results in groupby(self.results, lambda result: result.part):
            yield part, list(results)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        return {**asdict(self), "passed": self.passed}

    def to_html(self) -> str:
        """Return the report as an HTML page without scripts or external resources, suitable for printing."""
        from jinja2 import (
            Environment,
            PackageLoader,
            StrictUndefined,
        )  # here, because `webhook-kit --help` has to be fast

        templates = Environment(
            loader=PackageLoader("webhook_kit.testing", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        return templates.get_template("report.html.j2").render(report=self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ConformanceReport:
        """Build a report from the data of :meth:`to_dict`."""
        members = {name: value for name, value in data.items() if name != "passed"}
        results = tuple(
            RuleResult(**{**result, "outcome": RuleOutcome(result["outcome"])}) for result in members.pop("results")
        )
        return cls(results=results, **members)
