"""Hostile adapters: each is wrong in one way, and the contract suite has to find it. Mutation testing calls them mutants.

Each is the bogus adapter except for the difference in its docstring. ``breaks`` names the contract tests that it fails; it
passes all others.
"""

from __future__ import annotations

from tests.testing.contract.hostile import catalog, failures, placement, progress, refusals, safety, validation
from tests.testing.contract.hostile.base import HOSTILE_ADAPTERS

__all__ = [
    "HOSTILE_ADAPTERS",
    "catalog",
    "failures",
    "placement",
    "progress",
    "refusals",
    "safety",
    "validation",
]
