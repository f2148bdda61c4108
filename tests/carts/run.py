"""Runs a range of drawn carts, and reports what was drawn and where kit and oracle disagree."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field

from tests.carts.cases import Case, draw_cases
from tests.carts.compare import Comparison
from tests.carts.features import features
from tests.carts.oracle import Situation, judge
from tests.carts.shrink import Wire, shrink

MOST_REPORTED = 5
"""Disagreements of one range that are made small and reported; the others are only counted."""


@dataclass
class Report:
    """The result of a range of carts.

    :ivar drawn: number of carts with each rule and shape.
    :ivar disagreements: a text for each that is reported.
    """

    carts: int = 0
    accepted: int = 0
    disagreeing: int = 0
    drawn: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.carts += other.carts
        self.accepted += other.accepted
        self.disagreeing += other.disagreeing
        self.drawn += other.drawn
        self.disagreements += other.disagreements


def run(seed: int, numbers: range) -> Report:
    """Judge the carts of these numbers by kit and oracle."""
    report, comparison = Report(), Comparison()
    for case in draw_cases(seed, numbers):
        verdict = judge(case.situation, case.order)
        report.carts += 1
        report.accepted += not verdict.complaints
        report.drawn.update(features(case, verdict))
        if difference := comparison.difference(case.situation, case.order, verdict):
            report.disagreeing += 1
            if report.disagreeing <= MOST_REPORTED:
                report.disagreements.append(describe(case, difference))
    return report


def describe(case: Case, difference: str) -> str:
    """Return a disagreement as text: how to see it again, and the smallest cart that shows it."""
    situation, order = smallest(case, difference)
    verdict = judge(situation, order)
    again = f"python -m tests.carts --seed {case.seed} --cart {case.number}"
    offered, others = situation.fulfillment_types, sorted(situation.versions_of_others)
    circumstances = f"offered: {offered}; run out: {sorted(situation.unavailable)}; catalogs of others: {others}"
    lines = [
        f"cart {case.number} of seed {case.seed} ({again}): {difference}",
        f"  smallest: {Comparison().difference(situation, order, verdict)}",
        f"  at {situation.at.isoformat()} in {situation.zone}; {circumstances}",
        f"  order:   {json.dumps(order, ensure_ascii=False)}",
        f"  catalog: {json.dumps(situation.catalog, ensure_ascii=False)}",
    ]
    return "\n".join(lines)


def smallest(case: Case, difference: str) -> tuple[Situation, Wire]:
    """Return the smallest situation and order that show a difference of the same kind."""
    comparison = Comparison()

    def differs(situation: Situation, order: Wire) -> bool:
        found = comparison.difference(situation, order, judge(situation, order))
        return bool(found) and _kind(found) <= _kind(difference)

    return shrink(case.situation, case.order, differs)


def _kind(difference: str) -> set[str]:
    """Return the codes that a difference names, and if it is one of prices."""
    return set(re.findall(r"\b[A-Z]{3,}_[A-Z_]+|raised \w+|costs|total", difference))
