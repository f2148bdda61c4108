"""Writer of the long-term archive: a task of the sync workers, in a thread of its own.

A round reads some orders in Redis, writes them in one transaction, and only then takes them out of the queue. A crash in between
writes them again. Several workers at once, or one whose lock has ended, do no harm: a row that was read later stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webhook_kit.errors import ArchiveUnavailable, Conflict
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import ARCHIVE_FAILURES, ARCHIVED
from webhook_kit.operations.archive.database import ArchiveDatabase, RowRefused
from webhook_kit.operations.archive.queue import ArchiveQueue, DueOrder
from webhook_kit.operations.archive.rows import Row, audit_row, moment, order_row, update_rows
from webhook_kit.outbox.archive import decode
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import is_newer, newer_format
from webhook_kit.storage.locks import RedisLock

__all__ = ["ArchiveWriter"]

log = logger("archiving")

_BATCH = 200
"""Orders, or entries of the audit log, in one transaction."""

_ROUND = 60.0
"""Seconds after which a round starts no further transaction; the next round goes on."""

_LOCK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class _ReadOrders:
    """Orders that were read.

    :ivar rows: by orderRef, the row of the order and those of its updates.
    :ivar open: orders that can still change without coming to rest.
    :ivar gone: orders of which nothing is left in Redis.
    """

    rows: Mapping[str, tuple[Row, list[Row]]]
    open: frozenset[str]
    gone: frozenset[str]


class ArchiveWriter:
    """Writes what is due."""

    def __init__(self, kit: Kit, database: ArchiveDatabase) -> None:
        self._kit = kit
        self._database = database
        self._queue = ArchiveQueue(kit)

    def run(self) -> None:
        """Write everything that is due, unless another process does."""
        kit = self._kit
        try:
            with RedisLock(kit.redis, kit.keys, kit.keys.archiving_lock, seconds=_LOCK_SECONDS, renew=True):
                self._queue.begin()
                self._queue.sweep()
                self._queue.drop_expired()
                self._write()
        except Conflict:  # another process writes
            return

    def _write(self) -> None:
        try:
            end = time.monotonic() + _ROUND
            while time.monotonic() < end:
                if not self._write_orders() | self._write_audit():
                    break
        except ArchiveUnavailable as error:
            ARCHIVE_FAILURES.count("unavailable")
            if self._queue.record_failure(str(error)):
                log.warning("archive_unavailable", why=str(error))
            return
        if self._queue.record_success():
            log.info("archive_available")

    # -- orders --------------------------------------------------------------------------------------------------------

    def _write_orders(self) -> bool:
        """Write a batch of orders. Return True if there may be more."""
        due = self._queue.due(_BATCH)
        if not due:
            return False
        batch = self._read(due)
        try:
            self._write_rows(list(batch.rows.values()))
            refused = set()
        except RowRefused:
            refused = {ref for ref, rows in batch.rows.items() if self._is_refused(ref, rows)}
        again = [order for order in due if order.ref in batch.open or order.ref in refused]
        self._queue.finish(due, again)
        # An order that was in doubt and then not placed expires, too, but not while it waits for the archive.
        lost = [order for order in due if order.ref in batch.gone and self._is_old(order)]
        if lost:
            self._queue.record_lost(len(lost))
        return len(due) == _BATCH

    def _is_old(self, order: DueOrder) -> bool:
        seconds, _ = self._kit.redis.time()
        return seconds - order.queued / 1000 > self._kit.settings.order_ttl / 4

    def _is_refused(self, ref: str, rows: tuple[Row, list[Row]]) -> bool:
        """Write one order. Return True if PostgreSQL refuses it: it is tried again later, and stops no other."""
        try:
            self._write_rows([rows])
        except RowRefused as error:
            ARCHIVE_FAILURES.count("refused")
            log.error("archive_row_refused", order=ref, why=str(error))  # noqa: TRY400 - the traceback may quote the value
            self._queue.record_refused(ref)
            return True
        return False

    def _write_rows(self, rows: Sequence[tuple[Row, list[Row]]]) -> None:
        if not rows:
            return
        orders, updates = [order for order, _ in rows], [update for _, several in rows for update in several]
        with self._database.transaction() as connection:
            self._database.require_version(connection)
            self._database.write_orders(connection, orders, updates)
        for table, written in (("orders", orders), ("updates", updates)):
            for _ in written:
                ARCHIVED.count(table)

    def _read(self, due: Sequence[DueOrder]) -> _ReadOrders:
        """Read orders as they are at one moment, which their rows have as ``archived_at``."""
        keys = self._kit.keys
        with self._kit.redis.pipeline() as transaction:
            transaction.time()
            for ref, _ in due:
                lane = lane_name(Kind.ORDER, ref)
                transaction.hgetall(keys.order(ref))
                transaction.hgetall(keys.lane(lane))
                transaction.lrange(keys.history(lane), 0, -1)
                transaction.get(keys.archive(ref))
            (seconds, microseconds), *replies = transaction.execute()
        archived_at = {"archived_at": moment(seconds * 1000 + microseconds // 1000)}
        rows: dict[str, tuple[Row, list[Row]]] = {}
        unsettled, gone = set(), set()
        for number, (ref, _) in enumerate(due):
            record, lane_state, events, archive = replies[4 * number : 4 * number + 4]
            if archive is None:
                record, lane_state = _fields(record), _fields(lane_state)
                if record:
                    unsettled.add(ref)
            else:
                archived = decode(ref, archive)
                record, lane_state, events = archived.record, archived.lane, archived.history
            if is_newer(record.get("format")):
                newer_format(f"order {ref}", record["format"])
                unsettled.add(ref)  # a worker of that version writes it
            elif record.get("state") in ("placed", "refused"):
                history = _entries(events)
                row = order_row(ref, record, lane_state, history) | archived_at
                rows[ref] = row, [update | archived_at for update in update_rows(ref, history)]
            elif not record:
                gone.add(ref)
        return _ReadOrders(rows, frozenset(unsettled), frozenset(gone))

    # -- audit log -----------------------------------------------------------------------------------------------------

    def _write_audit(self) -> bool:
        """Write some entries of the audit log. Return True if there may be more."""
        entries = self._queue.audit(_BATCH)
        if not entries:
            return False
        rows = [audit_row(place, fields) for place, fields in entries]
        try:
            self._write_audit_rows(rows)
        except RowRefused:
            for row in rows:
                self._write_audit_row(row)
        self._queue.finish_audit(entries[-1][0])
        return len(entries) == _BATCH

    def _write_audit_rows(self, rows: Sequence[Row]) -> None:
        with self._database.transaction() as connection:
            self._database.require_version(connection)
            self._database.write_audit(connection, rows)
        for _ in rows:
            ARCHIVED.count("audit")

    def _write_audit_row(self, row: Row) -> None:
        """Write one entry. One that PostgreSQL refuses is left out, so that it stops no other."""
        try:
            self._write_audit_rows([row])
        except RowRefused as error:
            ARCHIVE_FAILURES.count("refused")
            log.error("archive_row_refused", entry=row["id"], why=str(error))  # noqa: TRY400 - the traceback may quote the value


def _fields(reply: Mapping[Any, Any]) -> dict[str, str]:
    return {text(name): text(value) for name, value in reply.items()}


def _entries(events: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the entries of a history that can be read."""
    entries = []
    for event in events:
        try:
            entry = json.loads(text(event))
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries
