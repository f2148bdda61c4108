"""Tools for tests of adapters and of the kit: the contract suite, a fake POS, signed webhooks, processes, Redis.

Import the module that you need. The package itself imports nothing, so that tests load only the tools that they use.
"""

from __future__ import annotations

__all__: list[str] = []
