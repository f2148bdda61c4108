"""Gett's quota of writes per minute, shared by every process of the organisation (``gett-protocol.md §5``).

The quota is an exact sliding window: the moments of the last sends are in Redis, and no window ever holds more of them than the
quota allows. While updates wait, sending is paced evenly instead of in bursts. A small reserve is kept for urgent updates, so that
a cancellation does not wait for the next window. The figures in Gett's headers correct the window, because other systems of the
organisation may use the same quota. ``sending.lua`` implements it.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhook_kit.storage.messagepack import Packable

__all__ = ["Quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """Limit of sends per window of time.

    :ivar limit: writes per window; 0 switches the quota off.
    """

    limit: int
    window_ms: int = 60_000

    @property
    def reserve(self) -> int:
        """Writes per window that only urgent updates may use."""
        return max(1, self.limit * 3 // 100) if self.limit > 1 else 0

    @property
    def burst(self) -> int:
        """Sends that may go at once before pacing begins."""
        return max(1, self.limit // 10)

    @property
    def script_argument(self) -> dict[str, Packable]:
        """Argument ``quota`` of the outbox's scripts."""
        return {"limit": self.limit, "window": self.window_ms, "reserve": self.reserve, "burst": self.burst}
