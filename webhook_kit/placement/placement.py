"""Placing an order exactly once: claim → look up or decide → call the POS → settle.

The states of a placement, as in its record in Redis::

    placeOrder ──claim──▶ claimed ──record the call──▶ calling ──the POS accepts──▶ placed    200, replayed
                            │                            ├───────the POS refuses──▶ refused   4xx, replayed
                            ├──refused by catalog or price────────────────────────▶ refused   4xx, replayed
                            │                            ├───────NotPlaced────────▶ released  503, starts afresh
                            ├──no call for another reason─────────────────────────▶ released  4xx or 503, the same
                            ╰──process died              ╰───────anything else────▶ in doubt  503, the POS may have it
                               the lease lapses, nothing happened

* **In doubt** ends with a look-up: found → placed; not found twice, with a pause in between → the order is placed
  afresh. An adapter without look-up whose POS takes the kit's idempotency key is called again with the same key. With
  neither, a person decides. An attempt that ends before the call leaves the order in doubt.
* The look-up comes **before any refusal**: an item that became unavailable since must not refuse an order that is
  already cooking.
* A call that outlives its deadline goes on in its thread. Gett gets 503, and its next attempt gets the recorded answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import redis

from webhook_kit.adapter import Capability, Guarantee, Placed, PosAdapter, Store
from webhook_kit.errors import NotPlaced, PosUnavailable
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.logs import logger
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.attempt import Attempt, PlacementResponse, accepted_total, receipt, stored_order
from webhook_kit.placement.claiming import claim_or_answer
from webhook_kit.placement.claims import AttemptOutcome, Claim, SettleResult
from webhook_kit.placement.fingerprint import fingerprint, former_fingerprint
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.placement.order_notes import AttemptNotes
from webhook_kit.placement.pos_calls import as_violations, find_order, place_order
from webhook_kit.placement.pricing import Pricing
from webhook_kit.placement.settlement import Settlement
from webhook_kit.placement.token import AcceptedPrice
from webhook_kit.pos.executor import PosCall, PosExecutor
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory

__all__ = ["Placement"]

log = logger("placement")

_CONFIRMED = order_progress(OrderStatus.CONFIRMED).text

_ANSWER_MARGIN = 0.5
"""Seconds of the webhook's deadline that are kept for sending the answer."""


