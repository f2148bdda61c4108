"""Time limit of a test. It does not count the time for which the test has waited for a CPU that others use."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

__all__ = ["limit_time"]

_GRAIN = 0.5
"""Seconds of waiting for which the limit is moved at least."""


def limit_time(seconds: float, servers: Sequence[int] = ()) -> None:
    """End this process by SIGALRM after so many seconds, unless this is called again before.

    :param servers: ids of processes for which this one waits.
    """
    processes = [os.getpid(), *servers]
    counted = _seconds_without_cpu(processes)

    def end(*_: object) -> None:
        nonlocal counted
        waited = _seconds_without_cpu(processes) - counted
        if waited > _GRAIN:
            counted += waited
            signal.setitimer(signal.ITIMER_REAL, waited)
            return
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGALRM)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _seconds_without_cpu(processes: Sequence[int]) -> float:
    """Return how long threads that could run had no CPU, by Linux; 0 where it does not tell."""
    nanoseconds = 0
    for process in processes:
        for path in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                nanoseconds += int(path.read_text().split()[1])
            except (OSError, IndexError):  # the thread has ended
                continue
    return nanoseconds / 1e9
