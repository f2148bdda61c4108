"""Checks of the workers and of clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import redis

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.storage.clock import TOLERANCE, clock_difference, gett_difference, redis_time

__all__ = ["check_clocks", "check_workers"]


def check_clocks(kit: Kit) -> Iterator[CheckFinding]:
    """Yield the clocks that differ. This is not a mistake of the configuration, and web processes may run on other hosts."""
    try:
        difference, behind = time.time() - redis_time(kit.redis), gett_difference(kit.redis, kit.keys)
    except redis.RedisError:  # reported by the other checks
        return
    if abs(difference) > TOLERANCE:
        yield CheckFinding(
            CheckSeverity.WARNING,
            "clock",
            "",
            clock_difference(difference, "Redis"),
            "correct it: webhooks that are more than 300 s from it are refused",
        )
    if behind is not None:
        what = clock_difference(behind, "Gett", "a worker")
        yield CheckFinding(CheckSeverity.WARNING, "clock", "", what, "correct it")


def check_workers(kit: Kit) -> Iterator[CheckFinding]:
    """Yield the last sign of life of each kind of worker. In a release phase they are not running yet."""
    try:
        signs = kit.worker_life.last_signs()
    except redis.RedisError:
        return
    for sign in signs.values():
        needed = (sign.missing and sign.age is not None) or sign.hanging
        severity = CheckSeverity.WARNING if needed else CheckSeverity.INFO
        what, _, advice = str(sign).partition("; ")
        yield CheckFinding(severity, f"{sign.kind}_worker", "", what, advice)
