"""Single key presses from a terminal."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Keyboard"]


class Keyboard:
    """Key presses, read without waiting for Return. Output to the terminal is not affected."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Keyboard]:
        """Return the keyboard of this terminal; the terminal's mode is restored at the end of the block."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor, termios.TCSANOW)  # keys that were pressed before stay; Ctrl-C still interrupts
            yield cls(descriptor)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def key(self, timeout: float) -> str:
        """Return the next key; empty if none is pressed within ``timeout`` seconds.

        :raises EOFError: when the terminal has been closed.
        """
        ready, _, _ = select.select([self._descriptor], [], [], timeout)
        if not ready:
            return ""
        pressed = os.read(self._descriptor, 1)
        if not pressed:
            raise EOFError
        return pressed.decode(errors="replace")
