"""STEP 6: delete this module. A POS in a file, the placeholder until steps 1 to 4 call the real POS."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

__all__ = ["PlaceholderPos", "Ticket"]

_TABLES = """
CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, store TEXT, ref TEXT, key TEXT, content TEXT);
CREATE TABLE IF NOT EXISTS unavailable (item TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS prices (item TEXT PRIMARY KEY, price TEXT);
"""


class Ticket(NamedTuple):
    """A ticket with its order, without the payment."""

    id: str
    order: dict[str, Any]


class PlaceholderPos:
    """A POS whose state is shared by all processes that use the file."""

    def __init__(self, file: str) -> None:
        self._file = file

    def add_ticket(self, store_id: str, ref: str, key: str, order: dict[str, Any]) -> str:
        """Add a ticket and return its number."""
        number = f"ticket-{uuid4()}"
        with self._open() as database:
            database.execute(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, ?)", (number, store_id, ref, key, json.dumps(order))
            )
        return number

    def find(self, store_id: str, ref: str) -> str | None:
        """Return the number of the ticket of an order, or None."""
        with self._open() as database:
            row = database.execute("SELECT id FROM tickets WHERE store = ? AND ref = ?", (store_id, ref)).fetchone()
        return row[0] if row else None

    def tickets(self, store_id: str) -> list[Ticket]:
        """Return all tickets of a store, oldest first."""
        with self._open() as database:
            rows = database.execute("SELECT id, content FROM tickets WHERE store = ? ORDER BY rowid", (store_id,))
            return [Ticket(number, json.loads(content)) for number, content in rows]

    def sell_out(self, item: str) -> None:
        """Make an item unavailable."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO unavailable VALUES (?)", (item,))

    def unavailable_items(self) -> set[str]:
        """Return the ids of all unavailable items."""
        with self._open() as database:
            return {item for (item,) in database.execute("SELECT item FROM unavailable")}

    def set_price(self, item: str, price: Decimal) -> None:
        """Change the price of an item."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO prices VALUES (?, ?)", (item, str(price)))

    def prices(self) -> dict[str, Decimal]:
        """Return the changed prices, by item."""
        with self._open() as database:
            return {item: Decimal(price) for item, price in database.execute("SELECT item, price FROM prices")}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=30)) as database, database:
            database.executescript(_TABLES)
            yield database
