"""Every parser of outside text that is fuzzed, by name."""

from __future__ import annotations

from tests.fuzz.oracle import Target
from tests.fuzz.surroundings import Surroundings
from tests.fuzz.targets import catalogs, configuration, console, gett_answers, pos_events, records, webhooks

__all__ = ["NAMES", "all_targets"]

_MODULES = (webhooks, pos_events, catalogs, gett_answers, configuration, records, console)

NAMES = tuple(name for module in _MODULES for name in module.NAMES)


def all_targets(surroundings: Surroundings) -> dict[str, Target]:
    """Return the targets, in the order of :data:`NAMES`."""
    return {target.name: target for module in _MODULES for target in module.targets(surroundings)}
