"""Exploration of a family of schedules on a Redis of its own."""

from __future__ import annotations

import logging

import structlog

from tests.simulation.installation import SimulatedInstallation
from tests.simulation.schedules import Family, Judgement, OutboxFamily
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["explore"]


def explore(family: Family | OutboxFamily) -> tuple[str, str, int, list[Judgement]]:
    """Return kind and name of a family, the number of its runs, and those that contradict a promise."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with (
        RedisServer(options={"appendonly": "no"}) as server,
        SimulatedInstallation.start(server.url) as installation,
    ):
        judged = list(family.explore(installation))
    return family.kind, ", ".join(family), len(judged), [one for one in judged if one[1]]
