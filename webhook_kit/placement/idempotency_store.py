"""Idempotency store: one placement record per order, so that a repeated placeOrder makes no second ticket.

Every decision is one Lua script (``*.lua`` beside this module), so two processes can never both hold the claim on one
order. A claim is a lease: it outlives the deadline of the POS call, is renewed while the call runs, and lapses when its
process dies. Records in doubt never expire.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from webhook_kit.errors import Conflict, NotFound
from webhook_kit.gett.signing import MAX_AGE_SECONDS
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import PLACEMENTS
from webhook_kit.outbox.archive import OrderArchive, OrderScript
from webhook_kit.outbox.lanes import Notifier, lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import (
    AlreadyPlaced,
    AttemptOutcome,
    Busy,
    Claim,
    ClaimResult,
    KeyReused,
    Replay,
    SettleResult,
    SignatureReplayed,
)
from webhook_kit.placement.lease_renewal import LeaseRenewal
from webhook_kit.placement.order_notes import AttemptNotes, OrderNotes
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.replication import ReplicatedWrites
from webhook_kit.storage.scripts import Script
from webhook_kit.tracing import current_traceparent, traced

__all__ = ["PlacementStore"]

log = logger("placement")


class PlacementStore:
    """The placement records of this installation.

    :ivar notes: adds entries to the timelines of the orders.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        notifier: Notifier,
        *,
        lease_seconds: float,
        abandon_after: float,
        key_ttl: int,
        order_ttl: int,
        replicated: ReplicatedWrites | None = None,
    ) -> None:
        """Prepare the scripts.

        :param replicated: writes what a fail-over of Redis must not lose.
        """
        self._redis = connection
        self._keys = keys
        self._notifier = notifier
        self._lease_ms = int(lease_seconds * 1000)
        self._key_ttl = key_ttl
        self._order_ttl = order_ttl
        self._archive = OrderArchive(connection, keys)
        self._claim = OrderScript(connection, keys, "webhook_kit.placement/claim")
        self.notes = OrderNotes(connection, keys)
        self._record_call = Script(connection, keys, "webhook_kit.placement/record_call")
        self._record_call_safely = Script(replicated or connection, keys, "webhook_kit.placement/record_call")
        self._settle = OrderScript(connection, keys, "webhook_kit.placement/settle")
        self._link = OrderScript(connection, keys, "webhook_kit.placement/link")
        self._abandon_after = abandon_after
        self._renewal = LeaseRenewal(connection, keys, lease_ms=self._lease_ms, abandon_after=abandon_after)

    # -- one attempt, from the claim to its outcome --------------------------------------------------------------------

    def claim(
        self,
        *,
        key: str,
        gett_id: str,
        store_id: str,
        fingerprint: str,
        former_fingerprint: Callable[[], str] = str,
        priced_order: bytes | None = None,
        signed_body: str = "",
        trace_id: str = "",
    ) -> ClaimResult:
        """Claim an order, or find out why it cannot be claimed.

        :param fingerprint: see :mod:`webhook_kit.placement.fingerprint`.
        :param former_fingerprint: returns the fingerprint in the form of an earlier version. It is called when such a record
            is there.
        :param priced_order: the order to place, when it is priced already: a claim without doubt then records the POS
            call (:meth:`record_call`) in the same round trip.
        :param signed_body: digest of the body, if its signature is all that shows that Gett sent it. It is remembered while
            the signature may be fresh; an order with Gett's own id needs none, because its id tells a repetition.
        :param trace_id: Gett's trace id (32 hex digits), by which the order is found for a while; empty if none came.
        """
        owner = os.urandom(8).hex()
        keys = [self._keys.by_key(key), self._keys.by_gett_id(gett_id), self._keys.unsettled]
        if signed_body and not gett_id:
            keys.append(self._keys.signed_body(signed_body))
        arguments: dict[str, Packable] = {
            "key": key,
            "gett_id": gett_id,
            "fingerprint": fingerprint,
            "owner": owner,
            "lease": self._lease_ms,
            "store": store_id,
            "signed_ttl": 2 * MAX_AGE_SECONDS,
            "key_ttl": self._key_ttl,
            "order_ttl": self._order_ttl,
            "order": priced_order,
            "trace": bytes.fromhex(trace_id[2:18]) or None,
            "trace_byte": trace_id[:2] or None,
        }
        try:
            reply: bytes | list[bytes] = self._claim(*keys, **arguments)
            if reply == [b"former"]:
                reply = self._claim(*keys, former=former_fingerprint(), **arguments)
        except redis.RedisError:
            # Redis may have granted the claim and lost the reply: nobody would use it.
            self.release_later(
                Claim(gett_id or key, key, gett_id, store_id, fingerprint, owner), AttemptOutcome.RELEASED
            )
            raise
        if isinstance(reply, bytes):
            return Claim(reply.decode(), key, gett_id, store_id, fingerprint, owner, calling=True)
        match reply[0]:
            case b"claimed":
                _, ref, doubt, same, earlier = reply
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
                return Replay(int(reply[1]), reply[2], reply[3].decode(), reply[4].decode())
            case b"busy":
                return Busy(int(reply[1]) / 1000)
            case b"already_placed":
                return AlreadyPlaced(reply[1].decode())
            case b"replayed":
                return SignatureReplayed()
            case _:
                return KeyReused()

    def start_renewal(self, claim: Claim) -> None:
        """Renew the claim's lease until :meth:`stop_renewal`."""
        self._renewal.start(claim.ref, claim.owner)

    def stop_renewal(self, claim: Claim) -> None:
        """Stop renewing the claim's lease: it lapses unless the claim is settled."""
        self._renewal.stop(claim.owner)

    def record_call(self, claim: Claim, order: bytes, *, safely: bool = False) -> bool:
        """Record that the POS is about to be called.

        :param safely: wait until replicas have the record, as many as are configured.
        :return: False when another attempt has taken over: the POS must not be called.
        :raises TooFewReplicas: fewer replicas have the record.
        """
        record_call = self._record_call_safely if safely else self._record_call
        recorded = record_call(
            self._keys.order(claim.ref),
            self._keys.unsettled,
            ref=claim.ref,
            owner=claim.owner,
            lease=self._lease_ms,
            fingerprint=claim.fingerprint,
            order=order,
        )
        return bool(recorded)

    @traced("settle")
    def settle(
        self,
        claim: Claim,
        outcome: AttemptOutcome,
        *,
        status: int = 0,
        answer: bytes = b"",
        partner_order_id: str = "",
        accepted: str = "",
        update: str = "",
        order: bytes = b"",
        force: bool = False,
        notes: AttemptNotes | None = None,
    ) -> SettleResult:
        """Record an attempt's outcome; for a ticket, also append its first update and notify a worker.

        :param status: HTTP status of the answer.
        :param answer: the answer's body, to be replayed.
        :param accepted: total of the order as handed to the POS, which is not kept itself.
        :param update: the first update for Gett, as JSON, or empty.
        :param order: the order as handed to the POS, for a record that Redis has lost: without it a person cannot settle the doubt.
        :param force: settle also when the claim is not held: a person has decided.
        :param notes: of the attempt, for the timeline.
        """
        notify_keys, notification = self._notifier.script_parts()
        result = self._settle(
            self._keys.order(claim.ref),
            self._keys.unsettled,
            self._keys.incidents,
            self._keys.pos_order(claim.store_id, partner_order_id),
            *notify_keys,
            ref=claim.ref,
            lane=lane_name(Kind.ORDER, claim.ref),
            owner=claim.owner,
            outcome=outcome.value,
            status=status,
            answer=answer,
            partner_id=partner_order_id,
            accepted=accepted,
            update=update,
            key_ttl=self._key_ttl,
            order_ttl=self._order_ttl,
            force=force,
            key=claim.key,
            gett_id=claim.gett_id,
            store=claim.store_id,
            fingerprint=claim.fingerprint,
            order=order,
            notification=notification,
            traceparent=current_traceparent(),
            **(notes or AttemptNotes()).arguments,
        )
        recorded = SettleResult(text(result))
        if recorded is SettleResult.OK:
            PLACEMENTS.count(outcome)
        return recorded

    def release_later(self, claim: Claim, outcome: AttemptOutcome) -> None:
        """Settle a claim in the background as soon as Redis can be reached; the POS was not called."""
        threading.Thread(target=self._release, args=(claim, outcome), name="claim-release", daemon=True).start()

    def _release(self, claim: Claim, outcome: AttemptOutcome) -> None:
        end = time.monotonic() + self._abandon_after
        while time.monotonic() < end:
            try:
                self.settle(claim, outcome)
            except NewerFormat:
                return  # the claim was taken over
            except redis.RedisError:
                time.sleep(0.25)
            except Exception:
                log.exception("claim_not_released", order=claim.ref)
                return  # its lease lapses
            else:
                return

    # -- records -------------------------------------------------------------------------------------------------------

    def link(self, ref: str, gett_id: str) -> None:
        """Link an order to its Gett order id.

        :raises NotFound: when there is no such order.
        :raises Conflict: when the order or the id is linked to another one.
        """
        notify_keys, notification = self._notifier.script_parts()
        result = text(
            self._link(
                self._keys.order(ref),
                self._keys.by_gett_id(gett_id),
                *notify_keys,
                ref=ref,
                lane=lane_name(Kind.ORDER, ref),
                gett_id=gett_id,
                order_ttl=self._order_ttl,
                notification=notification,
            )
        )
        if result == "unknown":
            raise NotFound(f"order {ref} was not found")
        if result != "ok":
            raise Conflict(f"order {ref} cannot be linked to {gett_id}: {result}")

    def find(self, name: str) -> dict[str, str] | None:
        """Return the record by orderRef, Gett order id or Idempotency-Key; None when there is none."""
        by_id, by_key = self._redis.get(self._keys.by_gett_id(name)), self._redis.get(self._keys.by_key(name))
        for ref in (name, text(by_id), text(by_key).partition(" ")[2]):
            if ref and (record := self._archive.record(ref)):
                return record
        return None

    def lease_remaining(self, record: Mapping[str, str]) -> float:
        """Return the seconds until the lease of the attempt under way ends; 0 or less when there is none."""
        if record.get("state") not in ("claimed", "calling"):
            return 0.0
        return int(record["lease"]) / 1000 - redis_time(self._redis)

    def expired(self, limit: int = 100) -> list[str]:
        """Return the orders to look up: in doubt, or with a POS call whose lease has expired."""
        now = redis_time(self._redis) * 1000
        return [text(ref) for ref in self._redis.zrangebyscore(self._keys.unsettled, "-inf", now, 0, limit)]

    def postpone_lookup(self, ref: str, seconds: float, looked_up: str | None) -> None:
        """Keep an order out of :meth:`expired` for a while, and note the result of its look-up.

        :param looked_up: None if the POS was not asked: nothing is noted, because a person would take it for an answer of the POS.
        """
        if looked_up is None:
            self._redis.zadd(self._keys.unsettled, {ref: (redis_time(self._redis) + seconds) * 1000}, xx=True)
        else:
            self.notes.add(ref, "looked_up", {"looked_up": looked_up}, postpone=int(seconds * 1000))

    def record_lookup(self, ref: str, *, failed: bool) -> None:
        """Record if the look-up of an order in doubt failed: one that fails again and again is an alert."""
        if failed:
            self._redis.zadd(self._keys.failing_lookups, {ref: redis_time(self._redis) * 1000}, nx=True)
        else:
            self._redis.zrem(self._keys.failing_lookups, ref)

    def incidents(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the incidents that a person has to check, newest first."""
        return [json.loads(entry) for entry in self._redis.lrange(self._keys.incidents, 0, limit - 1)]
