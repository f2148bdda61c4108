"""Keys of a terminal."""

from __future__ import annotations

import os
import pty
import sys

import pytest

from webhook_kit.dev.keyboard import Keyboard
from webhook_kit.testing.processes import PATIENCE


def test_key_that_was_pressed_before_anybody_listened_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    person, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(person, b"r")
        with Keyboard.listening() as keyboard:
            assert keyboard.key(PATIENCE) == "r"
            os.write(person, b"o")
            assert keyboard.key(PATIENCE) == "o"
    os.close(person)
