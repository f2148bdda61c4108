"""Growth of an input: no part of it may cost more than in proportion to its length."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableSequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.mutation import growing
from tests.fuzz.oracle import Target, judge

__all__ = ["forms_of", "judge_growth"]

_SMALL, _LARGE = 4_000, 16_000

_CHOSEN = 4
"""Forms that are tried at full length: so many that cost most, and so many whose cost grows most."""


@dataclass(frozen=True)
class _Measured:
    """CPU time of a form of growth.

    :ivar cost: seconds for each byte of the larger of two inputs.
    :ivar growth: time of the larger input, in proportion to that of the smaller one, which is a quarter as long.
    """

    form: Callable[[int], bytes]
    cost: float
    growth: float


def forms_of(seeds: Iterable[bytes], most: int) -> list[Callable[[int], bytes]]:
    """Return the ways in which a target's seeds can grow; of very many every n-th.

    :param most: number of ways at most.
    """
    forms = [form for seed in seeds for form in growing(seed)]
    return forms[:: len(forms) // most + 1]


def judge_growth(target: Target, seeds: Iterable[bytes], log: MutableSequence[Any]) -> float:
    """Judge inputs of which one part is repeated, and the most costly of them at nearly the length that the product accepts.

    :return: the largest CPU time for each byte of an input of that length, in microseconds.
    :raises Fault: one of them takes too long.
    """
    measured = [_measure(target, form, log) for form in forms_of(seeds, most=300)]
    by_cost, by_growth = (
        sorted(measured, key=key)[-_CHOSEN:] for key in (lambda each: each.cost, lambda each: each.growth)
    )
    return max(
        _seconds(target, each.form(size), log) / size * 1e6
        for each in [*by_cost, *by_growth]
        for size in (target.most // 8, target.most * 9 // 10)
    )


def _measure(target: Target, form: Callable[[int], bytes], log: MutableSequence[Any]) -> _Measured:
    small, large = (_seconds(target, form(size), log) for size in (_SMALL, _LARGE))
    return _Measured(form, large / _LARGE, large / max(small, 1e-4))


def _seconds(target: Target, data: bytes, log: MutableSequence[Any]) -> float:
    started = time.process_time()
    judge(target, data, log)
    return time.process_time() - started
