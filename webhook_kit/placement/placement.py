"""Placing an order exactly once.

The life of a placement, as its record in Redis goes through it::

    placeOrder ──claim──▶ claimed ──the POS is about to be called──▶ calling ──▶ placed      answer 200, replayed
                            │  │                                       │  │  ╲─▶ refused     answer 4xx, replayed
                            │  └─ refused by menu, price or token ──▶  │  │
                            │                                          │  └─ NotPlaced ──▶ released   503, start afresh
                            ╰─ process died: the claim lapses,         ╰─ anything else, or the process died ──▶ in doubt
                               nothing happened                           the POS may have the order

* **In doubt** is left by a look-up: found → placed; not found, then not found again after a pause → start afresh. An
  adapter that cannot look up but whose POS takes our key is called again with the same key. With neither, a person decides.
* The look-up comes **before any refusal**: an item that ran out since must not refuse an order that is already cooking.
* A call that outlives its deadline goes on in its thread; Gett is told 503 and finds the answer at its next attempt.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NoReturn

import redis

from webhook_kit.adapter import Capability, Guarantee, Placed, PosAdapter, Refused, Store, placement_key
from webhook_kit.errors import NotPlaced, PosUnavailable
from webhook_kit.gett.models.order import Amounts, ExternalOrder, PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.logs import logger
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.idempotency_store import (
    AlreadyPlaced,
    AttemptOutcome,
    Busy,
    Claim,
    PlacementStore,
    Replay,
    SettleResult,
)
from webhook_kit.placement.terms import PriceAgreement
from webhook_kit.placement.validation import as_violations, ask_pos
from webhook_kit.pos.executor import PosCall, PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory

__all__ = ["Placement", "PlacementResponse", "fingerprint"]

log = logger("placement")

_CONFIRMED = order_progress(OrderStatus.CONFIRMED).text

_ANSWER_MARGIN = 0.5
"""Seconds kept back from the webhook's deadline for the answer's own way."""

_CONTENT = {"cart", "fulfillment_type", "delivery_info", "customer", "amounts"}

_NEVER_KEPT = {"payment", "validated_order_token"}
"""What an order's record and answer leave out, by name."""


@dataclass(frozen=True, slots=True)
class PlacementResponse:
    """What Gett is answered."""

    status: int
    body: bytes
    ref: str
    replayed: bool = False


class _Again(Exception):
    pass


class Placement:
    """The state machine behind placeOrder."""

    def __init__(
        self,
        ledger: PlacementStore,
        stores: StoreDirectory,
        calls: PosExecutor,
        terms: PriceAgreement,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._stores = stores
        self._calls = calls
        self._terms = terms
        self._settings = settings

    def place(
        self, order: PlaceOrderRequest, store: Store, key: str, render: Callable[[Problem], bytes]
    ) -> PlacementResponse:
        """Place an order once, or give the answer that was given before.

        :param render: writes the problem document of a refusal, which is kept for replay.
        :raises Problem: what Gett is answered when there is no order to return.
        :raises redis.RedisError: when the ledger is out of reach; nothing was called.
        """
        until = time.monotonic() + self._settings.webhook_deadline - _ANSWER_MARGIN
        print_ = fingerprint(order)
        amounts = self._terms.known_beforehand(order, store, self._stores.adapter(store), until=until)
        ready = b"" if amounts is None else _without_secrets(order.model_copy(update={"amounts": amounts}))
        while True:
            claim = self._claimed(order, store, key, print_, ready, until)
            if isinstance(claim, PlacementResponse):
                return claim
            if claim.calling:
                order.amounts = amounts
            attempt = _Attempt(self, order, store, claim, until, render)
            try:
                return attempt.run()
            except _Again:
                continue

    def look_up(self, ref: str) -> bool:
        """Settle an order in doubt if the POS has it; never places. For the sweeper.

        :return: whether it is settled now.
        """
        record = self._ledger.find(ref)
        store = self._stores.by_id(record.get("store", "")) if record else None
        if record is None or store is None or not record.get("order"):
            return False
        adapter = self._stores.adapter(store)
        if not adapter.offers(Capability.FIND_ORDER):
            return False
        ticket = self._calls.run(store.id, lambda: adapter.find_order(store, ref))
        if not isinstance(ticket, Placed):
            return False
        order = PlaceOrderRequest.from_json(record["order"])
        claim = Claim(ref, "", record.get("gett_id", ""), store.id, record["fp"], record.get("owner", ""))
        return self.record(claim, order, ticket) in (SettleResult.OK, SettleResult.SAME)

    def record(
        self, claim: Claim, order: PlaceOrderRequest, ticket: Placed, receipt: bytes | None = None
    ) -> SettleResult:
        """Write down a ticket: the answer, and the confirmation that goes to Gett, unless the POS decides later.

        :param receipt: the answer, when it has been written already.
        """
        return self._ledger.settle(
            claim,
            AttemptOutcome.PLACED,
            status=200,
            answer=receipt or _receipt(order, ticket),
            partner_order_id=ticket.id,
            update=_CONFIRMED if ticket.status == "accepted" else "",
        )

    def _claimed(
        self, order: ExternalOrder, store: Store, key: str, print_: str, ready: bytes, until: float
    ) -> Claim | PlacementResponse:
        """Claim the order, waiting for another attempt that is under way."""
        gett_id = order.gett_order_id or ""
        pause = 0.01
        while True:
            decision = self._ledger.claim(key=key, gett_id=gett_id, store_id=store.id, fingerprint=print_, ready=ready)
            if isinstance(decision, Claim):
                return decision
            if isinstance(decision, Replay):
                if decision.newly_linked:
                    self._ledger.link(decision.ref, decision.newly_linked)
                return PlacementResponse(decision.status, decision.body, decision.ref, replayed=True)
            if isinstance(decision, AlreadyPlaced):
                raise Problem(
                    ErrorCode.ORDER_ALREADY_PLACED,
                    f"order {gett_id} was placed with other content, as {decision.partner_order_id}",
                )
            if not isinstance(decision, Busy):
                detail = "this Idempotency-Key was used for another order: use a fresh key for each order"
                error = ValidationError(code=ErrorCode.OTHER, message=detail, json_path="$")
                raise Problem(ErrorCode.VALIDATION_FAILED, detail, errors=[error])
            left = until - time.monotonic()
            if left <= 0:
                raise Problem(
                    ErrorCode.CONFLICT, "the same order is being placed right now", retryable=True, retry_after=5
                )
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 0.25)


