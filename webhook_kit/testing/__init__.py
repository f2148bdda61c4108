"""What adapter authors and scenario tests work with: a bogus POS, signed webhooks, real processes, a real Redis.

Import the module you need; the package itself imports nothing, so that a test run pays only for what it uses.
"""

from __future__ import annotations

__all__: list[str] = []
