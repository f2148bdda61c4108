"""Single keys from a terminal, while everything else goes on."""

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
    """The keys that are pressed, without waiting for Return. What is printed meanwhile looks as usual."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Keyboard]:
        """The keyboard of this terminal, which is as it was afterwards."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor)  # Ctrl-C still interrupts
            yield cls(descriptor)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def key(self, patience: float) -> str:
        """The next key; empty when none is pressed within so many seconds.

        :raises EOFError: when the terminal is gone.
        """
        ready, _, _ = select.select([self._descriptor], [], [], patience)
        if not ready:
            return ""
        pressed = os.read(self._descriptor, 1)
        if not pressed:
            raise EOFError
        return pressed.decode(errors="replace")
