"""Coverage of the mutated files by each test: the lines of a module that it executes, and the scripts that it runs."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.mutation.mutants import ROOT, Mutant
from webhook_kit.storage import scripts

__all__ = ["Lines", "is_covered", "watch"]

Lines = dict[str, list[int]]
"""Executed lines by file; of a script only its name."""


def watch(call: Callable[[], None]) -> Lines:
    """Call, and return the lines of the package that are executed in any thread."""
    executed: dict[str, set[int]] = defaultdict(set)
    package = str(ROOT / "webhook_kit")
    watched = (f"{package}/catalog/", f"{package}/placement/", f"{package}/outbox/")

    def trace(frame: FrameType, _event: str, _: object) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(watched):
            return None
        add = executed[file].add
        add(frame.f_lineno)

        def trace_line(frame: FrameType, _event: str, _: object) -> Any:
            add(frame.f_lineno)
            return trace_line

        return trace_line

    run = scripts.Script._run
    names = {scripts.load(name): name for name in _all_scripts()}

    def run_watched(self: scripts.Script, *keys: str, **arguments: Any) -> Any:
        if self._source in names:
            included: set[str] = set()
            list(scripts._sources(names[self._source], included))
            for name in included:
                executed[str(ROOT / f"{name.replace('.', '/')}.lua")].add(1)
        return run(self, *keys, **arguments)

    scripts.Script._run = run_watched  # type: ignore[method-assign, assignment]
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
        threading.settrace(None)
        scripts.Script._run = run  # type: ignore[method-assign]
    return {
        file.removeprefix(f"{ROOT}/"): sorted(lines)
        for file, lines in list(executed.items())
        if file.startswith(package) and lines
    }


def _all_scripts() -> list[str]:
    paths = [path.relative_to(ROOT) for path in (ROOT / "webhook_kit").rglob("*.lua")]
    return [f"{path.parent.as_posix().replace('/', '.')}/{path.stem}" for path in paths]


def is_covered(mutant: Mutant, lines: Lines) -> bool:
    """Return True if a test that executes these lines may notice a mutant."""
    executed = lines.get(mutant.path, [])
    if mutant.path.endswith(".lua"):
        return bool(executed)
    if not mutant.scope:  # values of a module are used by its neighbours too
        folder = mutant.path.rpartition("/")[0]
        return any(file.startswith(folder) for file in lines)
    return any(mutant.lines[0] <= line <= mutant.lines[1] for line in executed)