class Placement:
    """The state machine behind placeOrder."""

    def __init__(
        self,
        records: PlacementStore,
        stores: StoreDirectory,
        executor: PosExecutor,
        pricing: Pricing,
        settings: Settings,
    ) -> None:
        self._records = records
        self._stores = stores
        self._executor = executor
        self._pricing = pricing
        self._settings = settings
        self._settlement = Settlement(records, settings)

    def place(
        self,
        order: PlaceOrderRequest,
        store: Store,
        key: str,
        *,
        instance: str,
        trace_id: str,
        arrived: float | None = None,
        signed_body: str = "",
        traced: bool = False,
    ) -> PlacementResponse:
        """Place an order once, or return the answer that was given before.

        :param signed_body: digest of the signed body; see :meth:`PlacementStore.claim`.
        :param instance: path of the request, for problem documents.
        :param arrived: monotonic time at which the webhook arrived; now when None.
        :param traced: the trace id is Gett's own, so that the order is to be found by it.
        :raises Problem: for every answer that is not final.
        :raises redis.RedisError: when Redis cannot be reached; the POS was not called.
        """
        received, order = order, order.without_coordinates()
        begun = time.monotonic() if arrived is None else arrived
        deadline = begun + self._settings.webhook_deadline - _ANSWER_MARGIN
        adapter = self._stores.adapter(store)
        token, decision = self._pricing.read_token(order), None
        if adapter.guarantee() is not Guarantee.LOOK_UP and not adapter.offers(Capability.QUOTE):
            # No question to the POS comes before the call: the claim can record the call too, which saves a round trip.
            decision = self._pricing.decide(order, token, store, deadline=deadline)
        priced = decision if isinstance(decision, PlaceOrderRequest) else None
        claim_order = partial(
            self._records.claim,
            key=key,
            gett_id=order.gett_order_id or "",
            store_id=store.id,
            fingerprint=fingerprint(received, token.amounts if isinstance(token, AcceptedPrice) else None),
            former_fingerprint=partial(former_fingerprint, received),
            priced_order=stored_order(priced) if priced and not self._needs_replicas(adapter) else None,
            signed_body=signed_body,
            trace_id=trace_id if traced else "",
        )
        while True:
            claim = claim_or_answer(self._records, order, claim_order, deadline)
            if isinstance(claim, PlacementResponse):
                return claim
            attempt = Attempt(
                order=order.with_ref(claim.ref),
                token=token,
                decision=priced.with_ref(claim.ref) if priced else decision,
                store=store,
                adapter=adapter,
                claim=claim,
                deadline=deadline,
                instance=instance,
                trace_id=trace_id,
                doubt=claim.doubt,
            )
            response = self._run(attempt)
            if response is not None:
                return response

    def _needs_replicas(self, adapter: PosAdapter) -> bool:
        """Return True if replicas of Redis have to have the record before the POS is called; without it a ticket could double."""
        return bool(self._settings.redis_wait_replicas) and adapter.guarantee() is not Guarantee.NATIVE

    def look_up(self, ref: str) -> bool | None:
        """Settle an order in doubt if the POS has it, without placing it.

        :return: True if it is settled now; None if the POS cannot be asked.
        """
        record = self._records.find(ref)
        if record is not None and record["state"] in ("placed", "refused"):
            return True  # meanwhile
        store = self._stores.by_id(record.get("store", "")) if record else None
        if record is None or store is None or not record.get("order"):
            return None
        adapter = self._stores.adapter(store)
        if not adapter.offers(Capability.FIND_ORDER):
            return None
        ticket = self._executor.run(store.id, "find_order", lambda: adapter.find_order(store, ref))
        if not isinstance(ticket, Placed):
            return False
        order = PlaceOrderRequest.from_json(record["order"])
        claim = Claim(ref, "", record.get("gett_id", ""), store.id, record["fp"], record.get("owner", ""))
        settled = self.record(claim, order, ticket, notes=AttemptNotes(1, "found"))
        return settled in (SettleResult.OK, SettleResult.SAME)

    def record(
        self,
        claim: Claim,
        order: PlaceOrderRequest,
        ticket: Placed,
        answer: PlacementResponse | None = None,
        notes: AttemptNotes | None = None,
    ) -> SettleResult:
        """Settle an order as placed: record its receipt, and append the confirmation unless the POS decides later.

        :param answer: the receipt, when it exists already.
        """
        answer = answer or receipt(order, ticket)
        return self._records.settle(
            claim,
            AttemptOutcome.PLACED,
            status=answer.status,
            answer=answer.body,
            partner_order_id=ticket.id,
            accepted=accepted_total(order),
            update=_CONFIRMED if ticket.status == "accepted" else "",
            notes=notes,
        )

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _run(self, attempt: Attempt) -> PlacementResponse | None:
        """Take a claim to its outcome.

        :return: the answer; None when the order was settled by a look-up or by another attempt, so that claiming it
            again returns the recorded answer.
        """
        call = None
        self._records.start_renewal(attempt.claim)
        try:
            order = self._order_to_place(attempt)
            if order is None:
                return None
            call = self._start_call(attempt, order)
        except Problem as problem:
            return self._end_without_call(attempt, problem)
        except redis.RedisError:
            self._records.release_later(attempt.claim, attempt.unplaced)
            raise
        except BaseException:
            self._records.settle(attempt.claim, attempt.unplaced, notes=attempt.notes)
            raise
        finally:
            if call is None:  # otherwise the call's own thread keeps the lease until the call ends
                self._records.stop_renewal(attempt.claim)
        return self._wait(attempt, call)

    def _order_to_place(self, attempt: Attempt) -> PlaceOrderRequest | None:
        """Return the priced order, once it is recorded that the POS is about to be called.

        :return: None when the order was settled by a look-up, or another attempt has taken over.
        :raises Problem: when the order is not placed now.
        """
        if attempt.claim.calling and isinstance(attempt.decision, PlaceOrderRequest):
            return attempt.decision
        ticket = self._earlier_ticket(attempt)
        if ticket is None:
            decision = self._decide(attempt)
            if isinstance(decision, PlaceOrderRequest):
                safely = self._needs_replicas(attempt.adapter)
                recorded = self._records.record_call(attempt.claim, stored_order(decision), safely=safely)
                return decision if recorded else None
            if decision.status < 500:
                ticket = self._ticket_before_refusing(attempt)
            if ticket is None:
                raise decision
        log.info("order_found_at_pos", order=attempt.claim.ref, pos_order=ticket.id)
        # The customer accepted the amounts of the earlier attempt, when they are recorded.
        earlier = attempt.claim.earlier_order
        order = (
            PlaceOrderRequest.from_json(earlier)
            if earlier
            else self._pricing.at_accepted_amounts(attempt.order, attempt.token)
        )
        self.record(attempt.claim, order, ticket, notes=attempt.notes)
        return None

    def _end_without_call(self, attempt: Attempt, problem: Problem) -> PlacementResponse:
        """Settle an attempt that ends before the call, and return the answer if it is final.

        :raises Problem: when it is not.
        """
        answer = attempt.final_refusal(problem)
        attempt.notes.why = problem.code.value
        try:
            self._settle_refusal(attempt, answer)
        except redis.RedisError:
            self._records.release_later(attempt.claim, attempt.unplaced)
        if answer is None:
            raise problem
        return answer

    def _settle_refusal(
        self, attempt: Attempt, answer: PlacementResponse | None, order: PlaceOrderRequest | None = None
    ) -> SettleResult:
        if answer is None:
            return self._records.settle(attempt.claim, attempt.unplaced, notes=attempt.notes)
        return self._records.settle(
            attempt.claim,
            AttemptOutcome.REFUSED,
            status=answer.status,
            answer=answer.body,
            accepted=accepted_total(order),
            notes=attempt.notes,
        )

    # -- look up -------------------------------------------------------------------------------------------------------

    def _earlier_ticket(self, attempt: Attempt) -> Placed | None:
        """Return the ticket of an earlier attempt, if there may be one and the POS has it."""
        can_find = attempt.adapter.offers(Capability.FIND_ORDER)
        guarantee = attempt.adapter.guarantee()
        if not attempt.doubt:
            # A POS that takes our key makes no second ticket. Any other is always asked: Redis may have been emptied.
            return self._look_up(attempt) if guarantee is Guarantee.LOOK_UP else None
        if can_find:
            if (ticket := self._look_up(attempt)) is not None:
                return ticket
            # Straight after a time-out "not found" proves nothing: wait, then look up again.
            time.sleep(max(0.0, min(self._settings.lookup_retry_delay, attempt.deadline - time.monotonic())))
            if (ticket := self._look_up(attempt)) is None:
                attempt.doubt = False
            return ticket
        if guarantee is Guarantee.NATIVE and attempt.claim.same_order:
            return None
        ref = attempt.claim.ref
        log.error("order_in_doubt", order=ref, store=attempt.store.id)
        raise unavailable(
            f"order {ref} may have reached the POS; check the POS, then run `webhook-kit order resolve {ref}`",
            retry_after=60,
        )

    def _ticket_before_refusing(self, attempt: Attempt) -> Placed | None:
        if attempt.notes.look_ups or not attempt.adapter.offers(Capability.FIND_ORDER):
            return None
        return self._look_up(attempt)

    def _look_up(self, attempt: Attempt) -> Placed | None:
        ref, deadline = attempt.claim.ref, attempt.deadline
        attempt.notes.begin_look_up()
        ticket = find_order(self._executor, attempt.adapter, attempt.store, ref, deadline=deadline)
        attempt.notes.end_look_up(found=ticket is not None)
        return ticket

    # -- decide --------------------------------------------------------------------------------------------------------

    def _decide(self, attempt: Attempt) -> PlaceOrderRequest | Problem:
        """Return the priced order or the refusal: decided once per request, unless an earlier price holds."""
        if attempt.doubt and attempt.claim.earlier_order:
            # Validated when the POS was first called; the POS has our key and repeats the answer that it gave then.
            earlier = PlaceOrderRequest.from_json(attempt.claim.earlier_order)
            if earlier.amounts is not None:
                return attempt.order.model_copy(update={"amounts": earlier.amounts})
        if attempt.decision is None:
            return self._pricing.decide(attempt.order, attempt.token, attempt.store, deadline=attempt.deadline)
        return attempt.decision

    # -- call ----------------------------------------------------------------------------------------------------------

    def _start_call(self, attempt: Attempt, order: PlaceOrderRequest) -> PosCall[PlacementResponse | None]:
        remaining = attempt.deadline - time.monotonic()
        if remaining <= 0:
            raise unavailable("no time was left to call the POS")
        deadline = min(remaining, self._settings.pos_deadline)

        def body(call: PosCall[PlacementResponse | None]) -> None:
            self._call_pos(attempt, order, call)

        try:
            return self._executor.start(attempt.store.id, "place_order", body, deadline=deadline)
        except PosUnavailable as error:
            raise unavailable(str(error), retry_after=error.retry_after) from error

    def _wait(self, attempt: Attempt, call: PosCall[PlacementResponse | None]) -> PlacementResponse | None:
        try:
            return call.wait(min(attempt.deadline - time.monotonic(), self._settings.pos_deadline))
        except PosUnavailable as error:
            log.error("pos_deadline_exceeded", order=attempt.claim.ref, store=attempt.store.id, why=str(error))  # noqa: TRY400
            raise unavailable(str(error), retry_after=error.retry_after) from error
        except Problem:
            raise
        except Exception as error:
            raise unavailable("the POS could not be reached or gave no usable answer") from error

    def _call_pos(self, attempt: Attempt, order: PlaceOrderRequest, call: PosCall[PlacementResponse | None]) -> None:
        """Call the POS and settle the outcome. Runs in the call's thread to the end, even if nobody waits."""
        claim, store = attempt.claim, attempt.store
        try:
            settle, result = self._outcome(attempt, order)
        except NotPlaced as error:
            log.warning("pos_not_reached", order=claim.ref, store=store.id, why=str(error))
            release = partial(self._records.settle, claim, attempt.unplaced, notes=attempt.notes)
            self._settlement.settle(attempt, call, release, error)
            raise
        except BaseException as error:
            log.exception("place_order_failed", order=claim.ref, store=store.id)
            doubt = partial(
                self._records.settle, claim, AttemptOutcome.IN_DOUBT, order=stored_order(order), notes=attempt.notes
            )
            self._settlement.settle(attempt, call, doubt, error)
            raise
        self._settlement.settle(attempt, call, settle, result)

    def _outcome(
        self, attempt: Attempt, order: PlaceOrderRequest
    ) -> tuple[Callable[[], SettleResult], PlacementResponse | Problem]:
        """Place the order at the POS. Return the function that settles the outcome, and the answer to Gett."""
        with attempt.notes.timed_call():
            result = place_order(attempt.adapter, attempt.store, order)
        if isinstance(result, Placed):
            answer = receipt(order, result)
            return partial(self.record, attempt.claim, order, result, answer, attempt.notes), answer
        problem = Problem.refusing(as_violations(result.refusals))
        log.info("order_refused_by_pos", order=attempt.claim.ref, store=attempt.store.id, code=problem.code)
        # The POS has our key or was asked, so its refusal holds for earlier attempts too.
        final = replace(attempt, doubt=False).final_refusal(problem)

        def settle() -> SettleResult:
            attempt.doubt = False
            return self._settle_refusal(attempt, final, order)

        return settle, final or problem
