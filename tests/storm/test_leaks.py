"""Planted leaks, each of which the judgement has to see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.storm.leaks import KeyRules, Sample, judge_samples

WARM = Sample("web0", "web", 1, age=120.0, memory=90_000_000, threads=40, files=60)
REST = replace(WARM, age=3600.0)


def test_a_process_that_stays_as_it_is_has_no_leak() -> None:
    assert list(judge_samples([WARM, replace(WARM, age=1200, memory=400_000_000, threads=80), REST])) == []


@pytest.mark.parametrize(("what", "size"), [("memory", 300_000_000), ("threads", 140), ("files", 200)])
def test_a_process_that_grows_is_seen(what: str, size: int) -> None:
    changes: dict[str, Any] = {what: size}
    assert len(list(judge_samples([WARM, replace(REST, **changes)]))) == 1


def test_a_young_process_is_not_judged() -> None:
    assert list(judge_samples([WARM, replace(REST, age=200.0, threads=140)])) == []


def test_another_process_of_the_same_name_begins_anew() -> None:
    assert list(judge_samples([WARM, replace(REST, pid=2, threads=140)])) == []


@pytest.mark.parametrize(
    ("key", "ttl", "complaint"),
    [
        ("order:1", 600, None),
        ("order:1", -1, "order:1 has neither an end nor an owner"),
        ("lane:order:1", -1, "lane:order:1 has neither an end nor an owner"),
        ("queue:order:1", -1, "queue:order:1 is left"),
        ("trial:x", -1, "trial:x has neither an end nor an owner"),
        ("metrics", -1, None),
        ("ready", -1, None),
        ("catalog:main", -1, None),
        ("order-list", -1, None),
        ("alert:a1", -1, None),
        ("alert:a2", -1, "alert:a2 has neither an end nor an owner"),
        ("invented", 600, "invented is not in docs/redis.md"),
    ],
)
def test_a_key_without_end_or_owner_is_seen(key: str, ttl: int, complaint: str | None) -> None:
    assert KeyRules.of_the_documentation().complaint(key, ttl, open_alerts=frozenset({"a1"})) == complaint
