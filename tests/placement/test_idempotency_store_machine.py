"""The idempotency store under random interleavings: claims, calls, dead processes, look-ups, late outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.placement.placement_helpers import ORDER, StoreHarness
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AlreadyPlaced, AttemptOutcome, Busy, Claim, KeyReused, Replay, SettleResult

KEYS = st.sampled_from(["k1", "k2"])
FINGERPRINTS = st.sampled_from(["f1", "f2"])
REF = "g1"
CONFIRMED = order_progress("confirmed").text


class PlacementMachine(RuleBasedStateMachine):
    """One order, two keys, two contents. ``claims`` are attempts, ``calls`` those that reached the POS."""

    make_kit: ClassVar[Callable[..., Kit]]
    claims: Bundle[Claim] = Bundle("claims")
    calls: Bundle[Claim] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.harness = StoreHarness(type(self).make_kit())
        self.holder: str | None = None  # owner of the live claim
        self.ticket = ""
        self.answers: dict[str, bytes] = {}
        self.incidents = 0
        self.tickets_made = 0

    def teardown(self) -> None:
        self.harness.redis.connection_pool.disconnect()

    @rule(target=claims, key=KEYS, fp=FINGERPRINTS)
    def claim(self, key: str, fp: str) -> Claim | MultipleResults[Claim]:
        decision = self.harness.try_claim(key, REF, fp)
        if isinstance(decision, Replay) and key in self.answers:
            assert decision.body == self.answers[key]
        elif self.ticket:
            assert isinstance(decision, Replay | AlreadyPlaced | KeyReused), decision
            if isinstance(decision, Replay):
                assert decision.body == f"receipt of {self.ticket}".encode()
            if isinstance(decision, AlreadyPlaced):
                assert decision.partner_order_id == self.ticket
        if not isinstance(decision, Claim):
            assert self.holder is not None or not isinstance(decision, Busy)
            return multiple()
        assert self.holder is None, "two live claims"
        self.holder = decision.owner
        return decision

    @rule(target=calls, claim=consumes(claims))
    def call(self, claim: Claim) -> Claim | MultipleResults[Claim]:
        mine = (self.harness.field("owner"), self.harness.field("state")) == (claim.owner, "claimed")
        assert self.harness.store.record_call(claim, ORDER) is mine
        if not mine:
            return multiple()
        assert self.holder in (None, claim.owner), "two live claims"
        self.holder = claim.owner  # also after its lease lapsed, if no other attempt took over
        return claim

    @rule()
    def lease_lapses(self) -> None:
        """End the lease, as when the holder's process died; its outcome may still arrive."""
        if self.holder is not None:
            self.harness.expire_lease(REF)
            self.holder = None

    @rule(claim=claims, outcome=st.sampled_from([AttemptOutcome.REFUSED, AttemptOutcome.RELEASED]))
    def end_without_calling(self, claim: Claim, outcome: AttemptOutcome) -> None:
        self.end(claim, AttemptOutcome.IN_DOUBT if claim.doubt else outcome)

    @rule(
        claim=calls, outcome=st.sampled_from([AttemptOutcome.REFUSED, AttemptOutcome.RELEASED, AttemptOutcome.IN_DOUBT])
    )
    def end_without_a_ticket(self, claim: Claim, outcome: AttemptOutcome) -> None:
        self.end(claim, outcome)

    def end(self, claim: Claim, outcome: AttemptOutcome) -> None:
        before = self.harness.field("owner"), self.harness.field("state")
        refusal = f"no to {claim.owner}".encode()
        settled = self.harness.store.settle(claim, outcome, status=400, answer=refusal)
        mine = before[0] == claim.owner and before[1] in ("claimed", "calling")
        assert settled is (SettleResult.OK if mine else SettleResult.STALE)
        if mine:
            self.holder = None
            if outcome is AttemptOutcome.REFUSED:
                self.answers[claim.key] = refusal

    @rule(claim=calls, fresh=st.booleans())
    def ticket_arrives(self, claim: Claim, fresh: bool) -> None:
        """Record a ticket in time, late or after a look-up: the recorded one, or another."""
        self.tickets_made += 1
        ticket = f"T{self.tickets_made}" if fresh or not self.ticket else self.ticket
        before = self.harness.field("owner"), self.harness.field("state")
        settled = self.harness.place(claim, ticket, update=CONFIRMED)
        if self.ticket:
            assert settled is (SettleResult.SAME if ticket == self.ticket else SettleResult.DUPLICATE)
        elif before[1] == "refused":
            assert settled is SettleResult.DUPLICATE
        else:
            assert settled is SettleResult.OK
            self.ticket, self.holder = ticket, None
        self.incidents += settled is SettleResult.DUPLICATE

    @rule()
    def archive(self) -> None:
        """Deliver what waits, and archive the order if it is at rest."""
        kit = self.harness.kit
        for lease in kit.lanes.lease(9, 60_000).leases:
            kit.lanes.acknowledge(lease, 200)
        kit.order_archive.archive_resting(-1)

    @invariant()
    def recorded_ticket_never_changes(self) -> None:
        if self.ticket:
            assert self.harness.field("partner_id") == self.ticket
            assert self.harness.field("state") == "placed"

    @invariant()
    def only_duplicates_are_incidents(self) -> None:
        assert len(self.harness.store.incidents(1000)) == self.incidents

    @invariant()
    def order_in_doubt_never_expires(self) -> None:
        if self.harness.field("doubt") == "1":
            assert self.harness.redis.ttl(self.harness.keys.order(REF)) == -1


def test_every_interleaving_has_one_claim_and_one_ticket(make_kit: Callable[..., Kit]) -> None:
    class Machine(PlacementMachine):
        pass

    Machine.make_kit = make_kit
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=200, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    )
