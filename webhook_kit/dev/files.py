"""Detection of changes in an adapter's source files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SourceFiles"]


class SourceFiles:
    """The Python files of an adapter: its whole package, or a single module and the files beside it.

    :param module: name of the module that defines the adapter's class; it has been imported.
    """

    def __init__(self, module: str) -> None:
        self._folder = Path(sys.modules[module].__file__ or "").resolve().parent
        self._package = "." in module
        self._states = self._read_states()

    def changed(self) -> list[Path]:
        """Return the files that were changed, added or removed since the previous call."""
        before, self._states = self._states, self._read_states()
        return sorted(
            path for path in before.keys() | self._states.keys() if before.get(path) != self._states.get(path)
        )

    def _read_states(self) -> dict[Path, tuple[int, int]]:
        return {path: state for path in self._paths() if (state := _state(path)) is not None}

    def _paths(self) -> Iterator[Path]:
        return self._folder.rglob("*.py") if self._package else self._folder.glob("*.py")


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # removed after it was listed
        return None
    return status.st_mtime_ns, status.st_size
