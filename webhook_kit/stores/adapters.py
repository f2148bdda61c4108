"""Loading of adapters: by name from the entry-point group ``webhook_kit.adapters``, or as ``module:Class``.

A missing, a broken, a wrongly typed and a doubly claimed adapter each have their own error class, because each is corrected
in a different way.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import extract_tb

from pydantic import BaseModel

from webhook_kit.adapter import Capability, CatalogSet, Placed, PosAdapter, Refused, Store
from webhook_kit.errors import (
    AdapterDuplicate,
    AdapterError,
    AdapterImportFailed,
    AdapterNotFound,
    AdapterWrongType,
    ConfigurationError,
)
from webhook_kit.logs import logger
from webhook_kit.pos.store_config import store_mistakes as config_mistakes
from webhook_kit.stores.table import table_mistakes

__all__ = ["GROUP", "Installed", "add_cwd_to_sys_path", "installed", "load_adapter", "require_usable", "store_mistakes"]

log = logger("pos")

GROUP = "webhook_kit.adapters"

_SPEC = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class Installed:
    """Adapter that is installed on this machine.

    :ivar adapter: its class, or None if it cannot be used.
    :ivar problem: the error that loading it raised, or None.
    """

    name: str
    distribution: str
    version: str
    adapter: type[PosAdapter] | None = None
    problem: AdapterError | None = None


@cache
def load_adapter(spec: str) -> PosAdapter:
    """Return the adapter of that name, one object per process.

    :param spec: a registered name, or ``module:Class``; modules are also imported from the current directory.
    :raises AdapterError: the adapter cannot be used; the message says why and what to do.
    """
    adapter = _instance(spec, _from_module(spec) if ":" in spec else _from_entry_point(spec))
    for method in ("fetch_catalog", "place_order", *(c.value for c in Capability if hasattr(adapter, c.value))):
        with suppress(AttributeError):  # a class with __slots__ takes no new attribute
            setattr(adapter, method, _logged(adapter, method))
    return adapter


def store_mistakes(store: Store) -> list[str]:
    """Return every mistake in a store's fields, adapter, options and credentials, one line each, without values."""
    mistakes = table_mistakes(store)
    try:
        adapter = load_adapter(store.adapter)
    except AdapterError as error:
        return [*mistakes, *error.mistakes]
    return mistakes + config_mistakes(adapter.Config, adapter.Credentials, store)


def require_usable(store: Store) -> None:
    """Load a store's adapter and check its options and credentials.

    :raises AdapterError: the adapter cannot be used.
    :raises ConfigurationError: options or credentials are wrong; one line per mistake.
    """
    load_adapter(store.adapter)
    if mistakes := store_mistakes(store):
        raise ConfigurationError(*mistakes)


def installed() -> Iterator[Installed]:
    """Yield every registered adapter, those that cannot be used included."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
        try:
            adapter = type(_instance(point.name, _from_entry_point(point.name)))
        except AdapterError as error:
            yield Installed(point.name, distribution, version, problem=error)
        else:
            yield Installed(point.name, distribution, version, adapter=adapter)


def _logged(adapter: PosAdapter, method: str) -> Callable[..., object]:
    """Wrap a method so that each call is logged at the level DEBUG, with its outcome and duration."""

    def call(*args: object, **named: object) -> object:
        started, outcome = time.perf_counter(), ""
        try:
            result = getattr(type(adapter), method)(adapter, *args, **named)
            outcome = _label(result)
        except BaseException as error:
            outcome = f"!{type(error).__name__}"
            raise
        else:
            return result
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.debug("adapter_called", call=method, outcome=outcome, ms=milliseconds)

    return call


def _label(result: object) -> str:
    """Return a short log label of a result; it contains no personal data."""
    if isinstance(result, Placed):
        return result.status
    if isinstance(result, Refused):
        return f"refused: {', '.join(refusal.reason for refusal in result.refusals)}"
    if isinstance(result, CatalogSet):
        return f"{len(result.items)} items"
    if isinstance(result, StrEnum):
        return result.value
    return f"{len(result)} found" if isinstance(result, list | tuple) else type(result).__name__


def add_cwd_to_sys_path() -> None:
    """Make modules of the current directory importable. A console script does not, but a vendor's first code lies there."""
    directory = str(Path.cwd())
    if directory not in sys.path:
        sys.path.insert(0, directory)


