"""Judgement of a series of samples: flat, or growing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

__all__ = ["Bound", "Trend", "judge", "slope"]

Samples = Sequence[tuple[float, float]]
"""Moments in seconds, and the values at them."""

HOUR = 3600.0


class Bound(NamedTuple):
    """Growth in an hour that is still flat: the larger of both.

    :ivar units: in the unit of the samples.
    :ivar share: as a share of the median.
    """

    units: float
    share: float = 0.0


class Trend(NamedTuple):
    """Trend of a series over its second half.

    :ivar level: median of the values.
    :ivar per_hour: growth in an hour.
    :ivar bound: growth in an hour that is still flat.
    """

    level: float
    per_hour: float
    bound: float

    @property
    def flat(self) -> bool:
        """True if it does not grow faster than its bound. Shrinking is flat."""
        return self.per_hour <= self.bound


def slope(samples: Samples) -> float:
    """Return the growth per second, as Theil and Sen fit it: the median of the slopes between all pairs of samples.

    Up to 29 % of the samples may be arbitrary, so neither a moment of garbage collection nor a burst changes it.

    :raises ValueError: there are fewer than two moments.
    """
    slopes = [(b - a) / (end - start) for (start, a), (end, b) in combinations(samples, 2) if end > start]
    if not slopes:
        raise ValueError("a trend needs samples at two moments at least")
    return median(slopes)


def judge(samples: Samples, bound: Bound) -> Trend:
    """Return the trend over the second half of the time.

    :raises ValueError: there are too few samples.
    """
    begin, end = samples[0][0], samples[-1][0]
    half = [sample for sample in samples if sample[0] >= (begin + end) / 2]
    level = median(value for _, value in half)
    return Trend(level, slope(half) * HOUR, max(bound.units, bound.share * level))


def growing(trends: Mapping[str, Trend]) -> Iterable[str]:
    """Yield the names of the series that are not flat."""
    return (name for name, trend in trends.items() if not trend.flat)
