"""Text from outside: well-formed Unicode, and files that people wrote.

JSON may carry half of a surrogate pair, such as a text that was cut in the middle of an emoji. Python keeps it, and fails later,
when the text is encoded for Redis, for Gett or for a log.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import fields
from typing import Any

__all__ = ["WellFormed", "decode_file", "well_formed", "well_formed_data", "well_formed_json"]

_ESCAPE = re.compile(
    rb"\\(?:"
    rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair: one character
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|.)",
    re.DOTALL,
)


def well_formed(text: str) -> str:
    """Return a text with each half of a surrogate pair replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def well_formed_data(value: Any) -> Any:
    """Return plain data with every text in it well-formed; other objects stay as they are."""
    if type(value) is str:
        return well_formed(value)
    if type(value) is list:
        return [well_formed_data(member) for member in value]
    if type(value) is dict:
        return {well_formed_data(name): well_formed_data(member) for name, member in value.items()}
    return value


def well_formed_json(raw: bytes) -> bytes:
    """Return JSON with each escape of half a surrogate pair replaced by that of U+FFFD."""
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return raw
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["half"] else match[0], raw)


def decode_file(data: bytes) -> str:
    """Return the text of a file: UTF-8 with or without a byte order mark, or UTF-16 with one.

    :raises ValueError: it is neither; the message says what to do.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"byte {error.start} is not {'UTF-16' if utf16 else 'UTF-8'}; save the file as UTF-8"
        ) from None


class WellFormed:
    """Base class of frozen dataclasses with text from outside: every text in them is well-formed."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Replace each text that is not well-formed."""
        for field in fields(self):  # type: ignore[arg-type] # subclasses are dataclasses
            value = getattr(self, field.name)
            if type(value) is str and not value.isascii():
                object.__setattr__(self, field.name, well_formed(value))
