"""The POS's own database, apart from the kit: tickets, calls about them, prices, what has run out, and events to report.

Only the POS's process writes it; the judgement reads it. It survives the death of any process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ledger", "PosCall", "Ticket"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, level TEXT, store TEXT, ref TEXT, "key" TEXT,
                                    amounts TEXT, accepted TEXT, status TEXT, state TEXT, reason TEXT, created REAL,
                                    changed REAL, due REAL);
CREATE INDEX IF NOT EXISTS by_key ON tickets ("key");
CREATE INDEX IF NOT EXISTS by_ref ON tickets (ref);
CREATE INDEX IF NOT EXISTS by_due ON tickets (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_changed ON tickets (store, changed);
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY AUTOINCREMENT, ref TEXT, kind TEXT, began REAL, ended REAL,
                                  outcome TEXT);
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, level TEXT, part INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS prices (store TEXT, item TEXT, price TEXT, PRIMARY KEY (store, item));
CREATE TABLE IF NOT EXISTS sold_out (store TEXT, item TEXT, PRIMARY KEY (store, item));
CREATE TABLE IF NOT EXISTS closed (store TEXT PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket.

    :ivar amounts: what the POS charges, as text by the name of the member.
    :ivar accepted: ``accepted`` or ``pending``: what was answered to the placement.
    :ivar status: the step of the order; None while the POS has not confirmed it.
    :ivar state: ``completed`` or ``cancelled`` once it has ended.
    """

    id: str
    level: str
    store: str
    ref: str
    key: str
    amounts: Mapping[str, Any]
    accepted: str
    status: str | None
    state: str | None
    reason: str | None
    created: float


@dataclass(frozen=True, slots=True)
class PosCall:
    """A call of the POS about an order.

    :ivar kind: ``place`` or ``find``.
    :ivar ended: when its effect was there; the answer may have come later, or never.
    """

    ref: str
    kind: str
    began: float
    ended: float
    outcome: str


_COLUMNS = "id, level, store, ref, key, amounts, accepted, status, state, reason, created"


