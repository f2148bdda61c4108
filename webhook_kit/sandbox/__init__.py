"""The sandbox: a local Gett, with the Commerce Partner API, the consumer side of the network, and webhooks to partners.

It plays the other side of the protocol, so it shares Gett's models and the catalog rules with the kit, and nothing else.
"""

from __future__ import annotations

__all__: list[str] = []
