"""End of a process that may still have threads of a vendor's code."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from webhook_kit import logs

__all__ = ["end_process"]

_PATIENCE = 5.0
"""Seconds that the registered exit functions may take."""


def end_process(status: int) -> NoReturn:
    """End this process now, and wait for no thread.

    An orderly exit of the interpreter waits for ordinary threads, and a daemon thread that returns from a C extension during it
    aborts the process. Whatever matters has been done by now: exit functions are called, and everything buffered is written.
    """
    exit_functions = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # noqa: SLF001 - no public name
    exit_functions.start()
    exit_functions.join(_PATIENCE)
    logs.flush()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # a closed pipe, a closed stream, no stream
            stream.flush()
    os._exit(status)