class _Attempt:
    """One claim, from the look-up to the answer."""

    def __init__(
        self,
        placement: Placement,
        order: PlaceOrderRequest,
        store: Store,
        claim: Claim,
        until: float,
        render: Callable[[Problem], bytes],
    ) -> None:
        self._placement = placement
        self._ledger = placement._ledger  # noqa: SLF001 - one state machine in two classes
        self._calls = placement._calls  # noqa: SLF001
        self._adapter: PosAdapter = placement._stores.adapter(store)  # noqa: SLF001
        self._settings = placement._settings  # noqa: SLF001
        self._order = order
        self._store = store
        self._claim = claim
        self._until = until
        self._render = render
        self._doubt = claim.doubt
        self._looked = False
        order._order_ref = claim.ref  # noqa: SLF001 - the kit's own private attribute

    def run(self) -> PlacementResponse:
        self._ledger.start_renewal(self._claim)
        started = False
        try:
            if not self._claim.calling:
                self._say_calling(self._prepared())
            call = self._start()
            started = True
        except Problem as problem:
            try:
                self._settle_problem(problem)
            except redis.RedisError:
                self._give_back()
            raise
        except redis.RedisError:
            self._give_back()
            raise
        except _Again:
            raise
        except BaseException:
            self._settle_problem(unavailable("this order could not be handled"))
            raise
        finally:
            if not started:  # from here on the call's own thread keeps the claim alive
                self._ledger.stop_renewal(self._claim)
        return self._wait(call)

    def _give_back(self) -> None:
        self._ledger.release_later(self._claim, AttemptOutcome.IN_DOUBT if self._doubt else AttemptOutcome.RELEASED)

    def _prepared(self) -> Amounts:
        """Everything that comes before the call: the amounts to place at."""
        if (ticket := self._earlier_ticket()) is not None:
            self._found(ticket)
        try:
            return self._agreed()
        except Problem as refusal:
            if refusal.status < 500 and (ticket := self._ticket_before_refusing()) is not None:
                self._found(ticket)
            raise

    # -- was it placed before? -----------------------------------------------------------------------------------------

    def _earlier_ticket(self) -> Placed | None:
        """The ticket of an earlier attempt, where one is possible (``design``: look up before anything else)."""
        can_find = self._adapter.offers(Capability.FIND_ORDER)
        if not self._doubt:
            # A POS that takes our key makes no second ticket; any other is always asked first: Redis may have been emptied.
            return self._look_up() if self._adapter.guarantee() is Guarantee.LOOK_UP else None
        if can_find:
            if (ticket := self._look_up()) is not None:
                return ticket
            # Straight after a time-out "not found" proves nothing: let it settle, look again.
            time.sleep(max(0.0, min(self._settings.lookup_retry_delay, self._until - time.monotonic())))
            if (ticket := self._look_up()) is not None:
                return ticket
            self._doubt = False
            return None
        if self._adapter.guarantee() is Guarantee.NATIVE and self._claim.same_order:
            return None
        log.error("order in doubt, a person has to decide", order=self._claim.ref, store=self._store.id)
        raise unavailable(
            f"it is not known whether order {self._claim.ref} reached the POS; a person has to settle it",
            retry_after=60,
        )

    def _look_up(self) -> Placed | None:
        ref, store = self._claim.ref, self._store
        self._looked = True
        found = ask_pos(
            self._calls, store, "find_order", lambda: self._adapter.find_order(store, ref), until=self._until
        )
        if found is not None and not isinstance(found, Placed):
            log.error(
                "pos answer not usable", store=store.id, complaint=f"find_order() returned {type(found).__name__}"
            )
            raise unavailable("the POS gave no usable answer")
        return found

    def _ticket_before_refusing(self) -> Placed | None:
        if self._looked or not self._adapter.offers(Capability.FIND_ORDER):
            return None
        return self._look_up()

    def _found(self, ticket: Placed) -> NoReturn:
        log.info("order found at the pos", order=self._claim.ref, pos_order=ticket.id)
        # The customer accepted what the earlier attempt was placed at, when that is known.
        earlier = self._claim.earlier_order
        order = PlaceOrderRequest.from_json(earlier) if earlier else self._at_accepted_amounts()
        self._placement.record(self._claim, order, ticket)
        raise _Again

    def _at_accepted_amounts(self) -> PlaceOrderRequest:
        """The order as it came, for a ticket that was placed before anything we remember."""
        with suppress(Problem):
            accepted = self._placement._terms.accepted(self._order)  # noqa: SLF001
            if accepted is not None:
                self._order.amounts = accepted.amounts
        return self._order

    # -- may it be placed, and at what price? --------------------------------------------------------------------------

    def _agreed(self) -> Amounts:
        """The amounts to place at.

        :raises Problem: the refusal.
        """
        if self._doubt and self._claim.earlier_order:
            # Checked when the POS was first called; the POS knows our key and gives the answer it gave then.
            earlier = PlaceOrderRequest.from_json(self._claim.earlier_order)
            if earlier.amounts is not None:
                return earlier.amounts
        return self._placement._terms.amounts(self._order, self._store, until=self._until)  # noqa: SLF001

    # -- the call ------------------------------------------------------------------------------------------------------

    def _say_calling(self, amounts: Amounts) -> None:
        self._order.amounts = amounts
        if not self._ledger.record_call(self._claim, _without_secrets(self._order)):
            raise _Again

    def _start(self) -> PosCall[PlacementResponse]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise unavailable("no time was left to call the POS")
        try:
            return self._calls.start(self._store.id, self._work, deadline=min(left, self._settings.pos_deadline))
        except PosUnavailable as error:
            raise unavailable(str(error), retry_after=error.retry_after) from error

    def _wait(self, call: PosCall[PlacementResponse]) -> PlacementResponse:
        try:
            return call.wait(min(self._until - time.monotonic(), self._settings.pos_deadline))
        except PosUnavailable as error:
            log.warning("pos call outlives its deadline", order=self._claim.ref, store=self._store.id)
            raise unavailable(str(error), retry_after=error.retry_after) from error
        except (_Again, Problem):
            raise
        except Exception as error:
            raise unavailable("the POS could not be reached or gave no usable answer") from error

    def _work(self, call: PosCall[PlacementResponse]) -> None:
        """Runs in the call's own thread, and to its end, whether or not somebody still waits."""
        order, store, claim = self._order, self._store, self._claim
        try:
            result = self._adapter.place_order(store, order, placement_key(store, claim.ref))
            if not isinstance(result, Placed | Refused):
                raise TypeError(f"place_order() returned {type(result).__name__}, not Placed or Refused")  # noqa: TRY301
        except NotPlaced as failure:
            log.warning("pos not reached", order=claim.ref, store=store.id, why=str(failure))
            outcome = AttemptOutcome.IN_DOUBT if self._doubt else AttemptOutcome.RELEASED
            self._settle_surely(call, lambda: self._ledger.settle(claim, outcome), failure)
            raise
        except BaseException as failure:
            log.exception("pos call failed, the order is in doubt", order=claim.ref, store=store.id)
            self._settle_surely(call, lambda: self._ledger.settle(claim, AttemptOutcome.IN_DOUBT), failure)
            raise
        else:
            if isinstance(result, Placed):
                self._placed(call, result)
            else:
                self._refused(call, result)

    def _placed(self, call: PosCall[PlacementResponse], ticket: Placed) -> None:
        order, claim = self._order, self._claim
        if ticket.amounts is not None and order.amounts is not None and ticket.amounts.total != order.amounts.total:
            log.warning(
                "the pos charges another price",
                order=claim.ref,
                accepted=str(order.amounts.total),
                charged=str(ticket.amounts.total),
            )
        answer = PlacementResponse(200, _receipt(order, ticket), claim.ref)
        self._settle_surely(call, lambda: self._placement.record(claim, order, ticket, answer.body), answer)

    def _refused(self, call: PosCall[PlacementResponse], refused: Refused) -> None:
        problem = Problem.refusing(as_violations(refused.refusals))
        log.info("order refused by the pos", order=self._claim.ref, code=problem.code)
        self._doubt = False  # the POS knows our key, or was looked up: its "no" is the whole truth
        self._settle_surely(call, lambda: self._settle_problem(problem), problem)

    def _settle_surely(
        self,
        call: PosCall[PlacementResponse],
        settle: Callable[[], SettleResult],
        result: PlacementResponse | BaseException,
    ) -> None:
        """Record the outcome, then let whoever waits go on; without Redis let them go on first, and keep trying."""
        handed_over = False
        pause = 0.05
        give_up = time.monotonic() + self._settings.pos_abandon_after
        while True:
            try:
                settled = settle()
            except redis.RedisError as error:
                if not handed_over:
                    log.exception("outcome not recorded yet", order=self._claim.ref, error=type(error).__name__)
                    _hand_over(call, result)
                    handed_over = True
                if time.monotonic() > give_up:
                    self._ledger.stop_renewal(self._claim)
                    return
                time.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            break
        self._ledger.stop_renewal(self._claim)
        if settled is SettleResult.DUPLICATE:
            log.error("incident: this order may have two tickets", order=self._claim.ref, store=self._store.id)
        if not handed_over:
            _hand_over(call, result if settled is SettleResult.OK else _Again())

    def _settle_problem(self, problem: Problem) -> SettleResult:
        """Settle an attempt that ends without a ticket; an order that was in doubt stays so."""
        if self._doubt:
            return self._ledger.settle(self._claim, AttemptOutcome.IN_DOUBT)
        if not problem.final:
            return self._ledger.settle(self._claim, AttemptOutcome.RELEASED)
        problem.rendered = self._render(problem)
        return self._ledger.settle(self._claim, AttemptOutcome.REFUSED, status=problem.status, answer=problem.rendered)


