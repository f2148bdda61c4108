"""State of the fake POS in an SQLite file: tickets, stores, prices and unavailable items.

All processes that use the file share it, and it survives SIGKILL.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from webhook_kit.adapter import OrderState, OrderStatus, Placed, PlacedStatus, PosOrder, StoreState
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest

__all__ = ["Ticket", "Tickets"]

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, "key" TEXT, ref TEXT, store TEXT, "order" TEXT, created TEXT,
                                    accepted TEXT, amounts TEXT, status TEXT, state TEXT, reason TEXT, changed TEXT);
CREATE INDEX IF NOT EXISTS by_key ON tickets ("key");
CREATE TABLE IF NOT EXISTS sold_out (item TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS prices (item TEXT PRIMARY KEY, price TEXT);
CREATE TABLE IF NOT EXISTS stores (id TEXT PRIMARY KEY, state TEXT);
CREATE TABLE IF NOT EXISTS outages (id TEXT PRIMARY KEY);
COMMIT;
"""


class Ticket(NamedTuple):
    """A ticket of the POS.

    :ivar id: the POS's own id.
    :ivar key: the key of its placement.
    :ivar ref: ``order.order_ref``.
    :ivar store: the partner's id of the store.
    :ivar order: the order as JSON data, without payment and token.
    :ivar created: its time, UTC.
    """

    id: str
    key: str
    ref: str
    store: str
    order: dict[str, Any]
    created: datetime


class Tickets:
    """The state in one file. Each call opens a connection, so threads and processes share only the file.

    :param file: when None, the environment's ``BOGUS_POS_FILE``, else a temporary file of this process.
    """

    def __init__(self, file: str | Path | None) -> None:
        self._path = file or os.environ.get("BOGUS_POS_FILE") or _own_file(os.getpid())

    def all(self) -> list[Ticket]:
        """Return all tickets, oldest first."""
        with self._open() as database:
            rows = database.execute('SELECT id, "key", ref, store, "order", created FROM tickets ORDER BY rowid')
            return [
                Ticket(id, key, ref, store, json.loads(order), datetime.fromisoformat(created))
                for id, key, ref, store, order, created in rows
            ]

    def placed(self, key: str) -> Placed | None:
        """Return the first ticket with a key, or None."""
        with self._open() as database:
            return _read(database, key)

    def add(self, placed: Placed, order: PlaceOrderRequest, store_id: str, key: str, *, native: bool) -> Placed:
        """Add a ticket.

        :param native: add none if the key has one.
        :return: the ticket of the key.
        """
        content = json.dumps({k: v for k, v in order.to_wire().items() if k not in ("payment", "validatedOrderToken")})
        amounts = placed.amounts and placed.amounts.to_json().decode()
        status = OrderStatus.CONFIRMED if placed.status is PlacedStatus.ACCEPTED else None
        now = datetime.now(UTC).isoformat()
        row = (placed.id, key, order.order_ref, store_id, content, now, placed.status, amounts, status, None, None, now)
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            if native and (earlier := _read(database, key)):
                return earlier
            database.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            database.execute("COMMIT")
        return placed

    def advance(self, id: str, step: str, reason: str | None = None) -> None:
        """Move a ticket to a status, or end it.

        :param step: ``confirmed``, ``preparing``, ``ready``, ``inTransit``, ``completed`` or ``cancelled``.
        :raises LookupError: when there is no such ticket, or it has ended.
        """
        column = "state" if step in ("completed", "cancelled") else "status"
        with self._open() as database:
            result = database.execute(
                f"UPDATE tickets SET {column} = ?, reason = ?, changed = ? WHERE id = ? AND state IS NULL",  # noqa: S608
                (step, reason, datetime.now(UTC).isoformat(), id),
            )
            if result.rowcount != 1:
                raise LookupError(f"the fake POS has no open ticket {id}")

    def changed_since(self, store_id: str, since: datetime) -> list[PosOrder]:
        """Return a store's tickets that changed since then, in their current state, oldest first."""
        with self._open() as database:
            rows = database.execute(
                "SELECT id, ref, status, state, reason FROM tickets WHERE store = ? AND changed >= ? ORDER BY rowid",
                (store_id, since.astimezone(UTC).isoformat()),
            )
            return [
                PosOrder(
                    id,
                    ref,
                    status=OrderStatus(status) if status else None,
                    state=OrderState(state) if state else None,
                    reason=reason,
                )
                for id, ref, status, state, reason in rows
            ]

    def sell_out(self, item_id: str) -> None:
        """Make an item unavailable."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO sold_out VALUES (?)", (item_id,))

    def unavailable_items(self) -> set[str]:
        """Return the ids of the unavailable items."""
        with self._open() as database:
            return {item for (item,) in database.execute("SELECT item FROM sold_out")}

    def set_price(self, item_id: str, price: Decimal) -> None:
        """Change the price of an item or option."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO prices VALUES (?, ?)", (item_id, str(price)))

    def prices(self) -> dict[str, Decimal]:
        """Return the changed prices, by item."""
        with self._open() as database:
            return {item: Decimal(price) for item, price in database.execute("SELECT item, price FROM prices")}

    def set_state(self, store_id: str, state: StoreState) -> None:
        """Change the state of a store."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO stores VALUES (?, ?)", (store_id, state))

    def state(self, store_id: str) -> StoreState:
        """Return the state of a store; OPEN by default."""
        with self._open() as database:
            row = database.execute("SELECT state FROM stores WHERE id = ?", (store_id,)).fetchone()
        return StoreState(row[0]) if row else StoreState.OPEN

    def set_reachable(self, *, reachable: bool) -> None:
        """Let the POS answer or not."""
        with self._open() as database:
            database.execute("DELETE FROM outages" if reachable else "INSERT OR IGNORE INTO outages VALUES ('all')")

    def reachable(self) -> bool:
        """Return False while the POS does not answer."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM outages").fetchone() is None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
            # The kernel keeps the writes of a killed process; only a power cut would need the sync.
            database.execute("PRAGMA synchronous = OFF")
            if not database.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall():
                database.executescript(_SCHEMA)
            yield database


def _read(database: sqlite3.Connection, key: str) -> Placed | None:
    rows = database.execute('SELECT id, accepted, amounts FROM tickets WHERE "key" = ? ORDER BY rowid LIMIT 1', (key,))
    for id, accepted, amounts in rows.fetchall():
        return Placed(id, PlacedStatus(accepted), Amounts.from_json(amounts) if amounts else None)
    return None


@cache
def _own_file(pid: int) -> Path:
    """Return the temporary file of a process; a forked process gets another."""
    directory = tempfile.mkdtemp(prefix="bogus-pos-")
    atexit.register(lambda: shutil.rmtree(directory, ignore_errors=True) if os.getpid() == pid else None)
    return Path(directory) / "pos.sqlite"
