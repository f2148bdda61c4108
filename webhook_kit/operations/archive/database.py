"""Access to the PostgreSQL of the long-term archive: connection, transactions, errors, schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from webhook_kit.errors import ArchiveUnavailable, ConfigurationError
from webhook_kit.operations.archive.rows import Row
from webhook_kit.operations.archive.tables import SCHEMA, STEPS, VERSION, audit, metadata, orders, updates, version

__all__ = ["ArchiveDatabase", "RowRefused"]

_CONNECT_SECONDS = 5
_OPTIONS: dict[str, str | int | None] = {
    "connect_timeout": _CONNECT_SECONDS,
    "application_name": "webhook-kit",
    # A server that vanishes without a word ends a call, too.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # Prepared statements do not survive a pooler that changes the connection between transactions (PgBouncer).
    "prepare_threshold": None,
}

_MOST_COUNTED = 1_000_000
_REMOVED = "removed"
_LONGEST = 300


class RowRefused(Exception):
    """PostgreSQL refuses a row for its content; another row may be taken."""


class ArchiveDatabase:
    """The archive of one installation. Several may share a database.

    :param url: address as ``ARCHIVE_URL`` has it after its validation.
    :param installation: value of the column of this name: ``KEY_PREFIX``.
    :param statement_seconds: seconds for a statement at most.
    :raises ConfigurationError: the address cannot be read.
    """

    def __init__(self, url: str, installation: str, *, statement_seconds: float) -> None:
        self.installation = installation
        self._milliseconds = int(statement_seconds * 1000)
        try:
            self._password = sa.make_url(url).password
            self._engine = sa.create_engine(
                url,
                pool_size=1,
                max_overflow=1,
                pool_timeout=_CONNECT_SECONDS,
                pool_pre_ping=True,
                pool_recycle=600,
                hide_parameters=True,
                connect_args=_OPTIONS,
            )
        except (ArgumentError, ValueError):
            raise ConfigurationError("ARCHIVE_URL: cannot be read; percent-encode special characters") from None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the archive, which is closed at the end of the block."""
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Open a transaction, which is committed at the end of the block.

        :raises RowRefused: PostgreSQL does not take a value.
        :raises ArchiveUnavailable: anything else that PostgreSQL answers, or does not.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.text(f"SET LOCAL statement_timeout = {self._milliseconds}"))
                yield connection
        except DBAPIError as error:
            if _is_refusal(error):
                raise RowRefused(_code(error)) from error
            raise ArchiveUnavailable(f"the archive cannot be used: {self._described(error)}") from error
        except SQLAlchemyError as error:  # no free connection in the pool
            raise ArchiveUnavailable(f"the archive cannot be used: {type(error).__name__}") from error

    # -- schema --------------------------------------------------------------------------------------------------------

    def migrate(self) -> int:
        """Create the tables, or bring them to this version. Return the version from which it began; 0 if there were none.

        :raises ConfigurationError: the database cannot hold every text, or its tables are of a newer version.
        """
        with self.transaction() as connection:
            encoding = connection.scalar(sa.text("SHOW server_encoding"))
            if encoding != "UTF8":
                raise ConfigurationError(
                    f"ARCHIVE_URL: the database has the encoding {encoding}; create one with ENCODING 'UTF8'"
                )
            # Two releases at once: the second one waits, and finds everything done.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('webhook-kit archive'))"))
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            found = self._version(connection)
            if found > VERSION:
                raise ConfigurationError(_newer(found))
            if not found:
                metadata.create_all(connection)
                connection.execute(sa.insert(version).values(version=VERSION))
                return 0
            for step in STEPS[found - 1 :]:
                for statement in step:
                    connection.execute(sa.text(statement))
            connection.execute(sa.update(version).values(version=VERSION))
            return found

    def require_version(self, connection: sa.Connection) -> None:
        """Raise an error unless the tables are of this version.

        :raises ArchiveUnavailable: they are missing, older or newer.
        """
        found = self._version(connection)
        if found > VERSION:
            raise ArchiveUnavailable(_newer(found))
        if found < VERSION:
            state = f"are of version {found}, not {VERSION}" if found else "are missing"
            raise ArchiveUnavailable(f"the tables of the archive {state}; run `webhook-kit archive migrate`")

    def _version(self, connection: sa.Connection) -> int:
        if connection.scalar(sa.text(f"SELECT to_regclass('{SCHEMA}.version') IS NULL")):
            return 0
        return connection.scalar(sa.select(sa.func.max(version.c.version))) or 0

    # -- writing -------------------------------------------------------------------------------------------------------

    def write_orders(self, connection: sa.Connection, rows: Sequence[Row], update_rows: Sequence[Row]) -> None:
        """Write orders and their updates. A row that was read later stays, whoever writes last."""
        for table, new in ((orders, rows), (updates, update_rows)):
            if not new:
                continue
            keys = {column.name for column in table.primary_key}
            statement = insert(table)
            replaced = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=table.primary_key,
                    set_=replaced,
                    where=table.c.archived_at <= statement.excluded.archived_at,
                ),
                [row | {"installation": self.installation} for row in new],
            )

    def write_audit(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Write entries of the audit log, oldest first. One that tells of a forgotten order removes earlier reasons about it."""
        connection.execute(
            insert(audit).on_conflict_do_nothing(), [row | {"installation": self.installation} for row in rows]
        )
        for row in rows:
            if row["action"] == "forget_order" and not row["failed"]:
                self._forget_reasons(connection, row)

    def _forget_reasons(self, connection: sa.Connection, row: Row) -> None:
        ref = row["subject"]
        found = connection.execute(
            sa.select(orders.c.gett_id, orders.c.pos_number, orders.c.idempotency_keys).where(
                orders.c.installation == self.installation, orders.c.order_ref == ref
            )
        ).one_or_none()
        names = {ref, *((found[0], found[1], *found[2]) if found else ())} - {None}
        subjects = [subject for name in names for subject in (name, f"order:{name}")]
        connection.execute(
            sa.update(audit)
            .where(
                audit.c.installation == self.installation,
                audit.c.subject.in_(subjects),
                audit.c.at <= row["at"],
                audit.c.action != "forget_order",
            )
            .values(why=_REMOVED, result=sa.case((audit.c.result == "ok", "ok"), else_=_REMOVED))
        )

    # -- reading -------------------------------------------------------------------------------------------------------

    def find_orders(self, name: str) -> list[Mapping[str, Any]]:
        """Return the newest orders with this orderRef, Gett's id or number of the POS, 20 at most."""
        named = sa.or_(
            orders.c.order_ref == name,
            orders.c.gett_id == name,
            orders.c.pos_number == name,
        )
        query = (
            sa.select(orders)
            .where(orders.c.installation == self.installation, named)
            .order_by(orders.c.created.desc())
            .limit(20)
        )
        with self.transaction() as connection:
            self.require_version(connection)
            return [dict(row) for row in connection.execute(query).mappings()]

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table, exactly up to a million, and at least a million beyond."""
        with self.transaction() as connection:
            self.require_version(connection)
            return {
                table.name: connection.scalar(
                    sa.select(sa.func.count()).select_from(
                        sa.select(sa.literal(1))
                        .select_from(table)
                        .where(table.c.installation == self.installation)
                        .limit(_MOST_COUNTED)
                        .subquery()
                    )
                )
                or 0
                for table in (orders, updates, audit)
            }

    def require_usable(self) -> None:
        """Raise an error unless PostgreSQL answers and has the tables of this version.

        :raises ArchiveUnavailable: it does not.
        """
        with self.transaction() as connection:
            self.require_version(connection)

    def _described(self, error: DBAPIError) -> str:
        """Return what PostgreSQL says, in one line, without the password."""
        diagnosis = getattr(error.orig, "diag", None)
        said = getattr(diagnosis, "message_primary", None) or next(iter(str(error.orig).strip().splitlines()), "")
        if self._password:
            said = said.replace(str(self._password), "…")
        return said[:_LONGEST] or type(error.orig).__name__


def _is_refusal(error: DBAPIError) -> bool:
    # 54: a limit of PostgreSQL, such as the length of an entry in an index.
    return isinstance(error, DataError | IntegrityError) or str(_state(error)).startswith("54")


def _code(error: DBAPIError) -> str:
    """Return the kind of an error. Its text may quote the value."""
    return f"{type(error.orig).__name__} {_state(error) or ''}".strip()


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _newer(found: int) -> str:
    return f"ARCHIVE_URL: the tables of the archive are of version {found}, and this program knows {VERSION}; update it"
