"""Dead letters by conditions: counted, and listed newest first in pages of a bounded cost."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.outbox.dead_letters import DeadLetter
from webhook_kit.storage.clock import redis_time

__all__ = [
    "DeadLetterCount",
    "DeadLetterFacts",
    "DeadLetterFilter",
    "DeadLetterPage",
    "count",
    "dead_letter_facts",
    "list_dead_letters",
    "matches",
    "period",
]

_READ = 1_000
"""Dead letters that a page reads at most."""

_COUNTED = 20_000
_PLACE = re.compile(r"\d{1,16}\.\d{3} \d{1,20}")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Conditions of a selection; a condition that is None is met by every dead letter.

    :ivar lane: full name of a lane: ``order:REF``, ``store:ID`` or ``catalog:ID``.
    :ivar store_id: the partner's id of a store: its orders, its status and its catalog.
    :ivar why: a part of the reason, in any case.
    :ivar status: Gett's HTTP status; 0: no answer came.
    :ivar older_than: seconds since sending was given up, at least.
    :ivar newer_than: seconds since sending was given up, at most.
    """

    lane: str | None = None
    store_id: str | None = None
    why: str | None = None
    status: int | None = None
    older_than: float | None = None
    newer_than: float | None = None

    def __str__(self) -> str:
        """Return the conditions as a person reads them in the audit log."""
        conditions = [f"{name.replace('_', ' ')} {value}" for name, value in asdict(self).items() if value is not None]
        return ", ".join(conditions) or "all"


@dataclass(frozen=True, slots=True)
class DeadLetterFacts:
    """Facts about an update for which sending was given up.

    :ivar number: the update's number, unique in this installation.
    :ivar kind: ``order``, ``store`` or ``catalog``.
    :ivar subject: the orderRef, or the partner's id of the store.
    :ivar store_id: the partner's id of the store, if it is known.
    :ivar update: the step or status that was to be sent, such as ``ready`` or ``paused``.
    :ivar status: Gett's HTTP status; None if no answer came.
    """

    number: int
    lane: str
    kind: str
    subject: str
    store_id: str | None
    update: str
    why: str
    status: int | None
    appended: datetime
    dead_lettered: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Part of a list; there may be fewer than were asked for, even none, although ``cursor`` leads to more.

    :ivar cursor: continues the list; None at its end.
    """

    letters: tuple[DeadLetterFacts, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """Number of dead letters that meet the conditions.

    :ivar complete: False if there are more: the cost of counting is bounded.
    """

    number: int
    complete: bool


def list_dead_letters(
    kit: Kit, condition: DeadLetterFilter, *, cursor: str | None = None, size: int = 50
) -> DeadLetterPage:
    """Return a page of the dead letters that meet the conditions, newest first.

    :raises InvalidArgument: the cursor is not one that an earlier page has returned.
    """
    if cursor is not None and not _PLACE.fullmatch(cursor):
        raise InvalidArgument("this cursor is not one of an earlier page")
    found: list[DeadLetterFacts] = []
    now, read, wanted = redis_time(kit.redis), 0, size
    while read < _READ:
        letters, more = _newest_first(kit, condition, now, cursor, min(wanted, _READ - read))
        for place, letter in letters:
            if matches(condition, letter):
                found.append(dead_letter_facts(letter))
                if len(found) == size:
                    return DeadLetterPage(tuple(found), place)
        # The rarer they are, the more are read at once.
        read, cursor, wanted = read + min(wanted, _READ - read), more, 2 * wanted
        if more is None:
            break
    return DeadLetterPage(tuple(found), cursor)


def count(kit: Kit, condition: DeadLetterFilter) -> DeadLetterCount:
    """Return the number of dead letters that meet the conditions. At most 20,000 are looked at."""
    now = redis_time(kit.redis)
    if replace(condition, older_than=None, newer_than=None) == DeadLetterFilter():
        return DeadLetterCount(kit.dead_letters.count(*period(condition, now)), complete=True)
    number, cursor = 0, None
    for _ in range(_COUNTED // _READ):
        letters, cursor = _newest_first(kit, condition, now, cursor, _READ)
        number += sum(matches(condition, letter) for _, letter in letters)
        if cursor is None:
            return DeadLetterCount(number, complete=True)
    return DeadLetterCount(number, complete=False)


def period(condition: DeadLetterFilter, now: float) -> tuple[float, float]:
    """Return the oldest and the latest moment (Unix seconds) at which sending was given up, by the conditions."""
    oldest = 0.0 if condition.newer_than is None else now - condition.newer_than
    return oldest, now - (condition.older_than or 0.0)


def _newest_first(
    kit: Kit, condition: DeadLetterFilter, now: float, cursor: str | None, limit: int
) -> tuple[list[tuple[str, DeadLetter]], str | None]:
    oldest, latest = period(condition, now)
    return kit.dead_letters.page(cursor, limit, oldest=oldest, latest=latest, newest_first=True)


def matches(condition: DeadLetterFilter, letter: DeadLetter) -> bool:
    """Return True if a dead letter meets the conditions, apart from those of its age (:func:`period`)."""
    return (
        condition.lane in (None, letter.lane)
        and condition.store_id in (None, letter.store_id)
        and (condition.why is None or condition.why.lower() in letter.why.lower())
        and condition.status in (None, letter.status)
    )


def dead_letter_facts(letter: DeadLetter) -> DeadLetterFacts:
    """Return a dead letter as people see it: without the text of a cancellation."""
    kind, _, subject = letter.lane.partition(":")
    return DeadLetterFacts(
        number=letter.number,
        lane=letter.lane,
        kind=kind,
        subject=subject,
        store_id=letter.store_id or None,
        update=str(letter.body.get("state") or letter.body.get("status") or kind),
        why=letter.why,
        status=letter.status or None,
        appended=datetime.fromtimestamp(letter.appended, UTC),
        dead_lettered=datetime.fromtimestamp(letter.dead_lettered, UTC),
    )
