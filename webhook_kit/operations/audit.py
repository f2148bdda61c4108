"""Audit log: what people did, for what reason, and with what result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations.actor import Actor
from webhook_kit.printing import printable
from webhook_kit.storage.connection import text
from webhook_kit.texts import well_formed

__all__ = ["AuditEntry", "AuditPage", "list_audit", "record"]

log = logger("audit")

_ENTRIES = 100_000
"""Entries that are kept at most."""

_READ = 1_000
"""Entries that a page reads at most."""

_MAX_TEXT = 500
_PLACE = re.compile(r"\d{1,16}-\d{1,16}")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An action of a person.

    :ivar id: of the entry; newer ones sort after it.
    :ivar who: name of the actor.
    :ivar via: ``console``, ``api`` or ``cli``.
    :ivar action: name of the function in :mod:`webhook_kit.operations.actions`.
    :ivar subject: an orderRef, a lane, a store's id, …
    :ivar why: reason that the actor gave; may be empty.
    :ivar result: ``ok``, what was done, or the message of the failure.
    :ivar failed: the action changed nothing, or it is not certain that it did.
    """

    id: str
    at: datetime
    who: str
    via: str
    action: str
    subject: str
    why: str
    result: str
    failed: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Part of the audit log; there may be fewer than were asked for, even none, although ``cursor`` leads to more.

    :ivar cursor: continues the list; None at its end.
    """

    entries: tuple[AuditEntry, ...]
    cursor: str | None


def record(
    kit: Kit, actor: Actor, action: str, subject: str, why: str, result: str = "ok", *, failed: bool | None = None
) -> None:
    """Record an action, also as a log line, unless the actor sees the result of a command.

    :param failed: None: every result but ``ok`` is a failure.
    """
    fields = {
        "who": actor.name,
        "via": actor.via,
        "action": action,
        "subject": subject,
        "why": why,
        "result": result,
    }
    if failed if failed is not None else result != "ok":
        fields["failed"] = "1"
    short = {name: well_formed(value[:_MAX_TEXT]) for name, value in fields.items()}
    if actor.via != "cli":
        log.info("action_recorded", **short)
    try:
        seconds, _ = kit.redis.time()
        with kit.redis.pipeline() as pipeline:
            pipeline.xadd(kit.keys.audit, short, maxlen=_ENTRIES)  # type: ignore[arg-type]
            pipeline.xtrim(
                kit.keys.audit, minid=str(max(0, seconds - kit.settings.audit_ttl) * 1000), approximate=False
            )
            pipeline.execute()
    except redis.RedisError as error:
        log.error("audit_not_recorded", error=type(error).__name__, **short)  # noqa: TRY400 - the traceback adds nothing


def list_audit(
    kit: Kit,
    *,
    who: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> AuditPage:
    """Return a page of the audit log, newest first.

    :param subject: an exact subject.
    :raises InvalidArgument: the cursor is not one that an earlier page has returned.
    """
    if cursor is not None and not _PLACE.fullmatch(cursor):
        raise InvalidArgument("this cursor is not one of an earlier page")
    entries: list[AuditEntry] = []
    read, wanted = 0, size
    while read < _READ:
        raw: Any = kit.redis.xrevrange(kit.keys.audit, f"({cursor}" if cursor else "+", "-", count=wanted)
        for entry_id, fields in raw:
            entry = _entry(text(entry_id), {text(name): text(value) for name, value in fields.items()})
            cursor = entry.id
            if who in (None, entry.who) and action in (None, entry.action) and subject in (None, entry.subject):
                entries.append(entry)
                if len(entries) == size:
                    return AuditPage(tuple(entries), cursor)
        if len(raw) < wanted:
            return AuditPage(tuple(entries), None)
        # The rarer they are, the more are read at once.
        read, wanted = read + wanted, min(2 * wanted, _READ)
    return AuditPage(tuple(entries), cursor)


def _entry(entry_id: str, fields: dict[str, str]) -> AuditEntry:
    at = datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)
    names = ("who", "via", "action", "subject", "why", "result")
    shown = {name: printable(fields.get(name, "")) for name in names}
    return AuditEntry(id=entry_id, at=at, failed="failed" in fields, **shown)
