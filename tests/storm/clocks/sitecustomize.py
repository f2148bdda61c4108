"""Loaded by the processes of a storm whose clock libfaketime changes: it lets ``time.sleep`` work.

Python sleeps until a moment of the monotonic clock, which libfaketime must not change (the waits of granian rely on it); but it
changes that moment all the same, and the system refuses it. A wait for no file has a duration instead.
"""

import select
import time
from typing import SupportsIndex


def _sleep(duration: float | SupportsIndex, /) -> None:
    seconds = float(duration)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    end = time.monotonic() + seconds
    select.select([], [], [], seconds)
    while (left := end - time.monotonic()) > 0:
        select.select([], [], [], left)


time.sleep = _sleep
