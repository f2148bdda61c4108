"""A small Gett on this machine: the commerce API that partners call, and the consumer side that calls partners.

It plays the other side of the protocol, so it shares Gett's language with the kit and nothing else.
"""

from __future__ import annotations

__all__: list[str] = []
