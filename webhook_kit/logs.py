"""Logs: one JSON object per line, of the kit, of libraries that use :mod:`logging`, and of a vendor's code with either.

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
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import cached_property
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO, cast

from webhook_kit.printing import printable, without_secrets

if TYPE_CHECKING:
    import structlog

__all__ = ["ExceptionListener", "configure", "flush", "logger", "on_exception"]

_WRITE_INTERVAL = 0.1
"""Seconds for which ordinary lines are collected before they are written."""

_MAX_LINES = 10_000
"""Lines that wait to be written at most; the oldest ones are dropped first."""

_PATIENCE = 1.0
"""Seconds for which the caller of a warning waits until it is written."""


_LONGEST_NAME = 200
"""Characters that are kept of the text of a line that cannot be rendered."""


def configure(level: str = "INFO", format: str = "json") -> None:
    """Set up the logs of this process.

    :param level: least severe level that is written, such as ``INFO``.
    :param format: ``json`` for platforms, ``console`` for people.
    """
    writer = _Writer(getattr(sys.stderr, "unescaped", sys.stderr))
    _writers[:] = [writer]
    _waiting_setups[:] = [lambda: _configure_structlog(writer, level, format)]
    _configure_logging(writer, level, format)
    if "structlog" in sys.modules:
        import structlog  # noqa: F401 - another thread may be importing it

        _set_up_structlog()
    elif not any(isinstance(finder, _StructlogFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _StructlogFinder())


def _configure_structlog(writer: _Writer, level: str, format: str) -> None:
    import structlog

    structlog.configure(
        processors=[
            _never_raising(
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.processors.add_log_level,
                _pass_on_exception,
                *_last_processors(format),
            )
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=lambda *name: _NamedLogger(writer, *name),
        cache_logger_on_first_use=True,
    )


ExceptionListener = Callable[[BaseException, MutableMapping[str, Any]], object]
"""Function that gets the exception of a log line, and the line. It must not raise, and must return at once."""


def on_exception(listener: ExceptionListener | None) -> None:
    """Pass the exception of each line that is logged with one to this function; None: to none."""
    _listeners[:] = [] if listener is None else [listener]


def _last_processors(format: str) -> list[structlog.types.Processor]:
    """Return what each line goes through, of whichever logger it is."""
    import structlog

    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _make_safe,
        structlog.processors.JSONRenderer()
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=_is_terminal(sys.stderr)),
    ]


def _is_terminal(stream: TextIO) -> bool:
    """Return True if a person watches the stream: a file or a pipe, as that of honcho, gets no colours."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


class _StructlogFinder(MetaPathFinder):
    """Applies the configuration when structlog is imported, by the kit or by a vendor's code, whichever is first."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        if name != "structlog":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_set_up(module: ModuleType) -> None:
                execute(module)
                _set_up_structlog()

            spec.loader.exec_module = execute_and_set_up  # type: ignore[method-assign]
        return spec


# -- libraries, which use the logging of the standard library ----------------------------------------------------------


_QUIET_LIBRARIES = ("asyncio", "boto3", "botocore", "redis", "rq", "s3transfer", "sentry_sdk", "urllib3")
"""Loggers whose lines below WARNING are not written at any level: they would hold addresses, headers and bodies."""


def _configure_logging(writer: _Writer, level: str, format: str) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _StandardHandler)]:
        root.removeHandler(handler)
    root.addHandler(_StandardHandler(writer, format))
    root.setLevel(level)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _StandardHandler(logging.Handler):
    """Writes the lines of loggers of the standard library as the kit's own: the text is the event. It never raises."""

    def __init__(self, writer: _Writer, format: str) -> None:
        super().__init__()
        self._writer = writer
        self._format = format

    @cached_property
    def _render(self) -> structlog.types.Processor:
        return _never_raising(_record_as_event, _pass_on_exception, *_last_processors(self._format))

    def emit(self, record: logging.LogRecord) -> None:
        write = self._writer.write_soon if record.levelno < logging.WARNING else self._writer.write_now
        write(cast("str", self._render(None, "", {"event": record.msg, "record": record})))


