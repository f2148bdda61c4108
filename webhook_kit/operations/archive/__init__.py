"""Long-term archive: settled orders, their updates and the audit log in PostgreSQL (``ARCHIVE_URL``), past ``ORDER_TTL``.

A sync worker writes it, behind the orders: nothing that a webhook or the outbox does waits for PostgreSQL. Orders that come to rest
are queued in Redis (:mod:`~webhook_kit.operations.archive.queue`), and written at least once. Every row has a primary key and is
written by ``INSERT … ON CONFLICT``, so that it is there exactly once.

Needs the extra ``postgres``. Only :mod:`~webhook_kit.operations.archive.tables` and those who use it import SQLAlchemy; everybody else
asks :func:`open_archive`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings

if TYPE_CHECKING:
    from webhook_kit.operations.archive.database import ArchiveDatabase

__all__ = ["MISSING_EXTRA", "open_archive"]

MISSING_EXTRA = "ARCHIVE_URL is set, but SQLAlchemy or psycopg is not installed; install the extra: pip install 'webhook-kit[postgres]'"


def open_archive(settings: Settings, *, statement_seconds: float = 30.0) -> ArchiveDatabase:
    """Return the archive. Nothing connects before it is used.

    :param statement_seconds: seconds for a statement at most: a thread that waits for PostgreSQL must not seem to hang (600 s).
    :raises ConfigurationError: ``ARCHIVE_URL`` is not set, or the extra is not installed.
    """
    if settings.archive_url is None:
        raise ConfigurationError(
            "ARCHIVE_URL is not set, so that there is no long-term archive (see the page The long-term archive)"
        )
    try:
        import psycopg  # noqa: F401 - SQLAlchemy imports it when it connects, which is too late for a clear message

        from webhook_kit.operations.archive.database import ArchiveDatabase
    except ImportError as error:
        raise ConfigurationError(MISSING_EXTRA) from error
    return ArchiveDatabase(
        settings.archive_url.get_secret_value(), settings.key_prefix, statement_seconds=statement_seconds
    )
