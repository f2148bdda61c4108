"""End of a process: with threads of a vendor's code, and with its parent."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from webhook_kit import logs

__all__ = ["end_on_sigterm", "end_process", "end_with_parent"]

_PATIENCE = 5.0
"""Seconds that the registered exit functions may take."""


_POLL_INTERVAL = 1.0
"""Seconds between two checks of the parent."""


def end_on_sigterm() -> None:
    """Let SIGTERM end this process in order until something else handles it: while it starts, or waits for Redis.

    Without a handler, a process ends with the status of a signal; and one that is the first of a container ignores the signal,
    and is killed after its grace period.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def end_with_parent(parent: int) -> None:
    """Send SIGTERM to this process when its parent has ended without stopping it, as after SIGKILL.

    Nobody would stop or replace this process any more: it would keep its port, and work on with old code.

    :param parent: process id of the parent, which it knows of itself; the parent can have ended already.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_INTERVAL)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


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
