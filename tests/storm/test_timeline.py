"""The faults that a seed draws."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.storm.timeline import draw

KINDS = ("a", "b", "c")


def test_a_seed_always_draws_the_same_faults() -> None:
    assert draw(1, 300, KINDS) == draw(1, 300, KINDS)
    assert draw(1, 300, KINDS) != draw(2, 300, KINDS)


def test_every_kind_comes_equally_often_and_begins_in_time() -> None:
    faults = draw(1, 600, KINDS)
    counts = Counter(fault.kind for fault in faults)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert all(0 < fault.at <= 600 for fault in faults)


def test_some_faults_begin_while_the_one_before_lasts() -> None:
    faults = draw(1, 600, KINDS)
    overlapping = [after.at < before.at + before.seconds for before, after in pairwise(faults)]
    assert True in overlapping
    assert overlapping.count(True) < len(overlapping) / 2
