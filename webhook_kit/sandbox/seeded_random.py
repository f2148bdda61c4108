"""Everything random of a sandbox, from one seed: ids, tokens, chances.

Each purpose has a sequence of its own, so that what one thread draws does not depend on what another drew meanwhile.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from uuid import UUID

__all__ = ["SeededRandom"]


class SeededRandom:
    """A seed, and how far each sequence is drawn.

    :param seed: the same seed and the same draws give the same results.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._drawn: dict[str, int] = {}

    def uuid(self, purpose: str) -> str:
        """The next id: a canonical UUID v4 by its form."""
        return str(UUID(bytes=self._next(purpose)[:16], version=4))

    def hex(self, purpose: str, length: int) -> str:
        """The next text of so many hex digits, at most 64."""
        return self._next(purpose).hex()[:length]

    def fraction(self, purpose: str) -> float:
        """The next number in [0, 1)."""
        return int.from_bytes(self._next(purpose)[:6], "big") / 2**48

    def fixed(self, purpose: str) -> bytes:
        """32 bytes that depend on the seed and the purpose alone."""
        return hashlib.sha256(f"{self.seed}\n{purpose}".encode()).digest()

    def drawn(self) -> dict[str, int]:
        """How far each sequence is."""
        with self._lock:
            return dict(self._drawn)

    def restore(self, seed: str, drawn: Mapping[str, int]) -> None:
        """Go on where another one stood."""
        with self._lock:
            self.seed = seed
            self._drawn = dict(drawn)

    def _next(self, purpose: str) -> bytes:
        with self._lock:
            number = self._drawn[purpose] = self._drawn.get(purpose, 0) + 1
        return self.fixed(f"{purpose}\n{number}")