def _from_entry_point(name: str) -> type[PosAdapter]:
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        names = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
        raise AdapterNotFound(
            f"adapter {name!r} is not installed (installed: {names}); install its package, or name it as module:Class"
        )
    if len({point.value for point in points}) > 1:
        claims = " and ".join(sorted(f"{point.dist.name if point.dist else '?'} ({point.value})" for point in points))
        raise AdapterDuplicate(f"adapter {name!r} is claimed by {claims}; uninstall one, or name it as module:Class")
    return _checked(name, points[0])


def _from_module(spec: str) -> type[PosAdapter]:
    if not _SPEC.fullmatch(spec):
        raise AdapterNotFound(f"adapter {spec!r} is not a valid name; write module:Class, as in my_pos.adapter:MyPos")
    add_cwd_to_sys_path()
    return _checked(spec, EntryPoint(name=spec, value=spec, group=GROUP))


def _instance(spec: str, adapter_class: type[PosAdapter]) -> PosAdapter:
    try:
        return adapter_class()
    except (Exception, SystemExit) as error:
        raise AdapterWrongType(f"adapter {spec!r}: {adapter_class.__name__}() failed: {error!r}") from error


def _checked(spec: str, point: EntryPoint) -> type[PosAdapter]:
    if not _SPEC.fullmatch(re.sub(r"\s*:\s*", ":", point.value.strip())):
        raise AdapterNotFound(f"adapter {spec!r}: its entry point {point.value!r} is not of the form module:Class")
    try:
        module = import_module(point.module)
    except ModuleNotFoundError as error:
        if error.name and (point.module == error.name or point.module.startswith(f"{error.name}.")):
            raise AdapterNotFound(
                f"adapter {spec!r}: there is no module {error.name!r}; install its package, or run in its folder"
            ) from error
        raise AdapterImportFailed(f"adapter {spec!r}: importing {point.module} failed: {_where(error)}") from error
    except (Exception, SystemExit) as error:
        raise AdapterImportFailed(f"adapter {spec!r}: importing {point.module} failed: {_where(error)}") from error
    value: object = module
    for part in point.attr.split("."):
        value = getattr(value, part, None)
        if value is None:
            raise AdapterNotFound(f"adapter {spec!r}: module {point.module} has no {point.attr}")
    if not (isinstance(value, type) and issubclass(value, PosAdapter)):
        raise AdapterWrongType(f"adapter {spec!r}: {point.attr} is not a subclass of webhook_kit.PosAdapter")
    if breaches := _breaches(value):
        raise AdapterWrongType(*(f"adapter {spec!r}: {breach}" for breach in breaches))
    return value


def _where(error: BaseException) -> str:
    """Return an error of an import on one line: its file, its line, and its message."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}: {text}" if frames else text


def _breaches(adapter: type[PosAdapter]) -> list[str]:
    name = adapter.__name__
    breaches = [f"{name} does not define {method}()" for method in sorted(adapter.__abstractmethods__)]
    breaches += [
        f"{name}.{nested} is not a subclass of pydantic.BaseModel"
        for nested in ("Config", "Credentials")
        if not (isinstance(model := getattr(adapter, nested), type) and issubclass(model, BaseModel))
    ]
    breaches += [
        f"{name}.capabilities declares {capability} as {level}, but {name} does not define {capability.value}()"
        for capability, level in adapter.capabilities.items()
        if capability is not Capability.NATIVE_IDEMPOTENCY
        and level.usable
        and getattr(adapter, capability.value) is getattr(PosAdapter, capability.value)
    ]
    return breaches
