"""Finds adapters: by name in the entry-point group ``webhook_kit.adapters``, or as ``module:Class``.

An adapter that is missing, broken, of the wrong type or claimed twice is each its own error, because each has its own cure.
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

from webhook_kit.adapter import Capability, CatalogSet, Placed, PosAdapter, Refused
from webhook_kit.errors import (
    AdapterDuplicate,
    AdapterError,
    AdapterImportFailed,
    AdapterNotFound,
    AdapterWrongType,
)
from webhook_kit.logs import logger

__all__ = ["GROUP", "Installed", "add_cwd_to_sys_path", "installed", "load_adapter"]

log = logger("pos")

GROUP = "webhook_kit.adapters"

_SPEC = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class Installed:
    """One adapter as found on this machine.

    :ivar adapter: its class, or None when it cannot be used.
    :ivar problem: why it cannot be used.
    """

    name: str
    distribution: str
    version: str
    adapter: type[PosAdapter] | None = None
    problem: AdapterError | None = None


@cache
def load_adapter(spec: str) -> PosAdapter:
    """The adapter of that name, one object per process.

    :param spec: a registered name, or ``module:Class``; modules are also looked for in the current directory.
    :raises AdapterError: saying which of the things that can be wrong it is, and what to do.
    """
    adapter = _made(spec, _from_module(spec) if ":" in spec else _from_entry_point(spec))
    for method in ("fetch_catalog", "place_order", *(c.value for c in Capability if hasattr(adapter, c.value))):
        with suppress(AttributeError):  # a class with slots has no room for it
            setattr(adapter, method, _told(adapter, method))
    return adapter


def installed() -> Iterator[Installed]:
    """Every registered adapter, broken ones included."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        name, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
        try:
            adapter = type(_made(point.name, _from_entry_point(point.name)))
        except AdapterError as problem:
            yield Installed(point.name, name, version, problem=problem)
        else:
            yield Installed(point.name, name, version, adapter=adapter)


def _told(adapter: PosAdapter, method: str) -> Callable[..., object]:
    """The method, each call of it logged at the level DEBUG: what it was, what came of it, how long it took."""

    def call(*args: object, **named: object) -> object:
        started, outcome = time.perf_counter(), ""
        try:
            result = getattr(type(adapter), method)(adapter, *args, **named)
            outcome = _outcome(result)
        except BaseException as error:
            outcome = f"!{type(error).__name__}"
            raise
        else:
            return result
        finally:
            log.debug("adapter", call=method, outcome=outcome, ms=round((time.perf_counter() - started) * 1000, 1))

    return call


def _outcome(result: object) -> str:
    """A result in a word or two, without anybody's name in it."""
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
    """Let modules be imported from the current directory, where a vendor's first code lies: a console script does not."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _from_entry_point(name: str) -> type[PosAdapter]:
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
        raise AdapterNotFound(
            f"adapter {name!r} is not installed (installed: {known}); install its package, or name it as module:Class"
        )
    if len({point.value for point in points}) > 1:
        claims = " and ".join(sorted(f"{point.dist.name if point.dist else '?'} ({point.value})" for point in points))
        raise AdapterDuplicate(f"adapter {name!r} is claimed by {claims}: uninstall one, or name it as module:Class")
    return _checked(name, points[0])


def _from_module(spec: str) -> type[PosAdapter]:
    if not _SPEC.fullmatch(spec):
        raise AdapterNotFound(f"adapter {spec!r}: write module:Class, as in my_pos.adapter:MyPos")
    add_cwd_to_sys_path()
    return _checked(spec, EntryPoint(name=spec, value=spec, group=GROUP))


def _made(spec: str, adapter_class: type[PosAdapter]) -> PosAdapter:
    try:
        return adapter_class()
    except (Exception, SystemExit) as error:
        raise AdapterWrongType(f"adapter {spec!r}: {adapter_class.__name__}() failed: {error!r}") from error


def _checked(spec: str, point: EntryPoint) -> type[PosAdapter]:
    if not _SPEC.fullmatch(re.sub(r"\s*:\s*", ":", point.value.strip())):
        raise AdapterNotFound(f"adapter {spec!r}: its entry point is {point.value!r}, not module:Class")
    try:
        module = import_module(point.module)
    except ModuleNotFoundError as error:
        if error.name and (point.module == error.name or point.module.startswith(f"{error.name}.")):
            raise AdapterNotFound(
                f"adapter {spec!r}: there is no module {error.name!r}; is it installed, or in the current directory?"
            ) from error
        raise AdapterImportFailed(f"adapter {spec!r}: importing {point.module} failed: {error}") from error
    except (Exception, SystemExit) as error:
        raise AdapterImportFailed(f"adapter {spec!r}: importing {point.module} failed: {error!r}") from error
    found: object = module
    for part in point.attr.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise AdapterNotFound(f"adapter {spec!r}: module {point.module} has no {point.attr}")
    if not (isinstance(found, type) and issubclass(found, PosAdapter)):
        raise AdapterWrongType(f"adapter {spec!r}: {point.attr} is no subclass of webhook_kit.adapter.PosAdapter")
    breaches = found.validate_class()
    if breaches:
        raise AdapterWrongType(*(f"adapter {spec!r}: {breach}" for breach in breaches))
    return found
