"""Stores from the vendor's own database: ``STORES_SOURCE=database_stores:DatabaseStores``.

The kit creates one object per process and calls it from many threads, at most once a second for the same store. If a call fails,
its last result is used.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from zoneinfo import ZoneInfo

from webhook_kit import Store

__all__ = ["SCHEMA", "DatabaseStores"]

SCHEMA = """
CREATE TABLE restaurants (id TEXT PRIMARY KEY, gett_id TEXT UNIQUE, name TEXT, adapter TEXT, timezone TEXT,
                          base_url TEXT, secret TEXT);
"""
"""The vendor's table, as this example assumes it."""

_COLUMNS = "id, gett_id, name, adapter, timezone, base_url, secret"


class DatabaseStores:
    """Reads each store when it is needed, so that a change takes effect within a second."""

    def __init__(self) -> None:
        self._file = os.environ.get("VENDOR_DATABASE", "vendor.sqlite")

    def __iter__(self) -> Iterator[Store]:
        """Iterate over every store."""
        return iter(self._select(""))

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the vendor, or None."""
        return next(iter(self._select("WHERE id = ?", store_id)), None)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        return next(iter(self._select("WHERE gett_id = ?", gett_store_id)), None)

    def _select(self, condition: str, *values: str) -> list[Store]:
        with closing(
            sqlite3.connect(self._file)
        ) as database:  # a connection per call, because threads share this object
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM restaurants {condition} ORDER BY id",  # noqa: S608 - the condition is ours
                values,
            )
            return [_store(*row) for row in rows]


def _store(id: str, gett_id: str | None, name: str, adapter: str, timezone: str, base_url: str, secret: str) -> Store:
    return Store(
        id=id,
        gett_id=gett_id or "",  # empty until the store is onboarded
        adapter=adapter,
        timezone=ZoneInfo(timezone),
        name=name,
        options={"base_url": base_url},
        credentials={"secret": secret},
    )
