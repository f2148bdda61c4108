"""Check of the long-term archive."""

from __future__ import annotations

from collections.abc import Iterator

import redis

from webhook_kit.errors import ArchiveUnavailable, ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.archive.findings import described, is_late
from webhook_kit.operations.archive.queue import ArchiveQueue
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity, mistake

__all__ = ["check_archive"]


def check_archive(kit: Kit, *, redis_usable: bool) -> Iterator[CheckFinding]:
    """Yield if the archive can be used, and how far it is behind. Orders go on without it, so only a missing extra is an error."""
    if kit.settings.archive_url is None:
        return
    try:
        archive = open_archive(kit.settings)
    except ConfigurationError as error:
        yield from (mistake(line) for line in error.mistakes)
        return
    try:
        archive.require_usable()
    except ArchiveUnavailable as error:
        what, _, advice = str(error).partition("; ")
        yield CheckFinding(CheckSeverity.WARNING, "archive_unavailable", "ARCHIVE_URL", what, advice)
    else:
        yield CheckFinding(CheckSeverity.INFO, "archive", "ARCHIVE_URL", "the archive can be used")
    finally:
        archive.close()
    if redis_usable:
        yield from _check_lag(kit)


def _check_lag(kit: Kit) -> Iterator[CheckFinding]:
    try:
        state = ArchiveQueue(kit).state()
    except redis.RedisError:  # reported by the other checks
        return
    late = is_late(kit, state)
    severity = CheckSeverity.WARNING if late or state.lost else CheckSeverity.INFO
    advice = "see `webhook-kit archive status`" if severity is CheckSeverity.WARNING else ""
    yield CheckFinding(severity, "archive_lag", "ARCHIVE_URL", described(state), advice)
