"""Logs: one JSON object per line.

The kit logs by allow-list: ids, codes, figures. Bodies, headers, payment and customer contact are never passed to a logger.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

__all__ = ["configure", "flush", "logger"]

_WRITE_INTERVAL = 0.1
"""Seconds for which ordinary lines are collected before they are written."""

_MAX_LINES = 10_000
"""Lines that wait to be written at most; the oldest ones are dropped first."""

_PATIENCE = 1.0
"""Seconds for which the writer of a warning waits for lines that are being written."""


def configure(level: str = "INFO", format: str = "json") -> None:
    """Set up structlog for this process.

    :param level: least severe level that is written, such as ``INFO``.
    :param format: ``json`` for platforms, ``console`` for people.
    """
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer()
    )
    writer = _Writer(sys.stderr)
    _writers[:] = [writer]
    structlog.configure(
        processors=[
            _never_raising(
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                renderer,
            )
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *name: _NamedLogger(writer, *name),
        cache_logger_on_first_use=True,
    )


def flush() -> None:
    """Write all lines that were collected."""
    for writer in _writers:
        writer.write_collected()


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a component; its lines carry the name as ``logger``."""
    named: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return named


def _never_raising(*processors: structlog.types.Processor) -> structlog.types.Processor:
    """Return a processor that applies all of these; a line that cannot be rendered becomes one that says so."""

    def render(logger: Any, method: str, event: structlog.types.EventDict) -> Any:
        name, rendered = str(event.get("event")), cast("Any", event)
        try:
            for processor in processors:
                rendered = processor(logger, method, rendered)
        except Exception as error:  # noqa: BLE001 - a field may be a vendor's object, whose methods may raise anything
            return json.dumps({"event": "log_line_not_rendered", "line": name, "error": type(error).__name__})
        return rendered

    return render


_writers: list[_Writer] = []
"""The writer of this process."""


class _Writer:
    """Writes lines in order; ordinary ones from a separate thread. It never raises: a full disk must not stop an order.

    Among the many threads of a web process every write, and even the notification of another thread, gives up the
    interpreter lock, and acquiring it again costs more than the line. So ordinary lines are collected for a tenth of a
    second. A warning or an error is written before the caller goes on, after all lines that were collected before it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self._lost = 0
        self._after_fork()
        os.register_at_fork(after_in_child=self._after_fork)
        atexit.register(self.write_collected)

    def _after_fork(self) -> None:
        """Begin without a thread, with free locks, and without the lines that the parent still writes."""
        self._lines.clear()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def write_soon(self, line: str) -> None:
        if self._thread is None or not self._thread.is_alive():  # not started, or this process was forked
            self._start()
        self._append(line)

    def write_now(self, line: str) -> None:
        self._append(line)
        self.write_collected()

    def write_collected(self) -> None:
        # A stream that nobody reads blocks the thread that writes to it; the others go on, and their lines wait.
        if not self._writing.acquire(timeout=_PATIENCE):
            return
        try:
            self._write()
        finally:
            self._writing.release()

    def _append(self, line: str) -> None:
        if len(self._lines) == _MAX_LINES:
            self._lost += 1
        self._lines.append(line)

    def _start(self) -> None:
        with self._starting, suppress(RuntimeError):  # no thread can be started while the process ends
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(_WRITE_INTERVAL)
            self.write_collected()

    def _write(self) -> None:
        lines: list[str] = []
        with suppress(IndexError):  # the deque drops lines by itself when it is full
            while len(lines) < _MAX_LINES:
                lines.append(self._lines.popleft())
        if not lines:
            return
        lost, self._lost = self._lost, 0
        if lost:
            # The stream may have taken half of a line before it failed.
            lines.insert(0, "\n" + json.dumps({"event": "log_lines_lost", "level": "error", "lines": lost}))
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001 - a full disk, a closed stream; there is nowhere to report it
            self._lost += lost + len(lines) - bool(lost)


class _NamedLogger:
    """Interface that structlog expects of a logger: a name, and one method per level."""

    def __init__(self, writer: _Writer, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.msg = self.log = writer.write_soon
        self.warning = self.warn = self.error = self.exception = writer.write_now
        self.critical = self.fatal = self.failure = writer.write_now
