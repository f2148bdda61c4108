"""Incidents, grouped by their cause: acknowledged and noted by people."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor
from webhook_kit.storage.connection import text
from webhook_kit.texts import well_formed

__all__ = ["IncidentGroup", "IncidentNote", "IncidentSubject", "acknowledge", "add_note", "incident_groups"]

_MOST = 1_000
"""Incidents that are kept."""

_SUBJECTS = 50
"""Subjects that a group names at most."""

_NOTES = 20
_NOTE_LENGTH = 1_000
_NOTE_TTL = 90 * 86_400
_SUBJECT_KINDS = ("store", "setting", "worker", "order")
_VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}|\d+", re.IGNORECASE)
"""Parts of a reason in which incidents of one cause differ: ids and numbers."""


@dataclass(frozen=True, slots=True)
class IncidentSubject:
    """Subject of an incident.

    :ivar kind: ``order``, ``store``, ``setting`` or ``worker``.
    """

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """Note or acknowledgement of a person.

    :ivar text: empty for an acknowledgement without a reason.
    """

    at: datetime
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class IncidentGroup:
    """Incidents of one cause.

    :ivar id: of the group, the same for as long as the cause is.
    :ivar kind: a value of :class:`~webhook_kit.storage.alerts.Alert`.
    :ivar why: reason of the newest one.
    :ivar count: number of incidents.
    :ivar subjects: of the newest ones, each once.
    :ivar acknowledged: by whom and when, or None.
    :ivar notes: newest first.
    """

    id: str
    kind: str
    why: str
    count: int
    oldest: datetime
    newest: datetime
    subjects: tuple[IncidentSubject, ...]
    acknowledged: IncidentNote | None
    notes: tuple[IncidentNote, ...]

    @property
    def open(self) -> bool:
        """True if there is an incident that nobody has acknowledged."""
        return self.acknowledged is None or self.acknowledged.at < self.newest


def incident_groups(kit: Kit) -> list[IncidentGroup]:
    """Return the incidents by cause, the group with the newest one first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in kit.placement_store.incidents(_MOST):
        groups.setdefault(_group_id(entry), []).append(entry)
    with kit.redis.pipeline(transaction=False) as pipeline:
        for group_id in groups:
            pipeline.hgetall(kit.keys.incident(group_id))
        replies = pipeline.execute()
    return [_group(name, entries, said) for (name, entries), said in zip(groups.items(), replies, strict=True)]


def acknowledge(kit: Kit, actor: Actor, group_id: str, why: str) -> None:
    """Record that a person knows of the incidents of a group. A newer incident opens the group again.

    :raises NotFound: there is no such group.
    """
    _require(kit, group_id)
    _write(kit, group_id, {"acknowledged": _note(kit, actor, why)})


def add_note(kit: Kit, actor: Actor, group_id: str, note: str) -> None:
    """Add a note to the incidents of a group.

    :raises NotFound: there is no such group.
    """
    _require(kit, group_id)
    notes = json.loads(kit.redis.hget(kit.keys.incident(group_id), "notes") or "[]")
    _write(kit, group_id, {"notes": json.dumps([json.loads(_note(kit, actor, note)), *notes][:_NOTES])})


def _require(kit: Kit, group_id: str) -> None:
    if all(_group_id(entry) != group_id for entry in kit.placement_store.incidents(_MOST)):
        raise NotFound(f"there are no incidents of group {group_id[:40]}")


def _write(kit: Kit, group_id: str, fields: dict[str, str]) -> None:
    with kit.redis.pipeline() as pipeline:
        pipeline.hset(kit.keys.incident(group_id), mapping=fields)  # type: ignore[arg-type]
        pipeline.expire(kit.keys.incident(group_id), _NOTE_TTL)
        pipeline.execute()


def _note(kit: Kit, actor: Actor, said: str) -> str:
    seconds, micros = kit.redis.time()
    return json.dumps(
        {"at": seconds * 1000 + micros // 1000, "who": actor.name, "text": well_formed(said[:_NOTE_LENGTH])}
    )


def _group_id(entry: Mapping[str, Any]) -> str:
    cause = f"{entry.get('kind')} {_VARIABLE.sub('#', _why(entry))}"
    return hashlib.sha256(cause.encode(errors="replace")).hexdigest()[:16]


def _why(entry: Mapping[str, Any]) -> str:
    return str(entry.get("why") or f"known {entry.get('known') or 'none'}, reported {entry.get('reported')}")


def _group(group_id: str, entries: list[Mapping[str, Any]], said: Mapping[bytes, bytes]) -> IncidentGroup:
    subjects = (
        IncidentSubject(kind, str(entry[kind])) for entry in entries for kind in _SUBJECT_KINDS if kind in entry
    )
    acknowledged, notes = text(said.get(b"acknowledged")), text(said.get(b"notes"))
    return IncidentGroup(
        id=group_id,
        kind=str(entries[0].get("kind")),
        why=_why(entries[0]),
        count=len(entries),
        oldest=_moment(entries[-1]["at"]),
        newest=_moment(entries[0]["at"]),
        subjects=tuple(list(dict.fromkeys(subjects))[:_SUBJECTS]),
        acknowledged=_read_note(json.loads(acknowledged)) if acknowledged else None,
        notes=tuple(map(_read_note, json.loads(notes or "[]"))),
    )


def _read_note(note: Mapping[str, Any]) -> IncidentNote:
    return IncidentNote(_moment(note["at"]), str(note["who"]), str(note["text"]))


def _moment(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
