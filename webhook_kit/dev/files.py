"""Whether a vendor's files have changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Files"]


class Files:
    """The Python files of an adapter: its whole package, or a single module and its neighbours.

    :param module: the name of the module that the adapter's class is defined in; it has been imported.
    """

    def __init__(self, module: str) -> None:
        self._folder = Path(sys.modules[module].__file__ or "").resolve().parent
        self._package = "." in module
        self._seen = self._look()

    def changed(self) -> list[Path]:
        """What was changed, added or removed since this was asked last."""
        before, self._seen = self._seen, self._look()
        return sorted(path for path in before.keys() | self._seen.keys() if before.get(path) != self._seen.get(path))

    def _look(self) -> dict[Path, tuple[int, int]]:
        return {path: state for path in self._paths() if (state := _state(path)) is not None}

    def _paths(self) -> Iterator[Path]:
        return self._folder.rglob("*.py") if self._package else self._folder.glob("*.py")


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # gone while we looked
        return None
    return status.st_mtime_ns, status.st_size
