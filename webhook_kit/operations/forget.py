"""Removal of contact data: of one order, or of all orders of a customer.

What stays is what a replay and a dispute need: state, ids, items, amounts, codes, moments and the fingerprint. So a retry of Gett
gets the same ids and amounts, and another order under the same Idempotency-Key is still refused.

An order that is being placed or is in doubt keeps its data: a look-up and a settlement need them. Settle it first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from webhook_kit.errors import Conflict, InvalidArgument, InvalidTransition, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations import contact
from webhook_kit.operations.actions import recorded
from webhook_kit.operations.actor import Actor
from webhook_kit.operations.archive.reader import find_old
from webhook_kit.outbox.archive import decode
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.storage.open_alerts import alert_id

__all__ = ["CustomerForgotten", "Forgotten", "forget_customer", "forget_order", "remove_from_answer"]

_BODIES = ("last", "acknowledged", "undelivered")
"""Fields of a lane that hold the body of an update."""

Write = Callable[[redis.client.Pipeline], object]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Result for one order.

    :ivar removed: places from which data were removed; empty if nothing was there.
    :ivar kept: reason for which nothing was removed, or the empty text.
    """

    ref: str
    removed: tuple[str, ...] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True)
class CustomerForgotten:
    """Result for a customer.

    :ivar searched: number of orders that were searched.
    :ivar orders: the customer's orders, newest first.
    """

    searched: int
    orders: tuple[Forgotten, ...]


def forget_order(kit: Kit, actor: Actor, name: str, *, why: str = "", dry_run: bool = False) -> Forgotten:
    """Remove the contact data of an order, and return from where.

    :param name: the orderRef, Gett's order id or an Idempotency-Key.
    :param dry_run: remove nothing, and return from where data would be removed.
    :raises NotFound: there is no such order.
    :raises InvalidTransition: the order is in doubt.
    :raises Conflict: the order is being placed right now.
    """
    if (record := kit.placement_store.find(name)) is None:
        return _forget_old(kit, actor, name, why, dry_run=dry_run)
    ref = record["ref"]
    if dry_run:
        return _forget(kit, ref, dry_run=True)
    with recorded(kit, actor, "forget_order", ref, why) as outcome:
        forgotten = _forget(kit, ref, dry_run=False)
        outcome.order = ref
        outcome.result = f"removed: {', '.join(forgotten.removed) or 'nothing'}"
    return forgotten


def _forget_old(kit: Kit, actor: Actor, name: str, why: str, *, dry_run: bool) -> Forgotten:
    """Remove what people wrote about an order that only the long-term archive has. Its writer does that when it reads the audit log.

    :raises NotFound: there is no such order, or several have this number.
    """
    old = find_old(kit, name)
    if len(old) != 1:
        raise NotFound(f"order {name} is unknown here" if not old else f"{name} is the number of several old orders")
    ref = old[0].facts.ref
    if not dry_run:
        with recorded(kit, actor, "forget_order", ref, why) as outcome:
            outcome.result = "removed: reasons in the archive"
    return Forgotten(ref, ("reasons in the archive",))


