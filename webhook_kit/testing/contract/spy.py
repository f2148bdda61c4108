"""Observation of an adapter while the kit calls it: its calls, its exceptions, and everything logged or printed."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self
from unittest.mock import patch

import requests
import structlog

from webhook_kit.adapter import NotPlaced, PosAdapter
from webhook_kit.pos.session import PosSession
from webhook_kit.testing.lossy_proxy import Loss

__all__ = ["AdapterSpy", "SpiedCall", "captured_output", "exception_text", "lose_session_requests"]

_METHODS = (
    *("fetch_catalog", "place_order", "find_order", "quote"),
    *("orders_since", "store_status", "parse_event", "cancel_order"),
)


_STATUSES = {Loss.ERROR: (500, b'{"error": "internal error"}'), Loss.BAD_GATEWAY: (502, b"<h1>Bad Gateway</h1>")}


@dataclass(frozen=True)
class SpiedCall:
    """A completed call of an adapter's method."""

    method: str
    result: Any = None
    error: BaseException | None = None


class AdapterSpy:
    """Records the calls of an adapter class, and can lose a reply between the adapter and the kit.

    A context manager. Within it the methods of the class are wrapped.
    """

    def __init__(self, adapter: type[PosAdapter]) -> None:
        self._adapter = adapter
        self._patches = ExitStack()
        self._lock = threading.Lock()
        self._loss: Loss | None = None
        self._block_over = threading.Event()
        self.calls: list[SpiedCall] = []
        """Calls in the order in which they ended."""
        self.triggered = threading.Event()
        """Set when a loss was applied."""

    def __enter__(self) -> Self:
        for name in _METHODS:
            if getattr(self._adapter, name) is not getattr(PosAdapter, name):
                wrapped = self._wrapped(name, getattr(self._adapter, name))
                self._patches.enter_context(patch.object(self._adapter, name, wrapped))
        return self

    def __exit__(self, *_exc: object) -> None:
        self._block_over.set()
        self._patches.close()

    def count(self, method: str) -> int:
        """Return the number of calls of a method."""
        return sum(call.method == method for call in self.calls)

    @contextmanager
    def lose_next(self, loss: Loss) -> Iterator[None]:
        """Apply a loss to the next ``place_order`` within the block, between the adapter and the kit."""
        self.triggered.clear()
        self._block_over.clear()
        self._loss = loss
        try:
            yield
        finally:
            self._loss = None
            self._block_over.set()

    def _wrapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = method(*args, **kwargs)
            except BaseException as error:
                self.calls.append(SpiedCall(name, error=error))
                raise
            self.calls.append(SpiedCall(name, result))
            return result

        def place(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                loss, self._loss = self._loss, None
            if loss is None:
                return call(*args, **kwargs)
            self.triggered.set()
            if loss is Loss.CONNECTION:
                raise NotPlaced("connection refused by the contract suite")
            if loss is Loss.REQUEST:
                raise requests.exceptions.ConnectionError("request lost by the contract suite")
            call(*args, **kwargs)
            if loss is Loss.TIMEOUT:
                self._block_over.wait()
                raise requests.exceptions.ReadTimeout("reply delayed by the contract suite")
            raise requests.exceptions.ConnectionError("reply lost by the contract suite")

        return place if name == "place_order" else call


@contextmanager
def lose_session_requests(loss: Loss, *, after: int = 0) -> Iterator[threading.Event]:
    """Apply a loss to every request of ``PosAdapter.http`` within the block, for a POS that is not behind the proxy.

    :param after: number of requests that pass before the first loss.
    :return: an event that is set when the loss was applied.
    """
    triggered, numbers, send = threading.Event(), itertools.count(1), PosSession.send

    def lossy_send(session: PosSession, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if next(numbers) <= after:
            return send(session, request, **kwargs)
        triggered.set()
        if loss is Loss.TIMEOUT:
            raise requests.exceptions.ReadTimeout("reply delayed by the contract suite")
        if loss not in _STATUSES:
            raise requests.exceptions.ConnectionError("request lost by the contract suite")
        response = requests.Response()
        response.status_code, response._content = _STATUSES[loss]  # noqa: SLF001 - there is no other way to set it
        response.request, response.url = request, request.url or ""
        return response

    with patch.object(PosSession, "send", lossy_send):
        yield triggered


class _LogCapture(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


class _PrintCapture(io.StringIO):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)


@contextmanager
def captured_output() -> Iterator[list[str]]:
    """Capture everything that is printed or logged, by the kit or through ``logging``, including tracebacks."""
    lines: list[str] = []

    def capture(_logger: Any, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        entry = structlog.processors.format_exc_info(_logger, level, {**event, "level": level})
        lines.append(json.dumps(entry, default=repr, ensure_ascii=False))
        raise structlog.DropEvent

    # Changed in place, because loggers that are already in use hold this list object.
    configuration = structlog.get_config()
    processors = configuration["processors"]
    processors_before = list(processors)
    processors[:] = [capture]
    # Every level, because a vendor's process may have set another one for its own run.
    everything = structlog.make_filtering_bound_logger(logging.DEBUG)
    structlog.configure(processors=processors, wrapper_class=everything, cache_logger_on_first_use=False)
    root, handler = logging.getLogger(), _LogCapture(lines)
    # The debug output of the HTTP library is never enabled in production.
    levels = {root: logging.DEBUG, logging.getLogger("urllib3"): logging.INFO}
    levels_before = {logger: logger.level for logger in levels}
    root.addHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)
    stream = _PrintCapture(lines)
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield lines
    finally:
        for logger, level in levels_before.items():
            logger.setLevel(level)
        root.removeHandler(handler)
        processors[:] = processors_before
        structlog.configure(**{**configuration, "processors": processors})


def exception_text(error: BaseException) -> str:
    """Return everything that an exception shows when it is printed, including its causes."""
    return "".join(traceback.format_exception(error)) + repr(error)
