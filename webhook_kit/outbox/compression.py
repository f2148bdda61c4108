"""Compression of an order's JSON, which is mostly UUIDs and names of members.

The names are in a dictionary that both sides know. A UUID is 16 random bytes, which nothing compresses: UUIDs are taken out of the
text, and follow it as they are.
"""

from __future__ import annotations

import re
import zlib
from importlib.resources import files

__all__ = ["compress", "decompress"]

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NEW, _KNOWN = b"\0", b"\1"
"""Place of a UUID in the text, which is JSON and has no such characters: the next one, and one before by its number (2 bytes)."""
_PLACE = re.compile(rb"\0|\x01(..)", re.DOTALL)

_DICTIONARY = (
    b"".join((files("webhook_kit.outbox") / "dictionary.txt").read_bytes().splitlines())
    .replace(b"@", _NEW)
    .replace(b"~0", _KNOWN + b"\0\0")
    .replace(b"~1", _KNOWN + b"\0\1")
)
"""Text as in most orders, the most frequent last. What was compressed with it can be read with it alone: never change the file."""


def compress(text: bytes) -> bytes:
    """Compress JSON."""
    uuids: dict[bytes, int] = {}

    def take_out(uuid: re.Match[bytes]) -> bytes:
        number = uuids.setdefault(uuid[0], new := len(uuids))
        return _NEW if number == new else _KNOWN + number.to_bytes(2)

    text = _UUID.sub(take_out, text)
    deflate = zlib.compressobj(9, zdict=_DICTIONARY)
    return deflate.compress(text) + deflate.flush() + bytes.fromhex(b"".join(uuids).replace(b"-", b"").decode())


def decompress(compressed: bytes) -> bytes:
    """Return the JSON again.

    :raises ValueError: when it is damaged.
    """
    inflate = zlib.decompressobj(zdict=_DICTIONARY)
    try:
        text = inflate.decompress(compressed)  # its checksums cover the text and the dictionary
        digits = inflate.unused_data.hex()
        uuids = [_dashed(digits[at : at + 32]) for at in range(0, len(digits), 32)]
        new = iter(uuids)
        restored = _PLACE.sub(lambda place: uuids[int.from_bytes(place[1])] if place[1] else next(new), text)
    except (zlib.error, IndexError, StopIteration) as error:
        raise ValueError(f"it is damaged: {error!r}") from error
    if not inflate.eof or len(digits) % 32:
        raise ValueError("it has been cut")
    return restored


def _dashed(digits: str) -> bytes:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])).encode()
