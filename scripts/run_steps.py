"""Run steps of the Makefile one after the other, each to its end, and print a summary.

``python scripts/run_steps.py lint types test-kit`` exits with 1 when a step failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StepResult:
    """Result of a step."""

    step: str
    status: int
    seconds: float

    def __str__(self) -> str:
        result = "passed" if self.status == 0 else f"FAILED ({self.status})"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{self.step:24} {result:14} {minutes:3d}:{seconds:02d}"


def run(step: str) -> StepResult:
    """Run a step; its output goes to standard output and standard error."""
    print(f"\n== {step}", flush=True)
    started = time.monotonic()
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", step]
    done = subprocess.run(command, check=False)  # noqa: S603 - a target of our own Makefile
    return StepResult(step, done.returncode, time.monotonic() - started)


def main(steps: Sequence[str]) -> int:
    """Run all steps.

    :return: the exit status: 0 when every step passed, 130 after Ctrl-C, else 1.
    """
    results: list[StepResult] = []
    try:
        for step in steps:
            results.append(run(step))  # noqa: PERF401 - the summary after Ctrl-C needs the results so far
    except KeyboardInterrupt:
        return 130
    finally:
        total = StepResult("", int(any(result.status for result in results)), sum(result.seconds for result in results))
        print("\n" + "\n".join(map(str, [*results, total])), flush=True)
    return total.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
