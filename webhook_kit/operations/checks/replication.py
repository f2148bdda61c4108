"""Checks of what survives the loss of the primary: its sentinels, and its replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import redis

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.operations.redis_health import read_redis_if_allowed
from webhook_kit.storage.connection import sentinels_of
from webhook_kit.storage.sentinels import SentinelView

__all__ = ["check_replicas", "check_sentinels"]

_FEWEST = 3
"""Sentinels with which one may be lost, and the rest still agrees."""


def check_sentinels(kit: Kit) -> Iterator[CheckFinding]:
    """Yield the primary, and what would prevent a fail-over; nothing without sentinels."""
    sentinels = sentinels_of(kit.redis)
    if sentinels is None:
        return
    views = sentinels.views()
    knowing = [view for view in views if view.state]
    if not knowing:
        return  # then Redis cannot be used, which is an error of its own
    primaries = sorted({view.primary for view in knowing})
    watching = max(view.others for view in knowing) + 1
    replicas = max(view.replicas for view in knowing)
    what = f"the primary {sentinels.primary} is {primaries[0]}; sentinels: {watching}, replicas: {replicas}"
    yield CheckFinding(CheckSeverity.INFO, "redis_primary", "REDIS_URL", what)
    yield from _silent(views)
    if len(primaries) > 1:
        yield _warning(
            f"the sentinels name different primaries: {', '.join(primaries)}",
            "wait for a fail-over to end; if they go on, look at the log of the sentinels",
        )
    yield from _agreement(knowing, watching)
    if not replicas:
        yield _warning("the primary has no replica that could replace it", "start a replica (replicaof)")


def _silent(views: Sequence[SentinelView]) -> Iterator[CheckFinding]:
    if failed := [f"{view.sentinel} ({view.failure})" for view in views if view.failure]:
        yield _warning(f"sentinels that do not answer: {', '.join(failed)}", "start them, or correct their addresses")
    if unknowing := [view.sentinel for view in views if not view.failure and not view.state]:
        yield _warning(
            f"sentinels that do not know the primary: {', '.join(unknowing)}", "let them monitor it, or leave them out"
        )


def _agreement(knowing: Sequence[SentinelView], watching: int) -> Iterator[CheckFinding]:
    if watching < _FEWEST:
        yield _warning(
            f"the number of sentinels is {watching}; when one is lost with the primary, no fail-over is made",
            f"run at least {_FEWEST}, on hosts of their own",
        )
    if failures := sorted({view.quorum for view in knowing if view.quorum}):
        yield _warning(
            f"the sentinels could not make a fail-over now: {'; '.join(failures)}", "start those that are down"
        )


def check_replicas(kit: Kit) -> Iterator[CheckFinding]:
    """Yield that fewer replicas are connected than each order needs."""
    needed = kit.settings.redis_wait_replicas
    if not needed:
        return
    try:
        state = read_redis_if_allowed(kit.redis)
    except redis.RedisError:
        return  # it was just there
    if state is not None and state.replicas < needed:
        yield CheckFinding(
            CheckSeverity.WARNING,
            "redis_replicas",
            "REDIS_WAIT_REPLICAS",
            f"Redis has {state.replicas} replicas and each order needs {needed}; until there are more, orders are answered 503",
            "start the replicas, or lower it",
        )


def _warning(what: str, advice: str) -> CheckFinding:
    return CheckFinding(CheckSeverity.WARNING, "redis_sentinels", "REDIS_URL", what, advice)
