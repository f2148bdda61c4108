"""Recovery: the time from the end of a fault to the first order and the first update that go through again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles

__all__ = ["Distribution", "Recovery"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Figures of some spans, in seconds."""

    count: int
    minimum: float
    median: float
    p90: float
    maximum: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Distribution | None:
        """Return None without a span."""
        values = sorted(seconds)
        if not values:
            return None
        p90 = values[0] if len(values) == 1 else quantiles(values, n=10, method="inclusive")[-1]
        return cls(len(values), values[0], median(values), p90, values[-1])

    def to_data(self) -> dict[str, float]:
        names = ("count", "minimum", "median", "p90", "maximum")
        return {name: round(getattr(self, name), 2) for name in names}


@dataclass(slots=True)
class Recovery:
    """Ends of the faults, by kind."""

    ends: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, end: float) -> None:
        """Record the end of a fault, Unix seconds."""
        self.ends[kind].append(end)

    def distributions(self, moments: Iterable[tuple[float, float]]) -> Mapping[str, Distribution]:
        """Return the time to the first success after the end of each fault, by kind.

        :param moments: begin and end of each success; it counts if it has begun after the fault.
        """
        successes = list(moments)
        found = {
            kind: Distribution.of(
                min(after) - end for end in ends if (after := [ended for began, ended in successes if began >= end])
            )
            for kind, ends in self.ends.items()
        }
        return {kind: each for kind, each in found.items() if each is not None}