def forget_customer(
    kit: Kit,
    actor: Actor,
    email: str,
    *,
    why: str = "",
    dry_run: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> CustomerForgotten:
    """Remove the contact data of all orders in which an e-mail address occurs. The address itself is recorded nowhere.

    There is no index of addresses, because it would be contact data of its own: every order is searched, some hundred at a time.

    :param progress: called with the number of orders searched so far.
    :raises InvalidArgument: the text is not an e-mail address.
    """
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", email.strip()):
        raise InvalidArgument("this is not an e-mail address")
    pattern, searched, orders = contact.find_email(email), 0, []
    for refs in kit.order_search.refs():
        for ref in _mentioned(kit, refs, pattern):
            try:
                orders.append(forget_order(kit, actor, ref, why=why, dry_run=dry_run))
            except NotFound:
                continue  # it has expired meanwhile
            except (InvalidTransition, Conflict) as error:
                orders.append(Forgotten(ref, kept=str(error)))
        searched += len(refs)
        progress(searched)
    return CustomerForgotten(searched, tuple(orders))


def remove_from_answer(kit: Kit, ref: str) -> bool | None:
    """Remove customer and delivery from the recorded answer of a placed order. Texts for a dispute stay.

    :return: True if something was removed; None if the order is not settled yet.
    """
    key, archived = kit.keys.order(ref), kit.redis.exists(kit.keys.archive(ref))
    try:
        kit.order_archive.restore(ref)
        kit.order_archive.record(ref)
    except NewerFormat:
        return None  # visited again, until a worker of that version is here

    def plan(watched: redis.client.Pipeline) -> tuple[list[str], list[Write]]:
        record = _fields(watched.hgetall(key))
        if record and record.get("state") not in ("placed", "refused"):
            raise InvalidTransition(f"order {ref} is not settled")
        if record.get("state") != "placed" or (answer := _answer(record)) == record.get("answer"):
            return [], []
        return ["answer"], [_put(key, "answer", answer)]

    try:
        removed = bool(_transaction(kit, (key,), plan, dry_run=False))
    except InvalidTransition:
        return None
    if archived:
        kit.order_archive.archive_now(ref, changed=False)
    return removed


def _mentioned(kit: Kit, refs: list[str], pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the orders in which an address occurs."""
    with kit.redis.pipeline(transaction=False) as pipeline:
        for ref in refs:
            pipeline.hmget(kit.keys.order(ref), ["order", "answer"])
            pipeline.lrange(kit.keys.queue(_lane(ref)), 0, -1)
            pipeline.lrange(kit.keys.history(_lane(ref)), 0, -1)
            pipeline.get(kit.keys.archive(ref))
        replies = pipeline.execute()
    for number, ref in enumerate(refs):
        fields, queue, history, archive = replies[4 * number : 4 * number + 4]
        texts = [text(one) for one in (*fields, *queue, *history)]
        if archive is not None:
            archived = decode(ref, archive)
            texts += [*archived.record.values(), *archived.lane.values(), *archived.history]
        if contact.mentions(pattern, *texts):
            yield ref


def _forget(kit: Kit, ref: str, *, dry_run: bool) -> Forgotten:
    kit.order_archive.record(ref)  # refuses one of a later version
    kit.order_archive.restore(ref)  # it is archived again, without the data, when it has been at rest for a while
    lane, removed = _lane(ref), dict.fromkeys(_own(kit, ref, dry_run=dry_run))
    record = kit.placement_store.find(ref) or {}
    for place, key, clean in (
        ("incidents", kit.keys.incidents, lambda entry: _incident(entry, ref)),
        ("held events", kit.keys.held_events, lambda entry: _held_event(entry, ref, record)),
    ):
        if _rewrite_list(kit, key, clean, dry_run=dry_run):
            removed[place] = None
    if _dead_letters(kit, lane, dry_run=dry_run):
        removed["dead letters"] = None
    if _alerts(kit, ref, dry_run=dry_run):
        removed["alerts"] = None
    return Forgotten(ref, tuple(removed))


def _own(kit: Kit, ref: str, *, dry_run: bool) -> list[str]:
    """Remove the data from the record of an order and from its lane, in one transaction. Return from where."""
    lane = _lane(ref)
    record_key, lane_key = kit.keys.order(ref), kit.keys.lane(lane)
    queue, history = kit.keys.queue(lane), kit.keys.history(lane)

    def plan(watched: redis.client.Pipeline) -> tuple[list[str], list[Write]]:
        record, state = _fields(watched.hgetall(record_key)), _fields(watched.hgetall(lane_key))
        _require_settled(kit, ref, record)
        removed: list[str] = []
        writes: list[Write] = []
        if "order" in record:
            removed.append("order")
            writes.append(lambda pipeline: pipeline.hdel(record_key, "order"))
        if record.get("answer") and (answer := _answer(record)) != record["answer"]:
            removed.append("answer")
            writes.append(lambda pipeline: pipeline.hset(record_key, "answer", answer))
        if refusals := _earlier_refusals(record):
            removed.append("earlier refusals")
            writes.append(_put_all(record_key, refusals))
        if bodies := {
            name: body for name in _BODIES if state.get(name) and (body := _body(state[name])) != state[name]
        }:
            removed.append("lane")
            writes.append(_put_all(lane_key, bodies))
        for place, key, clean in (("waiting updates", queue, _queued), ("history", history, contact.history_entry)):
            if entries := _changed(watched.lrange(key, 0, -1), clean):
                removed.append(place)
                writes += [_set(key, position, entry) for position, entry in entries]
        return removed, writes

    return _transaction(kit, (record_key, lane_key, queue, history), plan, dry_run=dry_run)


def _require_settled(kit: Kit, ref: str, record: dict[str, str]) -> None:
    if not record:
        raise NotFound(f"order {ref} has expired")
    state = record.get("state")
    if state in ("claimed", "calling") and kit.placement_store.lease_remaining(record) > 0:
        raise Conflict(f"order {ref} is being placed right now; wait until that ends, then try again")
    if state in ("calling", "in_doubt") or record.get("doubt") == "1":
        raise InvalidTransition(
            f"order {ref} is in doubt, and its data are needed to settle it; check the POS, run "
            f"`webhook-kit order resolve {ref}`, then try again"
        )


def _answer(record: dict[str, str]) -> str:
    clean = contact.refusal if record.get("state") == "refused" else contact.receipt
    return _rewritten(record["answer"], clean)


def _earlier_refusals(record: dict[str, str]) -> dict[str, str]:
    """Return the changed answers of earlier Idempotency-Keys, without the data."""
    changed = {}
    for name, told in record.items():
        if name.startswith("refusal of "):
            status, _, answer = told.partition(" ")
            if (without := f"{status} {_rewritten(answer, contact.refusal)}") != told:
                changed[name] = without
    return changed


def _body(body: str) -> str:
    return _rewritten(body, contact.update_body)


def _queued(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"body": contact.update_body(entry.get("body") or {})}


def _dead_letters(kit: Kit, lane: str, *, dry_run: bool) -> bool:
    numbers = [str(letter.number) for letter in kit.dead_letters.find(lane=lane)]

    def plan(watched: redis.client.Pipeline) -> tuple[list[str], list[Write]]:
        writes: list[Write] = []
        for number, raw in zip(numbers, watched.hmget(kit.keys.dead_letters, numbers), strict=True):
            if raw is None:
                continue
            letter = json.loads(raw)
            clean = _queued(letter) | {"why": contact.REMOVED}
            if clean != letter:
                writes.append(_put(kit.keys.dead_letters, number, json.dumps(clean)))
        return ["dead letters"] if writes else [], writes

    return bool(numbers and _transaction(kit, (kit.keys.dead_letters,), plan, dry_run=dry_run))


def _alerts(kit: Kit, ref: str, *, dry_run: bool) -> list[str]:
    keys = tuple(kit.keys.alert(alert_id(alert, ref)) for alert in Alert)

    def plan(watched: redis.client.Pipeline) -> tuple[list[str], list[Write]]:
        of_order = [(key, [text(value) for value in watched.hmget(key, ["about", "why"])]) for key in keys]
        found = [key for key, (about, why) in of_order if about == "order" and why not in ("", contact.REMOVED)]
        return found, [_put(key, "why", contact.REMOVED) for key in found]

    return _transaction(kit, keys, plan, dry_run=dry_run)


def _incident(entry: dict[str, Any], ref: str) -> dict[str, Any]:
    return entry | {"why": contact.REMOVED} if entry.get("order") == ref and "why" in entry else entry


def _held_event(entry: dict[str, Any], ref: str, record: dict[str, str]) -> dict[str, Any]:
    event = entry.get("event") or {}
    of_order = event.get("order_ref") in (ref, record.get("gett_id") or ref) or (
        (event.get("store_id"), event.get("order_id")) == (record.get("store"), record.get("partner_id") or ref)
    )
    return entry | {"event": event | {"reason": contact.REMOVED}} if of_order and event.get("reason") else entry


# -- writing without losing what others write --------------------------------------------------------------------------


def _rewrite_list(kit: Kit, key: str, clean: Callable[[dict[str, Any]], dict[str, Any]], *, dry_run: bool) -> list[str]:
    def plan(watched: redis.client.Pipeline) -> tuple[list[str], list[Write]]:
        entries = _changed(watched.lrange(key, 0, -1), clean)
        return [key] if entries else [], [_set(key, position, entry) for position, entry in entries]

    return _transaction(kit, (key,), plan, dry_run=dry_run)


def _transaction(
    kit: Kit,
    keys: tuple[str, ...],
    plan: Callable[[redis.client.Pipeline], tuple[list[str], list[Write]]],
    *,
    dry_run: bool,
) -> list[str]:
    """Write what is planned, unless the keys have changed since they were read; then plan again."""
    with kit.redis.pipeline() as pipeline:
        while True:
            try:
                pipeline.watch(*keys)  # type: ignore[no-untyped-call] # redis-py leaves it untyped
                removed, writes = plan(pipeline)
                if dry_run or not writes:
                    return removed
                pipeline.multi()
                for write in writes:
                    write(pipeline)
                pipeline.execute()
            except redis.WatchError:
                continue
            return removed


def _changed(entries: list[Any], clean: Callable[[dict[str, Any]], dict[str, Any]]) -> list[tuple[int, str]]:
    """Return position and new text of each entry that changes."""
    changed = []
    for position, raw in enumerate(entries):
        entry = text(raw)
        if (cleaned := _rewritten(entry, clean)) != entry:
            changed.append((position, cleaned))
    return changed


def _rewritten(document: str, clean: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Return a JSON object without contact data; as it is if nothing changes, and empty if it cannot be read."""
    try:
        value = json.loads(document)
        cleaned = clean(value)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return "{}"
    return document if cleaned == value else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))


def _set(key: str, position: int, entry: str) -> Write:
    return lambda pipeline: pipeline.lset(key, position, entry)


def _put(key: str, field: str, value: str) -> Write:
    return _put_all(key, {field: value})


def _put_all(key: str, fields: Mapping[str, str]) -> Write:
    return lambda pipeline: pipeline.hset(key, items=[part for field in fields.items() for part in field])


def _fields(reply: Mapping[Any, Any]) -> dict[str, str]:
    return {text(name): text(value) for name, value in reply.items()}


def _lane(ref: str) -> str:
    return lane_name(Kind.ORDER, ref)
