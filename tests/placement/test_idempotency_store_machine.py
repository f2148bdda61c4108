"""The ledger under random interleavings: claims, calls, deaths, look-ups, outcomes late and in time."""

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

from tests.placement.placement_helpers import ORDER, Book
from webhook_kit.kit import Kit
from webhook_kit.placement.idempotency_store import (
    AlreadyPlaced,
    AttemptOutcome,
    Busy,
    Claim,
    KeyReused,
    Replay,
    SettleResult,
)

KEYS = st.sampled_from(["k1", "k2"])
PRINTS = st.sampled_from(["f1", "f2"])
REF = "g1"


class Orders(RuleBasedStateMachine):
    """One order, two keys, two contents. ``claims`` are attempts, alive or lost; ``calls`` those that reached the POS."""

    make_kit: ClassVar[Callable[..., Kit]]
    claims: Bundle[Claim] = Bundle("claims")
    calls: Bundle[Claim] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(type(self).make_kit())
        self.holder: str | None = None  # owner of the one claim that is alive
        self.ticket = ""
        self.answers: dict[str, bytes] = {}
        self.incidents = 0
        self.made = 0

    def teardown(self) -> None:
        self.book.redis.connection_pool.disconnect()

    @rule(target=claims, key=KEYS, fp=PRINTS)
    def claim(self, key: str, fp: str) -> Claim | MultipleResults[Claim]:
        decision = self.book.decide(key, REF, fp)
        if self.ticket:
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
        mine = (self.book.field("owner"), self.book.field("state")) == (claim.owner, "claimed")
        assert self.book.ledger.record_call(claim, ORDER) is mine
        if not mine:
            return multiple()
        assert self.holder in (None, claim.owner), "two live claims"
        self.holder = claim.owner  # also when it had lapsed, as long as nobody took over
        return claim

    @rule()
    def lapse(self) -> None:
        """The holder's process dies, or is believed to: its claim runs out, its outcome may still come."""
        if self.holder is not None:
            self.book.lapse(REF)
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
        before = self.book.field("owner"), self.book.field("state")
        settled = self.book.ledger.settle(claim, outcome, status=400, answer=b"no")
        mine = before[0] == claim.owner and before[1] in ("claimed", "calling")
        assert settled is (SettleResult.OK if mine else SettleResult.STALE)
        if mine:
            self.holder = None

    @rule(claim=calls, fresh=st.booleans())
    def ticket_arrives(self, claim: Claim, fresh: bool) -> None:
        """In time, late, or found by a look-up; the ticket that is known, or another."""
        self.made += 1
        ticket = f"T{self.made}" if fresh or not self.ticket else self.ticket
        before = self.book.field("owner"), self.book.field("state")
        settled = self.book.place(claim, ticket)
        if self.ticket:
            assert settled is (SettleResult.SAME if ticket == self.ticket else SettleResult.DUPLICATE)
        elif before[1] == "refused":
            assert settled is SettleResult.DUPLICATE
        else:
            assert settled is SettleResult.OK
            self.ticket, self.holder = ticket, None
        self.incidents += settled is SettleResult.DUPLICATE

    @invariant()
    def a_ticket_never_changes(self) -> None:
        if self.ticket:
            assert self.book.field("partner_id") == self.ticket
            assert self.book.field("state") == "placed"

    @invariant()
    def duplicates_and_only_they_are_incidents(self) -> None:
        assert len(self.book.ledger.incidents(1000)) == self.incidents

    @invariant()
    def what_may_be_at_the_pos_never_expires(self) -> None:
        if self.book.field("doubt") == "1":
            assert self.book.redis.ttl(self.book.keys.order(REF)) == -1


def test_whatever_the_interleaving_there_is_one_claim_and_one_ticket(make_kit: Callable[..., Kit]) -> None:
    class Here(Orders):
        pass

    Here.make_kit = make_kit
    run_state_machine_as_test(
        Here, settings=settings(max_examples=50, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    )
