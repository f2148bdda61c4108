"""A short storm over the whole installation: ``make chaos MINUTES=5 SEED=1`` is a long one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.storm.options import StormOptions
from tests.storm.report import print_report
from tests.storm.storm import Storm

KINDS = ("web killed", "push stopped", "pos killed")


@pytest.mark.timeout(1800)
def test_the_whole_holds_its_promises_in_a_short_storm(tmp_path: Path) -> None:
    seed = int(os.environ.get("STORM_SEED", "1"))
    options = StormOptions(
        seed, 30, tmp_path, stores=6, rate=1, burst=5, patience=10, web=2, push=1, sync=1, kinds=KINDS
    )
    with Storm.of(options, print) as storm:
        storm.rage()
        storm.calm_down()
        assert print_report(storm) == 0
    assert len(storm.happened) >= 2
    assert sum(story.accepted is True for story in storm.watch.evidence.by_key.values()) > 10
