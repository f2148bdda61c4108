"""Text for terminals and logs: without control characters, and addresses without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TextIO

__all__ = ["PrintableStream", "described", "printable", "without_secrets"]

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control characters but tab and line feed, marks that change the direction of a text, invisible ones, and surrogates."""

_LONGEST = 2_000
"""Characters of the text of an error that are shown."""

_USER = re.compile(r"(?<=://)[^\s/'\"<>]+@")
_QUERY = re.compile(r"(?<=[\w/.~%\]-])([?#])[\w.~%+\[\]-]*=[^\s'\"<>)\]}][^\s'\"<>)}]*")


def printable(text: str) -> str:
    """Return a text that changes nothing on a terminal: control and invisible characters as the escapes of JSON."""
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(_escape, text)


def without_secrets(text: str) -> str:
    """Return a message whose addresses have neither user and password nor a query, which may hold a key or a signature."""
    if "?" not in text and "#" not in text and "@" not in text:  # as in nearly every text
        return text
    return _QUERY.sub(r"\1…", _USER.sub("…@", text))


def described(error: BaseException) -> str:
    """Return the type and text of an error that a vendor's code raised, for people. A text may repeat a whole body: it is cut off."""
    # First far behind the end, so that no address loses the sign by which its password is found.
    return without_secrets(repr(error)[: 10 * _LONGEST])[:_LONGEST]


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


class PrintableStream:
    """A text stream on which everything is :func:`printable`.

    :ivar unescaped: the stream to which it writes.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def write(self, text: str) -> int:
        """Write a text."""
        return self.unescaped.write(printable(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)
