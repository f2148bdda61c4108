"""The inputs of a run are spread over its targets."""

from __future__ import annotations

from tests.fuzz.__main__ import SHARES, limits_of
from tests.fuzz.targets import NAMES


def runs_of(names: list[str], runs: int) -> list[int]:
    return [int(each.removeprefix("-runs=")) for each in limits_of(names, runs, None)]


def test_targets_get_all_inputs_together_and_cheap_ones_more() -> None:
    runs = dict(zip(NAMES, runs_of(list(NAMES), 1_000_000), strict=True))
    assert 1_000_000 <= sum(runs.values()) < 1_000_000 + len(NAMES)
    assert runs["signature"] > 2 * runs["catalog"] > 10_000
    assert runs_of(["catalog"], 500) == [500]
    assert SHARES.keys() <= set(NAMES)


def test_a_given_time_is_shared_equally() -> None:
    assert limits_of(["catalog", "token"], 1_000_000, 60.0) == ["-max_total_time=30"] * 2
