"""Exploration of a family of schedules on a Redis of its own."""

from __future__ import annotations

import logging

import structlog

from tests.simulation.installation import SimulatedInstallation
from tests.simulation.oracle import judge
from tests.simulation.placement import PlacementRun, Schedule, run_placement
from tests.simulation.schedules import Family
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["explore"]

Violation = tuple[str, list[str]]


def explore(family: Family) -> tuple[Family, int, list[Violation]]:
    """Run a family on a Redis of its own. Return the number of runs, and each schedule with what it contradicts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    runs, violations = 0, []
    with (
        RedisServer(options={"appendonly": "no"}) as server,
        SimulatedInstallation.start(server.url) as installation,
    ):

        def run(schedule: Schedule) -> PlacementRun:
            return run_placement(installation, schedule)

        for seen in family.explore(run):
            runs += 1
            if complaints := judge(seen):
                violations.append((str(seen.schedule), complaints))
    return family, runs, violations
