"""Run the whole simulation, and print its figures: ``python -m tests.simulation``."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from multiprocessing import get_context

from tests.simulation.explore import explore
from tests.simulation.schedules import families


def main() -> int:
    """Run every family. Return 1 if a promise was broken."""
    started, runs, broken = time.monotonic(), Counter[str](), 0
    wanted = sys.argv[1:]
    chosen = [family for family in families() if not wanted or family.kind in wanted]
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for kind, name, number, violations in pool.imap_unordered(explore, chosen):
            runs[kind] += number
            broken += len(violations)
            print(f"{name}: {number} runs", flush=True)
            for schedule, complaints in violations:
                print(f"  {schedule}: {'; '.join(complaints)}", flush=True)
    for kind, number in runs.items():
        print(f"{number:>8,} runs: {kind}")
    print(f"{runs.total():>8,} runs in {time.monotonic() - started:.0f} s; {broken} contradict the protocol")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
