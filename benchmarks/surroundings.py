"""Surroundings of a benchmark, which end its JSON line."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

__all__ = ["surroundings"]


def surroundings(started: float) -> dict[str, Any]:
    """Return the load average, the number of cores, the version of Python and the seconds that the benchmark took.

    :param started: monotonic time at which it began.
    """
    return {
        "load_average": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "seconds": round(time.monotonic() - started),
    }
