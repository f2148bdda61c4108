"""The project's own style check finds each kind of violation, and nothing in the project."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
violations: Callable[[tuple[str, ...], Path], Iterator[str]] = runpy.run_path(str(ROOT / "scripts" / "check_style.py"))[
    "violations"
]

DOCSTRING = 'def f() -> None:\n    """{} it does."""\n'
ATTRIBUTE = 'LIMIT = 3\n"""How many there may be."""\n'
LOG = 'log.warning("{}", store=1)\n'


def check(root: Path, **files: str) -> list[str]:
    package = root / "webhook_kit"
    package.mkdir()
    for name, source in files.items():
        (package / f"{name}.py").write_text(source)
    return list(violations(("webhook_kit",), root))


@pytest.mark.parametrize("word", ["What", "Whether", "How", "Who", "Whose", "Where", "When", "Which", "why"])
def test_a_docstring_that_opens_with_a_question_word_is_a_violation(word: str, tmp_path: Path) -> None:
    (violation,) = check(tmp_path, a=DOCSTRING.format(word))
    assert violation.startswith("webhook_kit/a.py:2: docstring opens with a question word")


def test_the_docstring_of_an_attribute_counts_too(tmp_path: Path) -> None:
    (violation,) = check(tmp_path, a=ATTRIBUTE)
    assert violation.startswith("webhook_kit/a.py:2: docstring")


@pytest.mark.parametrize("event", ["order placed", "OrderPlaced", "order-placed", ""])
def test_a_log_event_that_is_not_snake_case_is_a_violation(event: str, tmp_path: Path) -> None:
    (violation,) = check(tmp_path, a=LOG.format(event))
    assert "log event is not snake_case" in violation


def test_two_classes_of_one_name_are_a_violation(tmp_path: Path) -> None:
    (violation,) = check(tmp_path, a="class Answer: ...\n", b="class Answer: ...\n")
    assert violation == "webhook_kit/b.py:1: class Answer exists also in webhook_kit/a.py:1"


def test_plain_prose_is_no_violation(tmp_path: Path) -> None:
    source = DOCSTRING.format("Return what") + LOG.format("order_placed") + "class Answer: ...\n"
    assert check(tmp_path, a=source) == []


def test_the_project_keeps_its_own_rules() -> None:
    assert list(violations(("webhook_kit", "adapters", "examples", "scripts", "benchmarks", "tests"), ROOT)) == []
