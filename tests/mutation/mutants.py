"""Mutants of the package's code: each is one small change that some test should notice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["ROOT", "Change", "Mutant", "mutants_of"]

ROOT = Path(__file__).parents[2]


class Change(NamedTuple):
    """A piece of a source and what replaces it, in bytes from its start.

    :ivar scope: outermost function that contains it (``Class.method``); empty outside of functions.
    :ivar unit: bytes on which the result of this change depends: those of the function, or of the whole file.
    """

    start: int
    end: int
    new: bytes
    scope: str
    unit: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    :ivar name: file, scope, line and change in words: the same for as long as the line is not changed.
    :ivar digest: of the code on which the result depends.
    :ivar lines: first and last line of the change, from 1.
    """

    path: str
    scope: str
    name: str
    digest: str
    lines: tuple[int, int]
    change: Change

    def source(self) -> bytes:
        """Return the changed source of the whole file."""
        original = _read(self.path)
        return original[: self.change.start] + self.change.new + original[self.change.end :]


def mutants_of(path: str) -> list[Mutant]:
    """Return all mutants of a file, in the order of the file."""
    from tests.mutation.lua_changes import lua_changes
    from tests.mutation.python_changes import python_changes

    source = _read(path)
    find = lua_changes if path.endswith(".lua") else python_changes
    changes = sorted(set(find(source)), key=lambda change: (change.start, change.end, change.new))
    return list(_numbered(_mutant(path, source, change) for change in changes))


@cache
def _read(path: str) -> bytes:
    return (ROOT / path).read_bytes()


def _mutant(path: str, source: bytes, change: Change) -> Mutant:
    first = source.count(b"\n", 0, change.start) + 1
    last = source.count(b"\n", 0, change.end) + 1
    line = source.splitlines()[first - 1].decode().strip()
    old, new = (_short(text) for text in (source[change.start : change.end], change.new))
    name = f"{path} {change.scope or '-'} [{line}] {old} → {new or 'nothing'}"
    digest = hashlib.sha1(source[slice(*change.unit)], usedforsecurity=False).hexdigest()
    return Mutant(path, change.scope, name, digest, (first, last), change)


def _short(text: bytes) -> str:
    words = " ".join(text.decode().split())
    return words if len(words) <= 70 else f"{words[:50]} … {words[-15:]}"


def _numbered(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Number the mutants of equal names."""
    seen = Counter[str]()
    for mutant in mutants:
        seen[mutant.name] += 1
        number = seen[mutant.name]
        yield mutant if number == 1 else replace(mutant, name=f"{mutant.name} ({number})")
