"""Logs: one JSON object per line, and nothing in it that was not named by the caller.

The kit logs by allow-list: ids, codes, figures. Bodies, headers, payment and customer contact are never handed to a logger.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from typing import TextIO

import structlog

__all__ = ["configure", "logger"]


_WRITE_EVERY = 0.1


def configure(level: str = "INFO", format: str = "json") -> None:
    """Set up structlog for this process.

    :param format: ``json`` for platforms, ``console`` for people.
    """
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer()
    )
    writer = _Writer(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one room of the kit."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return bound


class _Writer:
    """Writes lines in order; ordinary ones from a thread of its own.

    Among the many threads of a web process every write, and even waking another thread, gives up the interpreter, and
    getting it back costs more than the line. So ordinary lines are collected for a tenth of a second. A warning or an error is written before the caller goes on, and whatever waits is written before it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._pid = 0
        atexit.register(self._write_waiting)

    def info(self, line: str) -> None:
        if self._pid != os.getpid():  # threads do not survive a fork
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="logs", daemon=True).start()
        self._lines.append(line)

    def error(self, line: str) -> None:
        self._lines.append(line)
        self._write_waiting()

    debug = msg = log = info
    warning = warn = critical = fatal = exception = failure = error

    def _run(self) -> None:
        while True:
            time.sleep(_WRITE_EVERY)
            self._write_waiting()

    def _write_waiting(self) -> None:
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
