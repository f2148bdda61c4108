"""A ledger, and short words for what tests do with it."""

from __future__ import annotations

from typing import Any, TypeVar

from webhook_kit.kit import Kit
from webhook_kit.placement.idempotency_store import AttemptOutcome, Claim, PlacementStore, SettleResult

T = TypeVar("T")

KEY_TTL, ORDER_TTL, LEASE = 1000, 5000, 30.0
ORDER = b'{"amounts":{"total":2.75}}'


class Book:
    """The ledger of a kit, for one order called ``g1`` unless a test says otherwise."""

    def __init__(self, kit: Kit, *, lease: float = LEASE) -> None:
        self.kit, self.redis, self.keys = kit, kit.redis, kit.keys
        self.ledger = PlacementStore(
            kit.redis,
            kit.keys,
            kit.worker_notification,
            lease_seconds=lease,
            abandon_after=60,
            key_ttl=KEY_TTL,
            order_ttl=ORDER_TTL,
        )

    def decide(self, key: str = "k1", gett_id: str = "g1", fp: str = "f1", store: str = "s") -> Any:
        return self.ledger.claim(key=key, gett_id=gett_id, store_id=store, fingerprint=fp)

    def claim(self, key: str = "k1", gett_id: str = "g1", fp: str = "f1") -> Claim:
        return the(Claim, self.decide(key, gett_id, fp))

    def calling(self, *names: str) -> Claim:
        claim = self.claim(*names)
        assert self.ledger.record_call(claim, ORDER)
        return claim

    def ready(self, key: str = "k1") -> Any:
        """Claim an order about which nothing has to be asked before the POS is called."""
        return self.ledger.claim(key=key, gett_id="g1", store_id="s", fingerprint="f1", priced_order=ORDER)

    def place(self, claim: Claim, ticket: str = "T1", update: str = "") -> SettleResult:
        return self.ledger.settle(
            claim,
            AttemptOutcome.PLACED,
            status=200,
            answer=f"receipt of {ticket}".encode(),
            partner_order_id=ticket,
            update=update,
        )

    def refuse(self, claim: Claim) -> SettleResult:
        return self.ledger.settle(claim, AttemptOutcome.REFUSED, status=400, answer=b"no")

    def lapse(self, ref: str = "g1") -> None:
        """Let the claim's time be over, as after the death of its process."""
        self.redis.hset(self.keys.order(ref), "lease", 1)

    def field(self, name: str, ref: str = "g1") -> str:
        return (self.ledger.find(ref) or {}).get(name, "")

    def ttls(self, ref: str = "g1", key: str = "k1", gett_id: str = "g1") -> list[int]:
        """Of the record, the key's pointer and the Gett id's: −1 never expires, −2 is not there."""
        names = (self.keys.order(ref), self.keys.by_key(key), self.keys.by_gett_id(gett_id))
        return [int(self.redis.ttl(name)) for name in names]


def the(kind: type[T], decision: object) -> T:
    assert isinstance(decision, kind), decision
    return decision
