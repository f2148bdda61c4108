"""Examples of the tests that use hypothesis: few of them, and the same in each run."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.stateful
import pytest

__all__ = ["limit_examples"]

_MAX_EXAMPLES = 10  # a mutant that needs more is rather noticed by a test of its own
_RUN_STATE_MACHINE = "run_state_machine_as_test"


def limit_examples(item: pytest.Item) -> None:
    """Let a test run few examples, and neither shrink nor store what fails; the same for each state machine of its module."""
    function = getattr(item, "function", None)
    settings = getattr(function, "_hypothesis_internal_use_settings", None)
    if settings is not None:
        function._hypothesis_internal_use_settings = _limited(settings)  # type: ignore[union-attr]
    module = getattr(item, "module", None)
    if getattr(module, _RUN_STATE_MACHINE, None) is hypothesis.stateful.run_state_machine_as_test:
        setattr(module, _RUN_STATE_MACHINE, _run_state_machine)


def _run_state_machine(machine: Any, *, settings: hypothesis.settings) -> None:
    hypothesis.stateful.run_state_machine_as_test(machine, settings=_limited(settings))


def _limited(settings: hypothesis.settings) -> hypothesis.settings:
    return hypothesis.settings(
        settings,
        max_examples=min(settings.max_examples, _MAX_EXAMPLES),
        database=None,
        report_multiple_bugs=False,
        derandomize=True,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
