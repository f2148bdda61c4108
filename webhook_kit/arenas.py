"""Number of the heaps among which the C library spreads the memory of threads."""

from __future__ import annotations

import ctypes

__all__ = ["limit_arenas"]

_M_ARENA_MAX = -8
"""Parameter of glibc's ``mallopt``, as ``malloc.h`` numbers it."""

_ARENAS = 2


def limit_arenas() -> None:
    """Let all threads share two heaps, where the C library is glibc.

    By default there are up to eight for each core, and each keeps what its threads have freed: a worker that fetches catalogs in
    ever new threads grows by 10 to 20 MB within an hour. More heaps would bring nothing, because one thread at a time runs Python.
    The environment's ``MALLOC_ARENA_MAX`` does the same, but is read before the program starts.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
