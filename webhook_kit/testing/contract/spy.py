"""What the suite sees of an adapter while the kit drives it: every call, every failure, every word in the log."""

from __future__ import annotations

import contextlib
import io
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
from webhook_kit.testing.lossy_proxy import Loss

__all__ = ["AdapterSpy", "SpiedCall", "captured_output", "told"]

_METHODS = (
    *("fetch_catalog", "place_order", "find_order", "quote"),
    *("orders_since", "store_status", "parse_event", "cancel_order"),
)


@dataclass(frozen=True)
class SpiedCall:
    """One call of an adapter's method, after its end."""

    method: str
    result: Any = None
    failure: BaseException | None = None


class AdapterSpy:
    """Records the calls of an adapter class, and stands between it and the kit where a reply has to be lost.

    A context manager; while it lasts, the methods of the class are wrapped.
    """

    def __init__(self, adapter: type[PosAdapter]) -> None:
        self._adapter = adapter
        self._patches = ExitStack()
        self._lock = threading.Lock()
        self._loss: Loss | None = None
        self._until = threading.Event()
        self.calls: list[SpiedCall] = []
        """In the order in which they ended."""
        self.struck = threading.Event()
        """Set when something was lost."""

    def __enter__(self) -> Self:
        for name in _METHODS:
            if getattr(self._adapter, name) is not getattr(PosAdapter, name):
                wrapped = self._wrapped(name, getattr(self._adapter, name))
                self._patches.enter_context(patch.object(self._adapter, name, wrapped))
        return self

    def __exit__(self, *_exc: object) -> None:
        self._until.set()
        self._patches.close()

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(call.method == method for call in self.calls)

    @contextmanager
    def losing(self, loss: Loss) -> Iterator[None]:
        """Lose that of the next ``place_order``, between the adapter and the kit."""
        self.struck.clear()
        self._until.clear()
        self._loss = loss
        try:
            yield
        finally:
            self._loss = None
            self._until.set()

    def _wrapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            try:
                result = method(*args, **kwargs)
            except BaseException as failure:
                self.calls.append(SpiedCall(name, failure=failure))
                raise
            self.calls.append(SpiedCall(name, result))
            return result

        def placing(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                loss, self._loss = self._loss, None
            if loss is None:
                return called(*args, **kwargs)
            self.struck.set()
            if loss is Loss.CONNECTION:
                raise NotPlaced("connection refused, says the contract suite")
            if loss is Loss.REQUEST:
                raise requests.exceptions.ConnectionError("the request was lost, says the contract suite")
            called(*args, **kwargs)
            if loss is Loss.TIME:
                self._until.wait()
                raise requests.exceptions.ReadTimeout("the POS timed out, says the contract suite")
            raise requests.exceptions.ConnectionError("the reply was lost, says the contract suite")

        return placing if name == "place_order" else called


class _Heard(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


class _Printed(io.StringIO):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)


@contextmanager
def captured_output() -> Iterator[list[str]]:
    """Whatever is logged meanwhile, by the kit or through ``logging``, tracebacks included; and what is printed."""
    heard: list[str] = []

    def listen(_logger: Any, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        said = structlog.processors.format_exc_info(_logger, level, {**event, "level": level})
        heard.append(json.dumps(said, default=repr, ensure_ascii=False))
        raise structlog.DropEvent

    # In place, because loggers that are in use already hold this very list.
    processors = structlog.get_config()["processors"]
    before = list(processors)
    processors[:] = [listen]
    structlog.configure(processors=processors)
    root, handler = logging.getLogger(), _Heard(heard)
    # The HTTP library's own chatter is never switched on in production.
    levels = {root: logging.DEBUG, logging.getLogger("urllib3"): logging.INFO}
    levels_before = {each: each.level for each in levels}
    root.addHandler(handler)
    for each, level in levels.items():
        each.setLevel(level)
    printed = _Printed(heard)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield heard
    finally:
        for each, level in levels_before.items():
            each.setLevel(level)
        root.removeHandler(handler)
        processors[:] = before
        structlog.configure(processors=processors)


def told(failure: BaseException) -> str:
    """Everything that an exception tells whoever prints it, causes included."""
    return "".join(traceback.format_exception(failure)) + repr(failure)
