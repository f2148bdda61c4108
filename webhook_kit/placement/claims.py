"""Claims on an order, and the results of claiming and of settling it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AlreadyPlaced",
    "AttemptOutcome",
    "Busy",
    "Claim",
    "ClaimResult",
    "KeyReused",
    "Replay",
    "SettleResult",
    "SignatureReplayed",
]


class AttemptOutcome(StrEnum):
    """Outcome of an attempt."""

    PLACED = "placed"
    REFUSED = "refused"
    """Final: the answer is replayed."""
    RELEASED = "released"
    """Nothing reached the POS and no final answer was given: the next attempt starts afresh."""
    IN_DOUBT = "in_doubt"
    """The POS may have the order."""


class SettleResult(StrEnum):
    """Result of settling an attempt."""

    OK = "ok"
    SAME = "same"
    """Another attempt has recorded the same ticket."""
    DUPLICATE = "duplicate"
    """The outcome contradicts the record, which stays unchanged; an incident was raised."""
    STALE = "stale"
    """Another attempt has taken over; the outcome was not recorded."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim was granted: this attempt may go on, and no other.

    :ivar ref: the orderRef.
    :ivar owner: random id of this attempt.
    :ivar calling: the POS call is recorded already.
    :ivar doubt: an earlier attempt may have reached the POS.
    :ivar same_order: the earlier attempt had the same content.
    :ivar earlier_order: the earlier attempt's order, as stored before its POS call, or empty.
    """

    ref: str
    key: str
    gett_id: str
    store_id: str
    fingerprint: str
    owner: str
    calling: bool = False
    doubt: bool = False
    same_order: bool = True
    earlier_order: bytes = b""


@dataclass(frozen=True, slots=True)
class Replay:
    """The order has its final answer, which is given again.

    :ivar newly_linked: Gett's order id, when this request is the first to contain it.
    """

    status: int
    body: bytes
    ref: str
    newly_linked: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another attempt is under way; its lease ends in so many seconds unless it is renewed or settled."""

    seconds: float


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The Idempotency-Key belongs to another order."""


@dataclass(frozen=True, slots=True)
class AlreadyPlaced:
    """The order is placed already, with other content."""

    partner_order_id: str


@dataclass(frozen=True, slots=True)
class SignatureReplayed:
    """The same signed body came under another Idempotency-Key."""


ClaimResult = Claim | Replay | Busy | KeyReused | AlreadyPlaced | SignatureReplayed
