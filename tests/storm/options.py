"""Options of a storm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["GETT_OPTIONS", "KIT_SETTINGS", "StormOptions"]

KIT_SETTINGS = {
    "POS_DEADLINE": "8",
    "WEBHOOK_DEADLINE": "12",
    "POS_ABANDON_AFTER": "60",
    "RECONCILE_EVERY": "60",
    "HEALTH_CHECK_INTERVAL": "40",
    "COMPARE_STATUS_EVERY": "60",
    "CATALOG_REFRESH": "60",
    "PUBLISH_DEBOUNCE": "2",
    "REDIS_TIMEOUT": "3",
    "REDIS_MAX_CONNECTIONS": "16",  # a stopped process makes many threads wait at once
    "GETT_CONNECT_TIMEOUT": "3",
    "GETT_READ_TIMEOUT": "5",
    "GETT_WRITES_PER_MINUTE": "0",  # the storm's rate is above Gett's quota
    "POS_BREAKER_SECONDS": "5",
    "LOG_FORMAT": "json",
}
"""Settings of every process: shorter intervals, so that minutes show what otherwise takes hours."""

GETT_OPTIONS = {
    "writesPerMinute": 0,
    "readsPerMinute": 0,
    "discoveriesPerMinute": 0,
    "answerTimeout": 15,
    # Gett's schedule begins with 30 s, 2 min, 10 min, 1 h.
    "retryDelays": [3, 6, 12, 20, *[30] * 100],
    "retryJitter": 0.2,
}
"""Options of the sandbox. Its retries are faster than Gett's, so that every order comes to its end."""


@dataclass(frozen=True, slots=True)
class StormOptions:
    """Options of a storm.

    :ivar seconds: duration of the faults.
    :ivar rate: orders a second between bursts.
    :ivar burst: orders of one burst.
    :ivar patience: orders that wait for Gett's answer, above which no customer begins another.
    :ivar sentinels: run Redis with sentinels and replicas.
    :ivar kinds: only these faults; all when empty.
    :ivar calm: seconds after the last fault, within which nothing more happens, after which what is not at rest never will be.
    """

    seed: int
    seconds: float
    directory: Path
    stores: int = 200
    rate: float = 5.0
    burst: int = 40
    patience: int = 80
    web: int = 3
    push: int = 2
    sync: int = 2
    sentinels: bool = False
    kinds: tuple[str, ...] = ()
    calm: float = 300.0