def _record_as_event(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    record: logging.LogRecord = event["record"]
    line = {"event": record.getMessage(), "logger": record.name.lstrip("_"), "level": record.levelname.lower()}
    return line | ({"exc_info": record.exc_info} if record.exc_info else {})


# -- writing -----------------------------------------------------------------------------------------------------------


def flush() -> None:
    """Write all lines that were collected."""
    for writer in _writers:
        writer.write_collected()


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a component; its lines carry the name as ``logger``."""
    return cast("structlog.typing.FilteringBoundLogger", _Logger(name))


class _Logger:
    """Logger of a component. It imports structlog with its first line, because that takes longer than most commands."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _logger(self) -> Any:
        import structlog

        _set_up_structlog()
        return structlog.get_logger(self._name)

    def __getattr__(self, method: str) -> Any:
        return getattr(self._logger, method)


_waiting_setups: list[Callable[[], None]] = []
"""The configuration of structlog, until it is applied."""

_setting_up = threading.Lock()


def _set_up_structlog() -> None:
    with _setting_up:
        for set_up in _waiting_setups:
            set_up()
        _waiting_setups.clear()


_listeners: list[ExceptionListener] = []
"""The function that gets the exceptions of this process's log lines."""


def _pass_on_exception(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    error = event.get("exc_info")
    if _listeners and error:
        error = error if isinstance(error, BaseException) else error[1] if isinstance(error, tuple) else sys.exception()
        if error is not None:
            _listeners[0](error, event)
    return event


def _make_safe(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:  # noqa: ARG001
    """Escape what would control a terminal, and take credentials and signatures out of addresses."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = printable(without_secrets(value))
        elif isinstance(value, list | tuple):
            event[name] = [printable(without_secrets(one)) if isinstance(one, str) else one for one in value]
    return event


def _never_raising(*processors: structlog.types.Processor) -> structlog.types.Processor:
    """Return a processor that applies all of these; a line that cannot be rendered becomes one that says so."""

    def render(logger: Any, method: str, event: structlog.types.EventDict) -> Any:
        rendered, name = cast("Any", event), ""
        try:
            name = str(event.get("event"))
            for processor in processors:
                rendered = processor(logger, method, rendered)
        except Exception as error:  # noqa: BLE001 - a field may be a vendor's object, whose methods may raise anything
            return json.dumps(
                {"event": "log_line_not_rendered", "line": name[:_LONGEST_NAME], "error": type(error).__name__}
            )
        return rendered

    return render


_writers: list[_Writer] = []
"""The writer of this process."""


class _Writer:
    """Writes lines in order, in a thread of its own. It never raises: a full disk must not stop an order.

    Among the many threads of a web process every write, and even the notification of another thread, gives up the
    interpreter lock, and acquiring it again costs more than the line. So ordinary lines are collected for a tenth of a
    second. A warning or an error is written before the caller goes on, unless nobody reads the stream.
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
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._waiting: deque[threading.Event] = deque()
        self._writing_since: float | None = None
        self._thread: threading.Thread | None = None

    def write_soon(self, line: str) -> None:
        if len(self._lines) == _MAX_LINES:
            self._lost += 1
        self._lines.append(line)
        self._require_thread()

    def write_now(self, line: str) -> None:
        self.write_soon(line)
        self.write_collected()

    def write_collected(self) -> None:
        if not self._require_thread():  # the process is ending
            self._write()
            return
        since = self._writing_since
        if since is not None and time.monotonic() - since > _PATIENCE:  # nobody reads the stream
            return
        written = threading.Event()
        self._waiting.append(written)
        self._wake.set()
        written.wait(_PATIENCE)

    def _require_thread(self) -> bool:
        """Start the thread if it does not run, also after a fork. Return False if it cannot be started any more."""
        if self._thread is not None and self._thread.is_alive():
            return True
        with self._starting, suppress(RuntimeError):
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="logs", daemon=True)
                thread.start()
                self._thread = thread
            return True
        return False

    def _run(self) -> None:
        while True:
            self._wake.wait(_WRITE_INTERVAL)
            self._wake.clear()
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._write()
            for written in waiting:
                written.set()

    def _write(self) -> None:
        lines: list[str] = []
        with suppress(IndexError):  # the deque drops lines by itself when it is full
            while len(lines) < _MAX_LINES:
                lines.append(self._lines.popleft())
        if not lines:
            return
        lost, self._lost = self._lost, 0
        # The stream may have taken half of a line before it failed, so the report of it begins with the end of a line.
        report = [json.dumps({"event": "log_lines_lost", "level": "error", "lines": lost})] if lost else []
        self._writing_since = time.monotonic()
        try:
            self._stream.write("\n".join(["", *report, *lines] if lost else lines) + "\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001 - a full disk, a closed stream; there is nowhere to report it
            self._lost += lost + len(lines)
        finally:
            self._writing_since = None


class _NamedLogger:
    """Interface that structlog expects of a logger: a name, and one method per level."""

    def __init__(self, writer: _Writer, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.msg = self.log = writer.write_soon
        self.warning = self.warn = self.error = self.exception = writer.write_now
        self.critical = self.fatal = self.failure = writer.write_now
