"""Verdicts on mutants: kept in a file while they hold, summed up per module, and compared with the known survivors."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutation.mutants import Mutant

__all__ = ["Results", "Verdict", "complaints", "known_survivors", "summary"]


class Verdict(StrEnum):
    """Fate of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed_out"
    SURVIVED = "survived"
    UNCOVERED = "uncovered"
    """It survived, because no test executes it."""
    INVALID = "invalid"
    """It is not a program."""

    @property
    def survives(self) -> bool:
        return self in (Verdict.SURVIVED, Verdict.UNCOVERED)


@dataclass(frozen=True, slots=True)
class _Result:
    verdict: Verdict
    digest: str
    tests: str


class Results:
    """The verdicts so far, in a file to which each process appends.

    :param tests: digest of all tests: a survivor is run again after they have changed.
    """

    def __init__(self, path: Path, tests: str) -> None:
        self._path, self._tests = path, tests
        self._known: dict[str, _Result] = {}
        self.reload()

    def reload(self) -> None:
        """Read what all processes have appended."""
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                entry = json.loads(line)
                self._known[entry["mutant"]] = _Result(Verdict(entry["verdict"]), entry["digest"], entry["tests"])

    def add(self, mutant: Mutant, verdict: Verdict, killer: str, seconds: float) -> None:
        """Append a verdict."""
        entry = {
            "mutant": mutant.name,
            "verdict": verdict,
            "digest": mutant.digest,
            "tests": self._tests,
            "by": killer,
            "seconds": round(seconds, 2),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def of(self, mutant: Mutant) -> Verdict | None:
        """Return the verdict on a mutant; None if there is none, or its code has changed since."""
        result = self._known.get(mutant.name)
        return result.verdict if result and result.digest == mutant.digest else None

    def holds(self, mutant: Mutant) -> bool:
        """Return True if there is no need to run a mutant again."""
        verdict = self.of(mutant)
        return verdict is not None and (not verdict.survives or self._known[mutant.name].tests == self._tests)


def summary(mutants: Sequence[Mutant], results: Results) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each file with the number of its mutants per verdict; ``unknown`` are those that were not run."""
    counts: dict[str, Counter[str]] = {}
    for mutant in mutants:
        counts.setdefault(mutant.path, Counter())[results.of(mutant) or "unknown"] += 1
    yield from counts.items()


def known_survivors(path: Path) -> dict[str, str]:
    """Return the reason for which each listed mutant may survive.

    :raises ValueError: one has no reason, or is listed twice.
    """
    known: dict[str, str] = {}
    for entry in tomllib.loads(path.read_text())["survivors"]:
        for name in entry["mutants"]:
            if name in known or not entry["reason"].strip():
                raise ValueError(f"{path.name}: {name} is listed twice, or without a reason")
            known[name] = entry["reason"]
    return known


def complaints(mutants: Sequence[Mutant], results: Results, known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return what has to be mended, and what may be: survivors without a reason, and listed ones that do not survive.

    :param mutants: all mutants of some files.
    """
    wrong: list[str] = []
    paths, names = {mutant.path for mutant in mutants}, {mutant.name for mutant in mutants}
    gone = [name for name in known if name.split(" ")[0] in paths and name not in names]
    outdated = [f"no mutant any more, but listed as a survivor: {name}" for name in gone]
    for mutant in mutants:
        verdict = results.of(mutant)
        if verdict is None:
            continue
        if verdict.survives and mutant.name not in known:
            wrong.append(f"{verdict}: {mutant.name}")
        elif not verdict.survives and mutant.name in known:
            outdated.append(f"{verdict}, but listed as a survivor: {mutant.name}")
    return wrong, outdated
