"""An input that is four times as long costs about four times as much, counted in executed lines."""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.executed_lines import executed_lines
from tests.fuzz.growth import forms_of, judge_growth
from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import Surroundings
from tests.fuzz.targets import NAMES, all_targets
from tests.fuzz.test_corpus import CORPUS
from webhook_kit.testing.redis_server import RedisServer

FORMS = 12
SMALL, LARGE = 1_000, 4_000
FIXED = 1_500
"""Lines that an input may cost beyond its proportion, whatever its length."""


def lines(target: Target, data: bytes) -> int:
    def run() -> None:
        with contextlib.suppress(*target.documented):
            target.run(data)

    return executed_lines(run)


def grows_too_much(target: Target, seeds: list[bytes]) -> list[str]:
    """Return the forms of growth that cost more than in proportion."""
    found = []
    for form in forms_of(seeds, FORMS):
        lines(target, form(SMALL // 10))  # what is imported and compiled at the first use is so from here on
        small, large = lines(target, form(SMALL)), lines(target, form(LARGE))
        if large > 1.5 * small * LARGE / SMALL + FIXED:
            found.append(f"{small} → {large} lines: {form(60)[-200:]!r}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_form_of_growth_costs_more_than_in_proportion(
    name: str, redis_server: RedisServer, tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    target = all_targets(Surroundings(redis_server.url, tmp_path, events))[name]
    seeds = [file.read_bytes() for file in sorted((CORPUS / name).glob("seed-*"))]
    assert not grows_too_much(target, seeds)


def compare_each_with_all(data: bytes) -> None:
    """Parse in quadratic time, by lines that can be counted."""
    members = data.split(b",")
    for one in members:
        for other in members:
            assert one is not None, other


def test_a_parser_of_quadratic_time_is_found_by_its_lines() -> None:
    assert grows_too_much(Target("planted", compare_each_with_all), [b'["a", "b"]'])
    assert not grows_too_much(Target("linear", lambda data: len([each for each in data])), [b'["a", "b"]'])  # noqa: C416


def test_a_parser_of_quadratic_time_is_found_by_its_cost() -> None:
    target = Target("planted", compare_each_with_all, most=64_000, fixed=1.0, per_byte=1.0)
    with pytest.raises(Fault, match="planted takes"):
        judge_growth(target, [b'["a", "b"]'], [])