def fingerprint(order: ExternalOrder) -> str:
    """What makes an order the same order: store, cart, fulfillment, customer and amounts (``gett-protocol.md §3``)."""
    content = order.__pydantic_serializer__.to_json(order, by_alias=True, exclude_none=True, include=_CONTENT)
    return sha256(json.dumps(json.loads(content), sort_keys=True).encode()).hexdigest()


def _receipt(order: ExternalOrder, ticket: Placed) -> bytes:
    """The ExternalOrder that Gett is answered and that is replayed."""
    charged = ticket.amounts
    if charged is not None and (contradictions := charged.contradictions()):
        log.error("the pos's amounts do not add up", pos_order=ticket.id, complaint="; ".join(contradictions))
        charged = None
    receipt = order.model_copy(
        update={
            "partner_order_id": ticket.id,
            "placed_at": datetime.now(UTC),
            "amounts": charged or order.amounts,
            "is_valid": True,
            "errors": [],
            "trace_id": None,
        }
    )
    return _without_secrets(receipt)


def _without_secrets(order: ExternalOrder) -> bytes:
    return order.__pydantic_serializer__.to_json(order, by_alias=True, exclude_unset=True, exclude=_NEVER_KEPT)


def _hand_over(call: PosCall[PlacementResponse], result: PlacementResponse | BaseException) -> None:
    if isinstance(result, PlacementResponse):
        call.finish(result)
    else:
        call.fail(result)
