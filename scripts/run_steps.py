"""Runs steps of the Makefile one after the other, each to its end, and tells at the end how each went.

``python scripts/run_steps.py lint types test-kit``; ends with 1 when a step failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """Result of a step."""

    step: str
    status: int
    seconds: float

    def __str__(self) -> str:
        result = "passed" if self.status == 0 else f"FAILED ({self.status})"
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{self.step:24} {result:14} {minutes:3d}:{seconds:02d}"


def run(step: str) -> Ended:
    """Run a step with its output where ours goes."""
    print(f"\n== {step}", flush=True)
    started = time.monotonic()
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", step]
    done = subprocess.run(command, check=False)  # noqa: S603 - a target of our own Makefile
    return Ended(step, done.returncode, time.monotonic() - started)


def main(steps: Sequence[str]) -> int:
    """Run them all.

    :return: the exit status: 0 when every step passed, 130 after Ctrl-C, else 1.
    """
    ended: list[Ended] = []
    try:
        for step in steps:
            ended.append(run(step))  # noqa: PERF401 - what has ended is told after Ctrl-C, too
    except KeyboardInterrupt:
        return 130
    finally:
        total = Ended("", int(any(one.status for one in ended)), sum(one.seconds for one in ended))
        print("\n" + "\n".join(map(str, [*ended, total])), flush=True)
    return total.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
