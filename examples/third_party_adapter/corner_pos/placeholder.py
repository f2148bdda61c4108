"""STEP 5: delete this. A till in a file, which stands in for the POS until steps 1 to 4 speak to the real one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

__all__ = ["Ticket", "Till"]

_TABLES = """
CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, store TEXT, ref TEXT, key TEXT, content TEXT);
CREATE TABLE IF NOT EXISTS sold_out (item TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS prices (item TEXT PRIMARY KEY, price TEXT);
"""


class Ticket(NamedTuple):
    """A ticket, with the order as it came, payment left out."""

    id: str
    order: dict[str, Any]


class Till:
    """Every process that names the file sees the same."""

    def __init__(self, file: str) -> None:
        self._file = file

    def print_ticket(self, store_id: str, ref: str, key: str, order: dict[str, Any]) -> str:
        """The number of a new ticket."""
        number = f"ticket-{uuid4()}"
        with self._open() as database:
            database.execute(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, ?)", (number, store_id, ref, key, json.dumps(order))
            )
        return number

    def find(self, store_id: str, ref: str) -> str | None:
        """The number of the ticket of an order."""
        with self._open() as database:
            row = database.execute("SELECT id FROM tickets WHERE store = ? AND ref = ?", (store_id, ref)).fetchone()
        return row[0] if row else None

    def tickets(self, store_id: str) -> list[Ticket]:
        """All tickets of a store, oldest first."""
        with self._open() as database:
            rows = database.execute("SELECT id, content FROM tickets WHERE store = ? ORDER BY rowid", (store_id,))
            return [Ticket(number, json.loads(content)) for number, content in rows]

    def sell_out(self, item: str) -> None:
        """There is no more of it."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO sold_out VALUES (?)", (item,))

    def sold_out(self) -> set[str]:
        """What there is no more of."""
        with self._open() as database:
            return {item for (item,) in database.execute("SELECT item FROM sold_out")}

    def set_price(self, item: str, price: Decimal) -> None:
        """What it costs from now on."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO prices VALUES (?, ?)", (item, str(price)))

    def prices(self) -> dict[str, Decimal]:
        """What costs something else than in the beginning."""
        with self._open() as database:
            return {item: Decimal(price) for item, price in database.execute("SELECT item, price FROM prices")}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=30)) as database, database:
            database.executescript(_TABLES)
            yield database