class Ledger:
    """The database in one file. Thread-safe.

    :param reading: open it for the judgement only.
    """

    def __init__(self, file: Path, *, reading: bool = False) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        # The kernel keeps the writes of a killed process; only a power cut would need the sync.
        self._database.execute("PRAGMA synchronous = OFF")
        if not reading:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes of the block at once, or none."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    # -- tickets -------------------------------------------------------------------------------------------------------

    def add(self, ticket: Ticket, due: float) -> Ticket:
        """Add a ticket and return it with its id.

        :param due: when it makes its next step.
        """
        values = (
            *(ticket.level, ticket.store, ticket.ref, ticket.key, json.dumps(dict(ticket.amounts)), ticket.accepted),
            *(ticket.status, ticket.state, ticket.reason, ticket.created, ticket.created, due),
        )
        marks = ", ".join("?" * len(values))
        rows = self._rows(f"INSERT INTO tickets VALUES (NULL, {marks}) RETURNING {_COLUMNS}", values)
        return _ticket(rows[0])

    def by_key(self, key: str) -> Ticket | None:
        """Return the first ticket of a key."""
        return self._one("key = ? ORDER BY id LIMIT 1", (key,))

    def by_ref(self, store: str, ref: str) -> Ticket | None:
        """Return the first ticket of an order."""
        return self._one("store = ? AND ref = ? ORDER BY id LIMIT 1", (store, ref))

    def due(self, now: float, limit: int = 200) -> list[Ticket]:
        """Return the tickets that make their next step now."""
        return self._tickets("due <= ? ORDER BY due LIMIT ?", (now, limit))

    def move(self, id: str, *, status: str | None, state: str | None, reason: str | None, due: float | None) -> None:
        """Move a ticket to a step."""
        self._rows(
            "UPDATE tickets SET status = ?, state = ?, reason = ?, changed = ?, due = ? WHERE id = ?",
            (status, state, reason, time.time(), due, int(id.removeprefix("T"))),
        )

    def changed_since(self, store: str, since: float) -> list[Ticket]:
        """Return a store's tickets that changed since then."""
        return self._tickets("store = ? AND changed >= ? ORDER BY id", (store, since))

    def tickets(self, after: int = 0) -> list[Ticket]:
        """Return all tickets with a greater id, the oldest first."""
        return self._tickets("id > ? ORDER BY id", (after,))

    def open_tickets(self) -> int:
        """Return the number of tickets that have not ended."""
        return int(self._rows("SELECT count(*) FROM tickets WHERE due IS NOT NULL")[0][0])

    # -- calls and events ----------------------------------------------------------------------------------------------

    def record_call(self, call: PosCall) -> None:
        """Record a call."""
        values = (call.ref, call.kind, call.began, call.ended, call.outcome)
        self._rows("INSERT INTO calls VALUES (NULL, ?, ?, ?, ?, ?)", values)

    def calls(self, ref: str) -> list[PosCall]:
        """Return the calls about an order, the oldest first."""
        rows = self._rows("SELECT ref, kind, began, ended, outcome FROM calls WHERE ref = ? ORDER BY began", (ref,))
        return [PosCall(*row) for row in rows]

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Add an event to report to the kit; those of one store stay in order."""
        level, _, number = event["store_id"].rpartition("-")
        self._rows("INSERT INTO events VALUES (NULL, ?, ?, ?)", (level, int(number), json.dumps(dict(event))))

    def events(self, level: str, part: int, parts: int, limit: int = 10) -> list[tuple[int, dict[str, Any]]]:
        """Return the oldest events of a part of a level's stores that the kit has not taken, with their numbers."""
        rows = self._rows(
            "SELECT id, body FROM events WHERE level = ? AND part % ? = ? ORDER BY id LIMIT ?",
            (level, parts, part, limit),
        )
        return [(number, json.loads(body)) for number, body in rows]

    def remove_events(self, numbers: Iterable[int]) -> None:
        """Remove events that the kit has taken."""
        with self.transaction():
            self._database.executemany("DELETE FROM events WHERE id = ?", [(number,) for number in numbers])

    def waiting_events(self) -> int:
        """Return the number of events that the kit has not taken."""
        return int(self._rows("SELECT count(*) FROM events")[0][0])

    # -- stores --------------------------------------------------------------------------------------------------------

    def set_price(self, store: str, item: str, price: str) -> None:
        """Change a price."""
        self._rows("INSERT OR REPLACE INTO prices VALUES (?, ?, ?)", (store, item, price))

    def prices(self, store: str) -> dict[str, str]:
        """Return the changed prices of a store."""
        return dict(self._rows("SELECT item, price FROM prices WHERE store = ?", (store,)))

    def set_sold_out(self, store: str, item: str, *, sold_out: bool) -> None:
        """Let an item run out, or be there again."""
        change = "INSERT OR IGNORE INTO sold_out VALUES (?, ?)" if sold_out else _DELETE_SOLD_OUT
        self._rows(change, (store, item))

    def sold_out(self, store: str) -> set[str]:
        """Return what a store has run out of."""
        return {item for (item,) in self._rows("SELECT item FROM sold_out WHERE store = ?", (store,))}

    def set_closed(self, store: str, *, closed: bool) -> None:
        """Close or open a store."""
        self._rows("INSERT OR IGNORE INTO closed VALUES (?)" if closed else _DELETE_CLOSED, (store,))

    def is_closed(self, store: str) -> bool:
        """Return True if a store is closed."""
        return bool(self._rows("SELECT 1 FROM closed WHERE store = ?", (store,)))

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def _one(self, condition: str, values: tuple[object, ...]) -> Ticket | None:
        return next(iter(self._tickets(condition, values)), None)

    def _tickets(self, condition: str, values: tuple[object, ...]) -> list[Ticket]:
        return [_ticket(row) for row in self._rows(f"SELECT {_COLUMNS} FROM tickets WHERE {condition}", values)]

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


_DELETE_SOLD_OUT = "DELETE FROM sold_out WHERE store = ? AND item = ?"
_DELETE_CLOSED = "DELETE FROM closed WHERE store = ?"


def _ticket(row: tuple[Any, ...]) -> Ticket:
    id, level, store, ref, key, amounts, *others = row
    return Ticket(f"T{id}", level, store, ref, key, json.loads(amounts), *others)
