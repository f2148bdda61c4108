"""Random values of a sandbox, from one seed: ids, tokens, probabilities.

Each purpose has its own sequence, so that the values of one thread do not depend on what other threads draw meanwhile.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from uuid import UUID

__all__ = ["SeededRandom"]


class SeededRandom:
    """Reproducible random values: the same seed and the same draws give the same values. Thread-safe.

    :param seed: any text.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._drawn: dict[str, int] = {}

    def uuid(self, purpose: str) -> str:
        """Return the next id, in the form of a canonical UUID v4."""
        return str(UUID(bytes=self._next(purpose)[:16], version=4))

    def hex(self, purpose: str, length: int) -> str:
        """Return the next ``length`` hex digits, at most 64."""
        return self._next(purpose).hex()[:length]

    def fraction(self, purpose: str) -> float:
        """Return the next number in [0, 1)."""
        return int.from_bytes(self._next(purpose)[:6], "big") / 2**48

    def fixed(self, purpose: str) -> bytes:
        """Return 32 bytes that depend on the seed and the purpose alone."""
        return hashlib.sha256(f"{self.seed}\n{purpose}".encode()).digest()

    def drawn(self) -> dict[str, int]:
        """Return the number of values drawn for each purpose."""
        with self._lock:
            return dict(self._drawn)

    def restore(self, seed: str, drawn: Mapping[str, int]) -> None:
        """Continue from a saved position."""
        with self._lock:
            self.seed = seed
            self._drawn = dict(drawn)

    def _next(self, purpose: str) -> bytes:
        with self._lock:
            number = self._drawn[purpose] = self._drawn.get(purpose, 0) + 1
        return self.fixed(f"{purpose}\n{number}")
