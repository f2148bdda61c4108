"""MessagePack, as far as Redis's Lua needs it: plain data in, bytes out; strings and bytes are one type there."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache

__all__ = ["Packable", "pack"]

Packable = str | bytes | bool | int | float | None | Sequence["Packable"] | Mapping[str, "Packable"]

_INT = struct.Struct(">Bq").pack
_FLOAT = struct.Struct(">Bd").pack
_SIZE = struct.Struct(">BI").pack


def pack(value: Packable) -> bytes:
    """Return a value as MessagePack. Every string goes as ``str 32``, every integer as ``int 64``: one form each."""
    parts: list[bytes] = []
    _append(parts, value)
    return b"".join(parts)


def _append(parts: list[bytes], value: Packable) -> None:
    # By exact type first: this runs for every argument of every call, and an enum is rare.
    if type(value) is str:
        raw = value.encode(errors="replace")  # a text from outside must not keep its failure from being recorded
        parts.append(_SIZE(0xDB, len(raw)))
        parts.append(raw)
    elif type(value) is int:
        parts.append(_INT(0xD3, value))
    elif type(value) is bool:
        parts.append(b"\xc3" if value else b"\xc2")
    elif type(value) is dict:
        parts.append(_SIZE(0xDF, len(value)))
        for name, member in value.items():
            parts.append(_name(name))
            _append(parts, member)
    elif type(value) is bytes:
        parts.append(_SIZE(0xDB, len(value)))
        parts.append(value)
    else:
        _append_other(parts, value)


def _append_other(parts: list[bytes], value: Packable) -> None:
    if value is None:
        parts.append(b"\xc0")
    elif isinstance(value, float):
        parts.append(_FLOAT(0xCB, value))
    elif isinstance(value, str):
        _append(parts, value.encode(errors="replace"))
    elif isinstance(value, int):
        _append(parts, int(value))
    elif isinstance(value, Mapping):
        _append(parts, dict(value))
    else:
        assert isinstance(value, Sequence)
        parts.append(_SIZE(0xDD, len(value)))
        for member in value:
            _append(parts, member)


@cache
def _name(name: str) -> bytes:
    """Return a name of an argument, packed: there are few, and each is used again and again."""
    raw = name.encode()
    return _SIZE(0xDB, len(raw)) + raw
