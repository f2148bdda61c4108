"""The placement ledger: which orders are claimed, in doubt, placed or refused. "Seen" never means "done".

Every decision is one Lua script (:mod:`webhook_kit.placement.scripts`), so two processes can never both believe that an order
is theirs. A claim is a lease: it outlives the POS call's deadline, is renewed while the call runs, and lapses when its process
dies. Records in doubt never expire.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis

from webhook_kit.errors import Impossible
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import Notifier
from webhook_kit.placement import scripts
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["AlreadyPlaced", "AttemptOutcome", "Busy", "Claim", "KeyReused", "PlacementStore", "Replay", "SettleResult"]

log = logger("ledger")


class AttemptOutcome(StrEnum):
    """How an attempt ends."""

    PLACED = "placed"
    REFUSED = "refused"
    """For good: the answer is replayed."""
    RELEASED = "released"
    """Nothing reached the POS, and nothing final was said: the next attempt starts afresh."""
    IN_DOUBT = "in_doubt"


class SettleResult(StrEnum):
    """What became of an attempt's outcome."""

    OK = "ok"
    SAME = "same"
    """Another attempt had recorded the same ticket."""
    DUPLICATE = "duplicate"
    """It contradicts what is recorded, which stays; an incident was raised."""
    STALE = "stale"
    """Another attempt has taken over, and this outcome adds nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """This attempt may go on, and no other.

    :ivar calling: it is recorded already that the POS is about to be called.
    :ivar doubt: an earlier attempt may have reached the POS.
    :ivar same_order: the earlier attempt was for the same content.
    :ivar earlier_order: the order of the earlier attempt, as handed to the POS, or empty.
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
    """The answer was given before; ``newly_linked`` is the Gett id when only now it is known."""

    status: int
    body: bytes
    ref: str
    newly_linked: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another attempt is under way, and alive for at least so many seconds unless it ends."""

    seconds: float


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key stands for another order."""


@dataclass(frozen=True, slots=True)
class AlreadyPlaced:
    """The order id stands for an order of other content, which is placed."""

    partner_order_id: str


Decision = Claim | Replay | Busy | KeyReused | AlreadyPlaced


