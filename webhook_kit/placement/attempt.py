"""One attempt at placing an order, and the JSON that it stores and answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from webhook_kit.adapter import Placed, PosAdapter, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.problems import Problem
from webhook_kit.logs import logger
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.placement.order_notes import AttemptNotes
from webhook_kit.placement.pricing import Token

__all__ = ["Attempt", "PlacementResponse", "accepted_total", "receipt", "stored_order"]

log = logger("placement")

_NEVER_STORED = {"payment", "validated_order_token"}
"""Members of an order that neither its record nor its receipt contains."""


@dataclass(frozen=True, slots=True)
class PlacementResponse:
    """Final answer to a placeOrder: the receipt, or a refusal as a problem document."""

    status: int
    body: bytes
    ref: str
    replayed: bool = False


@dataclass(slots=True)
class Attempt:
    """One claim on its way to an outcome.

    :ivar order: the order as it came, with its orderRef.
    :ivar token: the order's token, as it was read.
    :ivar decision: the priced order or the refusal, when decided before the claim.
    :ivar deadline: monotonic time by which Gett needs an answer.
    :ivar instance: path of the request, for problem documents.
    :ivar doubt: an earlier attempt may have reached the POS; a look-up or the POS's refusal ends the doubt.
    :ivar notes: what the attempt has done so far, for the timeline.
    """

    order: PlaceOrderRequest
    token: Token
    decision: PlaceOrderRequest | Problem | None
    store: Store
    adapter: PosAdapter
    claim: Claim
    deadline: float
    instance: str
    trace_id: str
    doubt: bool
    notes: AttemptNotes = field(default_factory=AttemptNotes)

    @property
    def unplaced(self) -> AttemptOutcome:
        """Outcome when this attempt did not reach the POS: a doubt about an earlier one stays."""
        return AttemptOutcome.IN_DOUBT if self.doubt else AttemptOutcome.RELEASED

    def final_refusal(self, problem: Problem) -> PlacementResponse | None:
        """Return a refusal as it is answered and replayed; None when it is not final, or the order stays in doubt."""
        if self.doubt or not problem.final:
            return None
        document = problem.document(instance=self.instance, trace_id=self.trace_id)
        return PlacementResponse(problem.status, document.to_json(), self.claim.ref)


def stored_order(order: ExternalOrder) -> bytes:
    """Return the order as its record contains it."""
    return order.model_dump_json(by_alias=True, exclude_unset=True, exclude=_NEVER_STORED).encode()


def accepted_total(order: ExternalOrder | None) -> str:
    """Return the total of an order as its record contains it; empty when there is none."""
    amounts = order.amounts if order else None
    return "" if amounts is None or amounts.total is None else str(amounts.total)


def receipt(order: ExternalOrder, ticket: Placed) -> PlacementResponse:
    """Return the answer for a ticket: the ExternalOrder with the POS's order id and the amounts that it charges."""
    placed = order.model_copy(
        update={
            "partner_order_id": ticket.id,
            "placed_at": datetime.now(UTC),
            "amounts": _charged(order, ticket) or order.amounts,
            "is_valid": True,
            "errors": [],
            "trace_id": None,
        }
    )
    return PlacementResponse(200, stored_order(placed), order.order_ref)


def _charged(order: ExternalOrder, ticket: Placed) -> Amounts | None:
    """Return the amounts that the POS charges, if it returns any and they add up. A difference is only logged."""
    charged = ticket.amounts
    if charged is None:
        return None
    if order.amounts is not None and charged.total != order.amounts.total:
        accepted, total = str(order.amounts.total), str(charged.total)
        log.warning("pos_price_differed", order=order.order_ref, accepted=accepted, charged=total)
    if mistakes := charged.mistakes():
        log.error("pos_amounts_contradicted", pos_order=ticket.id, complaint="; ".join(mistakes))
        return None
    return charged.with_request(order.amounts)
