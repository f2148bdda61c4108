"""The verdict finds a planted leak, and takes no noise for one."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from tests.load.verdict import HOUR, Bound, Trend, growing, judge, slope

MOMENTS = [10.0 * number for number in range(361)]
"""Of an hour, every ten seconds."""
BOUND = Bound(1.5, 0.02)


def samples(value: Callable[[float], float], seed: int) -> list[tuple[float, float]]:
    """Return samples with noise of 1 MB, and every tenth one 30 MB too high."""
    random = Random(seed)
    return [(at, value(at) + random.gauss(0, 1) + (30 if random.random() < 0.1 else 0)) for at in MOMENTS]


@pytest.mark.parametrize("seed", range(20))
def test_noise_on_a_level_is_flat(seed: int) -> None:
    assert judge(samples(lambda _: 100.0, seed), BOUND).flat


@pytest.mark.parametrize("seed", range(20))
def test_linear_leak_is_found(seed: int) -> None:
    leak = judge(samples(lambda at: 100 + 6 * at / HOUR, seed), BOUND)
    assert not leak.flat
    assert leak.per_hour == pytest.approx(6, abs=3)


def test_leak_in_steps_is_found() -> None:
    assert not judge(samples(lambda at: 100 + 8 * math.floor(at / 600), 1), BOUND).flat


@pytest.mark.parametrize("rise", [lambda at: 50 * (1 - math.exp(-at / 300)), lambda at: min(at / 30, 40)])
def test_rise_in_the_first_half_is_flat(rise: Callable[[float], float]) -> None:
    assert judge(samples(rise, 1), BOUND).flat


def test_memory_that_is_given_back_is_flat() -> None:
    assert judge(samples(lambda at: 100 - 20 * at / HOUR, 1), BOUND).flat


def test_bound_is_the_larger_one() -> None:
    flat = [(at, 200.0) for at in MOMENTS]
    assert (judge(flat, Bound(1.5, 0.02)).bound, judge(flat, Bound(5, 0.02)).bound) == (4.0, 5)


def test_slope_is_the_median_of_all_slopes() -> None:
    assert slope([(0, 0), (1, 2), (2, 4), (2, 5), (3, 100)]) == 3
    with pytest.raises(ValueError, match="two moments"):
        slope([(1, 0), (1, 5)])


def test_growing_series_are_named() -> None:
    assert list(growing({"a": Trend(1, 2, 1), "b": Trend(1, 1, 1)})) == ["a"]