class PlacementStore:
    """All placements of this installation."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        waker: Notifier,
        *,
        lease_seconds: float,
        abandon_after: float,
        key_ttl: int,
        order_ttl: int,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._waker = waker
        self._lease_ms = int(lease_seconds * 1000)
        self._key_ttl = key_ttl
        self._order_ttl = order_ttl
        self._claim = connection.register_script(scripts.CLAIM)
        self._calling = connection.register_script(scripts.CALLING)
        self._settle = connection.register_script(scripts.SETTLE)
        self._link = connection.register_script(scripts.LINK)
        self._abandon_after = abandon_after
        self._renewals = _Renewals(connection, keys, self._lease_ms, abandon_after)

    def claim(self, *, key: str, gett_id: str, store_id: str, fingerprint: str, ready: bytes = b"") -> Decision:
        """Decide what this placement is.

        :param ready: the order as it will be handed to the POS, when nothing has to be asked before: a fresh claim is then
            recorded as :meth:`record_call` at once.
        """
        owner = os.urandom(8).hex()
        args: list[str | int | bytes] = [
            self._keys.order(""),
            key,
            gett_id,
            gett_id or key,
            fingerprint,
            owner,
            self._lease_ms,
            store_id,
        ]
        args.extend([self._key_ttl, self._order_ttl, ready, self._keys.prefix])
        keys = [self._keys.by_key(key), self._keys.by_gett_id(gett_id), self._keys.unsettled]
        try:
            found: bytes | list[bytes] = self._claim(keys=keys, args=args)
        except redis.RedisError:
            # It may have been claimed all the same; nobody will use it.
            self.release_later(
                Claim(gett_id or key, key, gett_id, store_id, fingerprint, owner), AttemptOutcome.RELEASED
            )
            raise
        if isinstance(found, bytes):
            return Claim(found.decode(), key, gett_id, store_id, fingerprint, owner, calling=True)
        match found[0]:
            case b"claimed":
                _, ref, doubt, same, earlier = found
                in_doubt = doubt == b"1"
                return Claim(
                    ref=ref.decode(),
                    key=key,
                    gett_id=gett_id,
                    store_id=store_id,
                    fingerprint=fingerprint,
                    owner=owner,
                    doubt=in_doubt,
                    same_order=not in_doubt or same == b"1",
                    earlier_order=earlier if in_doubt else b"",
                )
            case b"replay":
                return Replay(int(found[1]), found[2], found[3].decode(), found[4].decode())
            case b"busy":
                return Busy(int(found[1]) / 1000)
            case b"already_placed":
                return AlreadyPlaced(found[1].decode())
            case _:
                return KeyReused()

    def record_call(self, claim: Claim, order: bytes) -> bool:
        """Record that the POS is about to be called.

        :return: False when the claim is no longer ours: then it must not be called.
        """
        args: list[str | int | bytes] = [claim.owner, self._lease_ms, claim.fingerprint, order, claim.ref]
        args.append(self._keys.prefix)
        return bool(self._calling(keys=[self._keys.order(claim.ref), self._keys.unsettled], args=args))

    def start_renewal(self, claim: Claim) -> None:
        """Renew the claim until it is settled or let go."""
        self._renewals.add(claim)

    def stop_renewal(self, claim: Claim) -> None:
        """Stop renewing the claim: it lapses unless it is settled."""
        self._renewals.discard(claim)

    def release_later(self, claim: Claim, outcome: AttemptOutcome) -> None:
        """Settle a claim that was never used, as soon as Redis can be reached: the POS was not called."""
        threading.Thread(target=self._release, args=(claim, outcome), name="give-back", daemon=True).start()

    def _release(self, claim: Claim, outcome: AttemptOutcome) -> None:
        give_up = time.monotonic() + self._abandon_after
        while time.monotonic() < give_up:
            try:
                self.settle(claim, outcome)
            except redis.RedisError:
                time.sleep(0.25)
            else:
                return

    def settle(
        self,
        claim: Claim,
        outcome: AttemptOutcome,
        *,
        status: int = 0,
        answer: bytes = b"",
        partner_order_id: str = "",
        update: str = "",
        force: bool = False,
    ) -> SettleResult:
        """Record an outcome; for a placement, also append its first update and wake a worker, in one transaction.

        :param update: the first update to send to Gett, as JSON, or nothing.
        :param force: settle whatever the state: a person has decided.
        """
        lost = {
            "keys": f"{claim.key}\n" if claim.key else "",
            "gett_id": claim.gett_id,
            "store": claim.store_id,
            "fp": claim.fingerprint,
        }
        wake_keys, wake_args = self._waker.script_arguments()
        keys = [self._keys.order(claim.ref), self._keys.unsettled, self._keys.incidents, *wake_keys]
        args = [
            claim.owner,
            outcome.value,
            claim.ref,
            status,
            answer,
            partner_order_id,
            update,
            self._key_ttl,
            self._order_ttl,
            self._keys.prefix,
            json.dumps(lost),
            "1" if force else "0",
            claim.store_id,
            *wake_args,
        ]
        return SettleResult(text(self._settle(keys=keys, args=args)))

    def link(self, ref: str, gett_id: str) -> None:
        """Tie an order to its Gett id.

        :raises Impossible: when the order is unknown, or either is tied to another.
        """
        wake_keys, wake_args = self._waker.script_arguments()
        keys = [self._keys.order(ref), self._keys.by_gett_id(gett_id), *wake_keys]
        args = [gett_id, ref, self._order_ttl, self._keys.prefix, *wake_args]
        said = text(self._link(keys=keys, args=args))
        if said == "unknown":
            raise Impossible(f"order {ref} is not known here")
        if said != "ok":
            raise Impossible(f"order {ref} cannot be linked to {gett_id}: it is {said}")

    def find(self, name: str) -> dict[str, str] | None:
        """An order's record, by its orderRef, its Gett id or an Idempotency-Key; None when unknown."""
        by_id, by_key = self._redis.get(self._keys.by_gett_id(name)), self._redis.get(self._keys.by_key(name))
        for ref in (name, text(by_id), text(by_key).partition(" ")[2]):
            fields = self._redis.hgetall(self._keys.order(ref)) if ref else {}
            if fields:
                return {text(field): text(value) for field, value in fields.items()}
        return None

    def lease_remaining(self, record: Mapping[str, str]) -> float:
        """Seconds for which an attempt at this order counts as alive; 0 or less when none is."""
        if record.get("state") not in ("claimed", "calling"):
            return 0.0
        seconds, micros = self._redis.time()
        return int(record["lease"]) / 1000 - (seconds + micros / 1e6)

    def expired(self, limit: int = 100) -> list[str]:
        """Orders whose POS call is over its lease, or in doubt: what the sweeper looks up."""
        seconds, micros = self._redis.time()
        now = seconds * 1000 + micros // 1000
        return [text(ref) for ref in self._redis.zrangebyscore(self._keys.unsettled, "-inf", now, 0, limit)]

    def postpone_lookup(self, ref: str, seconds: float) -> None:
        """Leave an order in doubt alone for a while."""
        now, _ = self._redis.time()
        self._redis.zadd(self._keys.unsettled, {ref: (now + seconds) * 1000}, xx=True)

    def incidents(self, limit: int = 100) -> list[dict[str, Any]]:
        """What a person has to look at, newest first."""
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.incidents, 0, limit - 1)]


class _Renewals:
    """One thread per process that renews the claims whose calls still run; started when first needed."""

    def __init__(self, connection: redis.Redis, keys: Keys, lease_ms: int, abandon_after: float) -> None:
        self._script = connection.register_script(scripts.RENEW)
        self._keys = keys
        self._lease_ms = lease_ms
        self._abandon_after = abandon_after
        self._lock = threading.Lock()
        self._alive: dict[str, tuple[Claim, float]] = {}
        self._pid = 0

    def add(self, claim: Claim) -> None:
        with self._lock:
            self._alive[claim.owner] = (claim, time.monotonic() + self._abandon_after)
            if self._pid != os.getpid():  # threads do not survive a fork
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="renewals", daemon=True).start()

    def discard(self, claim: Claim) -> None:
        with self._lock:
            self._alive.pop(claim.owner, None)

    def _run(self) -> None:
        while True:
            time.sleep(self._lease_ms / 4000)
            with self._lock:
                now = time.monotonic()
                # A call that never comes back is given up, so that the order can be looked up.
                claims = [claim for claim, until in self._alive.values() if until > now]
            for claim in claims:
                try:
                    keys = [self._keys.order(claim.ref), self._keys.unsettled]
                    self._script(keys=keys, args=[claim.owner, self._lease_ms, claim.ref])
                except redis.RedisError as error:
                    log.warning("claim not renewed", order=claim.ref, error=type(error).__name__)
