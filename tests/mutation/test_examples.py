"""Tests that use hypothesis run few examples on a mutant."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.mutation.examples import limit_examples


def item(function: object, module: object) -> Any:
    return SimpleNamespace(function=function, module=module)


def test_property_runs_few_examples() -> None:
    seen: list[int] = []

    @settings(max_examples=50)
    @given(st.integers())
    def holds(number: int) -> None:
        seen.append(number)

    limit_examples(item(holds, None))
    holds()
    assert 0 < len(seen) <= 10


def test_state_machine_runs_few_examples() -> None:
    class Machine(RuleBasedStateMachine):
        runs = 0

        def __init__(self) -> None:
            super().__init__()
            Machine.runs += 1

        @rule(number=st.integers())
        def step(self, number: int) -> None:
            pass

    module: Any = ModuleType("test_machine")
    module.run_state_machine_as_test = run_state_machine_as_test
    limit_examples(item(None, module))
    module.run_state_machine_as_test(Machine, settings=settings(max_examples=50))
    assert 0 < Machine.runs <= 12  # hypothesis runs the machine for itself too
