"""Compression of an order's JSON, which is mostly UUIDs and names of members.

The names are in a dictionary that both sides know. A UUID is 16 random bytes, which nothing compresses: UUIDs are taken out of the
text, and follow it as they are.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from importlib.resources import files

from zstandard import (
    FORMAT_ZSTD1_MAGICLESS,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

__all__ = ["LEVEL", "compress", "decompress", "decompress_first_form", "without_uuids"]

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NEW, _KNOWN = b"\0", b"\1"
"""Place of a UUID in the text, which is JSON and has no such characters: the next one, and one before by its number (2 bytes)."""
_PLACE = re.compile(rb"\0|\x01(..)", re.DOTALL)

LEVEL = 12
"""Level of zstd. The highest one saves 3 % more, and takes twenty times as long."""

_FOLDER = files("webhook_kit.outbox")
_DICTIONARY = ZstdCompressionDict((_FOLDER / "dictionary.zstd").read_bytes())
"""Written by ``scripts/make_order_dictionary.py``. What was compressed with it can be read with it alone: never change the file."""
_PARAMETERS = ZstdCompressionParameters.from_level(
    LEVEL, format=FORMAT_ZSTD1_MAGICLESS, write_content_size=False, write_dict_id=False, write_checksum=True
)
_DICTIONARY.precompute_compress(compression_params=_PARAMETERS)

_FIRST_DICTIONARY = (
    b"".join((_FOLDER / "dictionary.txt").read_bytes().splitlines())
    .replace(b"@", _NEW)
    .replace(b"~0", _KNOWN + b"\0\0")
    .replace(b"~1", _KNOWN + b"\0\1")
)
"""Dictionary of the first form."""


def compress(text: bytes, known: str) -> bytes:
    """Compress JSON.

    :param known: id that is known where it is read, and is not stored if it is a UUID.
    """
    text, uuids = without_uuids(text, known)
    compressor = ZstdCompressor(dict_data=_DICTIONARY, compression_params=_PARAMETERS)  # not safe for several threads
    return compressor.compress(text) + bytes.fromhex(b"".join(uuids).replace(b"-", b"").decode())


def decompress(compressed: bytes, known: str) -> bytes:
    """Return the JSON again.

    :raises ValueError: when it is damaged.
    """
    frame = ZstdDecompressor(dict_data=_DICTIONARY, format=FORMAT_ZSTD1_MAGICLESS).decompressobj()
    try:
        text = frame.decompress(compressed)  # its checksum covers the text
    except ZstdError as error:
        raise ValueError(f"it is damaged: {error}") from error
    if not frame.eof:
        raise ValueError("it has been cut")
    return _with_uuids(text, frame.unused_data, _known(known))


def decompress_first_form(compressed: bytes) -> bytes:
    """Return the JSON of the first form, which is compressed by zlib with a dictionary of its own.

    :raises ValueError: when it is damaged.
    """
    inflate = zlib.decompressobj(zdict=_FIRST_DICTIONARY)
    try:
        text = inflate.decompress(compressed)  # its checksums cover the text and the dictionary
    except zlib.error as error:
        raise ValueError(f"it is damaged: {error}") from error
    if not inflate.eof:
        raise ValueError("it has been cut")
    return _with_uuids(text, inflate.unused_data, [])


def without_uuids(text: bytes, known: str) -> tuple[bytes, list[bytes]]:
    """Take the UUIDs out of a text. Return the text with their places, and each that is not known once, in the order of the places."""
    known_uuids = _known(known)
    numbers = {uuid: number for number, uuid in enumerate(known_uuids)}

    def take_out(uuid: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(uuid[0], new := len(numbers))
        return _NEW if number == new else _KNOWN + number.to_bytes(2)

    return _UUID.sub(take_out, text), list(numbers)[len(known_uuids) :]


def _with_uuids(text: bytes, stored: bytes, known: Sequence[bytes]) -> bytes:
    digits = stored.hex()
    new = [_dashed(digits[at : at + 32]) for at in range(0, len(digits), 32)]
    uuids, unused = [*known, *new], iter(new)
    try:
        restored = _PLACE.sub(lambda place: uuids[int.from_bytes(place[1])] if place[1] else next(unused), text)
    except (IndexError, StopIteration) as error:
        raise ValueError("it is damaged: a UUID is missing") from error
    if len(digits) % 32:
        raise ValueError("it has been cut")
    return restored


def _known(name: str) -> list[bytes]:
    uuid = name.encode()
    return [uuid] if _UUID.fullmatch(uuid) else []


def _dashed(digits: str) -> bytes:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])).encode()
