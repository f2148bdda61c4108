"""Tables of the long-term archive, and the version of their schema. ``docs/archive.md`` describes each column."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["SCHEMA", "STEPS", "VERSION", "audit", "metadata", "orders", "updates", "version"]

SCHEMA = "webhook_kit"

STEPS: tuple[tuple[str, ...], ...] = ()
"""SQL that brings the tables of version 1 to version 2, of 2 to 3, and so on. A new archive gets the newest tables at once.

During a deployment the earlier version may still run. It stops writing when it meets a newer schema; the new version goes on.
"""

VERSION = len(STEPS) + 1

metadata = sa.MetaData(schema=SCHEMA)


def _text(name: str, *, key: bool = False, required: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=not (key or required))


def _moment(name: str, *, key: bool = False, required: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), primary_key=key, nullable=not (key or required))


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger)


def _amount(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric)


version = sa.Table("version", metadata, sa.Column("version", sa.Integer, nullable=False))

orders = sa.Table(
    "orders",
    metadata,
    _text("installation", key=True),
    _text("order_ref", key=True),
    _text("store_id", required=True),
    _text("gett_id"),
    _text("pos_number"),
    sa.Column("idempotency_keys", JSONB, nullable=False),
    _text("state", required=True),
    _moment("created"),
    _moment("settled"),
    _number("attempts"),
    _number("replays"),
    _moment("replayed"),
    _number("pos_ms"),
    _number("http_status"),
    _amount("accepted"),
    _amount("sub_total"),
    _amount("fees"),
    _amount("promotions"),
    _amount("taxes"),
    _amount("adjustments"),
    _amount("tip"),
    _amount("total"),
    _text("refusal_code"),
    _text("progress"),
    _text("taken"),
    _moment("taken_at"),
    sa.Column("answer", JSONB),
    sa.Column("history", JSONB, nullable=False),
    _moment("archived_at", required=True),
    sa.Index("orders_created", "created"),
    sa.Index("orders_store", "store_id", "created"),
    # An id from outside may be longer than an entry of a B-tree.
    sa.Index("orders_gett_id", "gett_id", postgresql_using="hash"),
    sa.Index("orders_pos_number", "pos_number", postgresql_using="hash"),
)

updates = sa.Table(
    "updates",
    metadata,
    _text("installation", key=True),
    _text("order_ref", key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    _moment("appended", key=True),
    _text("step"),
    _moment("estimated_ready_at"),
    _text("outcome", required=True),
    _moment("ended"),
    _number("failures"),
    _number("http_status"),
    _text("error_code"),
    _moment("archived_at", required=True),
)

audit = sa.Table(
    "audit",
    metadata,
    _text("installation", key=True),
    _text("id", key=True),
    _moment("at", required=True),
    _text("who", required=True),
    _text("via", required=True),
    _text("action", required=True),
    _text("subject", required=True),
    _text("why", required=True),
    _text("result", required=True),
    sa.Column("failed", sa.Boolean, nullable=False),
    sa.Index("audit_at", "at"),
    sa.Index("audit_subject", "subject", postgresql_using="hash"),
)
