"""Versions of the forms in which records are kept in Redis, so that two versions of the kit can run side by side.

A process reads records of its own form and of the one before. It leaves a record of a later form alone: it never takes it for absent,
never changes it, and raises :class:`NewerFormat`. ``docs/upgrading.md`` has the rules for a change of a form.
"""

from __future__ import annotations

import re
import time

import redis

from webhook_kit.logs import logger

__all__ = [
    "ARCHIVE",
    "HELD_EVENT",
    "ONBOARDING",
    "ORDER",
    "STORE",
    "TOKEN",
    "NewerFormat",
    "is_newer",
    "newer_format",
    "newer_format_of",
]

log = logger("storage")

ORDER = 1
"""Form of placement records (field ``format``), and lanes with their updates and history (field ``format``)."""

ARCHIVE = 2
"""Form of archives, the number in front: 1 is compressed by zlib, 2 by zstd (:mod:`webhook_kit.outbox.compression`)."""

STORE = 1
"""Form of the records of stores, member ``format``."""

ONBOARDING = 1
"""Form of the records of onboardings, field ``format``."""

HELD_EVENT = 1
"""Form of the held events of a POS, member ``format``."""

TOKEN = 1
"""Form of validatedOrderTokens, member ``v``."""

_LONGEST = 9
"""Digits of a form at most that are read as a number."""

_LOGGED_EVERY = 10.0
"""Seconds between two lines of the log about newer records: a worker meets the same one again and again."""

_MARK = re.compile(r"NEWER_FORMAT (\w+)")
"""The error of a script; Redis writes other text around it."""

_last_logged = float("-inf")


class NewerFormat(redis.ResponseError):
    """A record was written by a later version of the kit. It concerns this record only, and is over when this process is upgraded."""


def is_newer(format: object, known: int = ORDER) -> bool:
    """Return True if a record has a later form than the one that this process writes. A record without a mark has the first form."""
    text = format.decode(errors="replace") if isinstance(format, bytes) else str(format or known)
    return not text.isdecimal() or len(text) > _LONGEST or int(text) > known


def newer_format(subject: str, format: object) -> NewerFormat:
    """Log that a newer record was met, and return the error to raise."""
    global _last_logged  # noqa: PLW0603 - of this process
    if time.monotonic() - _last_logged >= _LOGGED_EVERY:
        _last_logged = time.monotonic()
        log.warning("newer_record_left_alone", record=subject, format=str(format))
    return NewerFormat(
        f"{subject} was written by a newer version of webhook-kit (format {format}); this process leaves it alone: upgrade it"
    )


def newer_format_of(error: redis.ResponseError, subject: str) -> NewerFormat | None:
    """Return the error to raise if a script has stopped because of a newer record; None if it failed for another reason."""
    found = _MARK.search(str(error))
    return newer_format(subject, found[1]) if found else None
