"""Adapters that are wrong on purpose, each in one way: the contract suite has to find every one of them.

Each is the bogus adapter but for what its docstring says. ``breaks`` names the tests of the contract that it fails; all others
it passes.
"""

from __future__ import annotations

from tests.testing.contract.hostile import afterwards, ordering
from tests.testing.contract.hostile.base import HOSTILE

__all__ = ["HOSTILE", "afterwards", "ordering"]
