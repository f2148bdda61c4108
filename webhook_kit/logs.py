"""Logs: one JSON object per line.

The kit logs by allow-list: ids, codes, figures. Bodies, headers, payment and customer contact are never passed to a logger.
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

_WRITE_INTERVAL = 0.1
"""Seconds for which ordinary lines are collected before they are written."""


def configure(level: str = "INFO", format: str = "json") -> None:
    """Set up structlog for this process.

    :param level: least severe level that is written, such as ``INFO``.
    :param format: ``json`` for platforms, ``console`` for people.
    """
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer()
    )
    writer = _Writer(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *name: _NamedLogger(writer, *name),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a component; its lines carry the name as ``logger``."""
    named: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return named


class _Writer:
    """Writes lines in order; ordinary ones from a separate thread.

    Among the many threads of a web process every write, and even the notification of another thread, gives up the
    interpreter lock, and acquiring it again costs more than the line. So ordinary lines are collected for a tenth of a
    second. A warning or an error is written before the caller goes on, after all lines that were collected before it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._pid = 0
        atexit.register(self._write_collected)

    def write_soon(self, line: str) -> None:
        if self._pid != os.getpid():  # threads do not survive a fork
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="logs", daemon=True).start()
        self._lines.append(line)

    def write_now(self, line: str) -> None:
        self._lines.append(line)
        self._write_collected()

    def _run(self) -> None:
        while True:
            time.sleep(_WRITE_INTERVAL)
            self._write_collected()

    def _write_collected(self) -> None:
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()


class _NamedLogger:
    """Interface that structlog expects of a logger: a name, and one method per level."""

    def __init__(self, writer: _Writer, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.msg = self.log = writer.write_soon
        self.warning = self.warn = self.error = self.exception = writer.write_now
        self.critical = self.fatal = self.failure = writer.write_now
