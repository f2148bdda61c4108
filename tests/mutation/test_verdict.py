"""Verdicts are kept while they hold, and compared with the listed survivors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.verdict import Results, Verdict, complaints, known_survivors, summary

MUTANTS = mutants_of("webhook_kit/catalog/cents.py")[:3]


def kept(path: Path, tests: str, *verdicts: Verdict) -> Results:
    results = Results(path, tests)
    for mutant, verdict in zip(MUTANTS, verdicts, strict=False):
        results.add(mutant, verdict, "", 0.1)
    return Results(path, tests)


def changed(mutant: Mutant) -> Mutant:
    return replace(mutant, digest="other")


def test_killed_mutant_is_not_run_again_until_its_code_changes(tmp_path: Path) -> None:
    results = kept(tmp_path / "results", "tests", Verdict.KILLED)
    assert results.holds(MUTANTS[0])
    assert not results.holds(changed(MUTANTS[0]))
    assert not results.holds(MUTANTS[1])
    assert Results(tmp_path / "results", "other tests").holds(MUTANTS[0])


def test_survivor_is_run_again_when_tests_have_changed(tmp_path: Path) -> None:
    assert kept(tmp_path / "results", "tests", Verdict.SURVIVED).holds(MUTANTS[0])
    assert not Results(tmp_path / "results", "other tests").holds(MUTANTS[0])


def test_survivor_without_a_reason_is_wrong_and_a_killed_one_that_is_listed_is_outdated(tmp_path: Path) -> None:
    results = kept(tmp_path / "results", "tests", Verdict.SURVIVED, Verdict.KILLED, Verdict.UNCOVERED)
    listed = {MUTANTS[1].name: "equivalent", MUTANTS[2].name: "equivalent"}
    wrong, outdated = complaints(MUTANTS, results, listed)
    assert wrong == [f"survived: {MUTANTS[0].name}"]
    assert outdated == [f"killed, but listed as a survivor: {MUTANTS[1].name}"]


def test_listed_survivor_that_is_no_mutant_any_more_is_outdated(tmp_path: Path) -> None:
    _, outdated = complaints(MUTANTS, kept(tmp_path / "results", "tests"), {f"{MUTANTS[0].path} gone": "equivalent"})
    assert outdated == [f"no mutant any more, but listed as a survivor: {MUTANTS[0].path} gone"]


def test_mutant_that_was_not_run_is_counted_as_unknown(tmp_path: Path) -> None:
    results = kept(tmp_path / "results", "tests", Verdict.TIMED_OUT)
    assert dict(summary(MUTANTS, results)) == {MUTANTS[0].path: {"timed_out": 1, "unknown": 2}}


@pytest.mark.parametrize(
    "text",
    [
        '[[survivors]]\nreason = " "\nmutants = ["m"]',
        '[[survivors]]\nreason = "equivalent"\nmutants = ["m", "m"]',
    ],
)
def test_reason_is_required_and_a_mutant_is_listed_once(text: str, tmp_path: Path) -> None:
    (tmp_path / "survivors.toml").write_text(text)
    with pytest.raises(ValueError, match=r"survivors\.toml: m is listed twice, or without a reason"):
        known_survivors(tmp_path / "survivors.toml")
