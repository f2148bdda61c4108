"""An idempotency store with short methods for its steps."""

from __future__ import annotations

from typing import Any, TypeVar

from webhook_kit.kit import Kit
from webhook_kit.placement.claims import AttemptOutcome, Claim, SettleResult
from webhook_kit.placement.idempotency_store import PlacementStore

T = TypeVar("T")

KEY_TTL, ORDER_TTL, LEASE = 1000, 5000, 30.0
ORDER = b'{"amounts":{"total":2.75}}'


class StoreHarness:
    """The idempotency store of a kit, for one order called ``g1`` unless a test names another."""

    def __init__(self, kit: Kit, *, lease: float = LEASE) -> None:
        self.kit, self.redis, self.keys = kit, kit.redis, kit.keys
        self.store = PlacementStore(
            kit.redis,
            kit.keys,
            kit.worker_notification,
            lease_seconds=lease,
            abandon_after=60,
            key_ttl=KEY_TTL,
            order_ttl=ORDER_TTL,
        )

    def try_claim(self, key: str = "k1", gett_id: str = "g1", fp: str = "f1", store: str = "s") -> Any:
        return self.store.claim(key=key, gett_id=gett_id, store_id=store, fingerprint=fp)

    def claim(self, key: str = "k1", gett_id: str = "g1", fp: str = "f1") -> Claim:
        return expect(Claim, self.try_claim(key, gett_id, fp))

    def claim_and_call(self, *names: str) -> Claim:
        claim = self.claim(*names)
        assert self.store.record_call(claim, ORDER)
        return claim

    def claim_priced(self, key: str = "k1") -> Any:
        """Claim an order that is priced already, so that its POS call is recorded with the claim."""
        return self.store.claim(key=key, gett_id="g1", store_id="s", fingerprint="f1", priced_order=ORDER)

    def place(self, claim: Claim, ticket: str = "T1", update: str = "") -> SettleResult:
        return self.store.settle(
            claim,
            AttemptOutcome.PLACED,
            status=200,
            answer=f"receipt of {ticket}".encode(),
            partner_order_id=ticket,
            update=update,
        )

    def refuse(self, claim: Claim) -> SettleResult:
        return self.store.settle(claim, AttemptOutcome.REFUSED, status=400, answer=b"no")

    def expire_lease(self, ref: str = "g1") -> None:
        """End the lease of a claim, as when its process died."""
        self.redis.hset(self.keys.order(ref), "lease", 1)

    def field(self, name: str, ref: str = "g1") -> str:
        return (self.store.find(ref) or {}).get(name, "")

    def ttls(self, ref: str = "g1", key: str = "k1", gett_id: str = "g1") -> list[int]:
        """Return the TTLs of record, key pointer and Gett id pointer: −1 never expires, −2 does not exist."""
        names = (self.keys.order(ref), self.keys.by_key(key), self.keys.by_gett_id(gett_id))
        return [int(self.redis.ttl(name)) for name in names]


def expect(kind: type[T], result: object) -> T:
    assert isinstance(result, kind), result
    return result
