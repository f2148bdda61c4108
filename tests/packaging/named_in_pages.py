"""Tables of pages whose rows name modules and the tests that show a statement."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "missing_names", "rows_with_tests"]

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows_with_tests(page: str) -> list[tuple[str, ...]]:
    """Return the rows of the tables of a page whose last column is "shown by"."""
    rows, of_tests = [], False
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("| "):
            of_tests = of_tests and line.startswith("|")
        elif line.endswith("| shown by |"):
            of_tests = True
        elif of_tests:
            rows.append(tuple(line[2:-2].split(" | ")))
    return rows


def missing_names(row: tuple[str, ...]) -> list[str]:
    """Return the modules and tests of a row that do not exist."""
    *_, modules, tests = row
    named = _TEST.findall(tests)
    missing = [module for module in re.findall(r"`([^`]+)`", modules) if not (ROOT / "webhook_kit" / module).exists()]
    missing += [f"{file}::{test}" for file, test in named if test not in _functions(file)]
    return missing if named else [*missing, "any test"]


@cache
def _functions(file: str) -> set[str]:
    path = ROOT / "tests" / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return set(re.findall(r"^(?: {4})?def (test_\w+)", text, re.MULTILINE))
