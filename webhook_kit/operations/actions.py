"""Actions of people on orders and updates. Each needs the role of an operator, and is in the audit log, also when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import redis

from webhook_kit.adapter import Placed
from webhook_kit.errors import Conflict, Forbidden, InvalidArgument, InvalidTransition, NotFound, WebhookKitError
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations import audit, dead_letter_jobs, incidents
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.dead_letter_jobs import DeadLetterAction, DeadLetterJob
from webhook_kit.operations.dead_letters import DeadLetterFilter
from webhook_kit.outbox.dead_letters import ReplayResult
from webhook_kit.outbox.lanes import order_of
from webhook_kit.placement.claims import AttemptOutcome, Claim, SettleResult

__all__ = [
    "ActionOutcome",
    "acknowledge_incidents",
    "cancel_order",
    "complete_order",
    "discard_dead_letters",
    "discard_matching",
    "discard_updates",
    "link_order",
    "note_incidents",
    "recorded",
    "replay_dead_letters",
    "replay_matching",
    "report_progress",
    "retry_now",
    "settle_not_placed",
    "settle_placed",
    "stop_job",
]

log = logger("actions")

_NOTED = 200
"""Characters of a reason in a timeline."""


@dataclass(slots=True)
class ActionOutcome:
    """Outcome of an action, for the audit log and the timeline.

    :ivar failed: it is reported as a failure without an exception.
    :ivar order: the orderRef of the order that it was about, or None.
    """

    result: str = "ok"
    failed: bool = False
    order: str | None = None


@contextmanager
def recorded(kit: Kit, actor: Actor, action: str, subject: str, why: str) -> Iterator[ActionOutcome]:
    """Record the action that the block takes, and its result.

    :raises Forbidden: the actor may read only; the block is not executed.
    """
    if actor.role is not Role.OPERATOR:
        audit.record(kit, actor, action, subject, why, "forbidden")
        raise Forbidden(f"{actor.name} may read only; an operator can do this")
    outcome = ActionOutcome()
    try:
        yield outcome
    except BaseException as error:
        message = str(error) if isinstance(error, WebhookKitError) else type(error).__name__
        audit.record(kit, actor, action, subject, why, message or type(error).__name__)
        if isinstance(error, UnicodeEncodeError):  # half of a surrogate pair
            raise InvalidArgument("a text is not UTF-8") from error
        raise
    audit.record(kit, actor, action, subject, why, outcome.result, failed=outcome.failed)
    if outcome.order is not None:
        _note(kit, actor, action, outcome.order, why)


def _note(kit: Kit, actor: Actor, action: str, ref: str, why: str) -> None:
    """Add an action to the timeline of an order. The action is done: it must not fail for that."""
    said = {"action": action, "who": actor.name, "via": actor.via, "why": why}
    try:
        kit.placement_store.notes.add(ref, "acted", {name: text[:_NOTED] for name, text in said.items()})
    except (redis.RedisError, WebhookKitError) as error:
        log.warning("action_not_noted", order=ref, action=action, error=type(error).__name__)


# -- orders ------------------------------------------------------------------------------------------------------------


def settle_placed(kit: Kit, actor: Actor, ref: str, pos_number: str, why: str = "") -> str | None:
    """Settle an order in doubt as placed: the POS has it, with this number. Its confirmation is sent to Gett.

    :param ref: the orderRef, Gett's id or an Idempotency-Key.
    :return: the orderRef of another order that has the same number at the POS, if there is one.
    :raises NotFound: the order is not known here.
    :raises InvalidTransition: the order is settled, or was never sent to the POS.
    :raises Conflict: the order is being placed right now, or was settled meanwhile.
    """
    with recorded(kit, actor, "settle_placed", ref, why) as outcome:
        if not pos_number.strip():
            raise InvalidArgument("the POS's number of the order is missing")
        record = _in_doubt(kit, ref)
        claim = _forced_claim(record)
        if not record.get("order"):
            raise InvalidTransition(f"order {claim.ref} was never sent to the POS; settle it as not placed")
        order = PlaceOrderRequest.from_json(record["order"])
        other = kit.order_updates.find_by_pos_id(claim.store_id, pos_number)
        if kit.placement.record(claim, order, Placed(pos_number)) is not SettleResult.OK:
            raise Conflict(f"order {claim.ref} was settled by somebody else meanwhile; check it again")
        outcome.order = claim.ref
    return other.ref if other is not None and other.ref != claim.ref else None


def settle_not_placed(kit: Kit, actor: Actor, ref: str, why: str = "") -> None:
    """Settle an order in doubt as not placed: the POS does not have it, and Gett's next attempt places it.

    :raises NotFound, InvalidTransition, Conflict: as for :func:`settle_placed`.
    """
    with recorded(kit, actor, "settle_not_placed", ref, why) as outcome:
        claim = _forced_claim(_in_doubt(kit, ref))
        kit.placement_store.settle(claim, AttemptOutcome.RELEASED, force=True)
        outcome.order = claim.ref


def link_order(kit: Kit, actor: Actor, ref: str, gett_id: str, why: str = "") -> None:
    """Link an order to its Gett id, so that its progress can be sent.

    :raises NotFound: the order is not known here.
    :raises Conflict: the order or the id is linked to another one.
    """
    with recorded(kit, actor, "link_order", ref, why) as outcome:
        known = _record(kit, ref)["ref"]
        kit.placement_store.link(known, gett_id)
        outcome.order = known


def report_progress(
    kit: Kit, actor: Actor, ref: str, status: OrderStatus | str, ready_at: datetime | None = None, why: str = ""
) -> None:
    """Send the progress of an order to Gett.

    :raises InvalidTransition: the order is already further, or closed.
    :raises InvalidArgument: the status is not one that is sent.
    """
    with recorded(kit, actor, "report_progress", ref, why) as outcome:
        kit.order_updates.progress(ref, status, estimated_ready_at=ready_at)
        outcome.order = _ref(kit, ref)


def complete_order(kit: Kit, actor: Actor, ref: str, why: str = "") -> None:
    """Report to Gett that the customer has the order.

    :raises InvalidTransition: the order is closed.
    """
    with recorded(kit, actor, "complete_order", ref, why) as outcome:
        kit.order_updates.complete(ref)
        outcome.order = _ref(kit, ref)


def cancel_order(kit: Kit, actor: Actor, ref: str, reason: str, why: str = "") -> None:
    """Report to Gett that the restaurant has cancelled the order. The POS is not asked to cancel it.

    :param reason: shown to the customer.
    :raises InvalidTransition: the order is closed.
    :raises InvalidArgument: the reason is empty.
    """
    with recorded(kit, actor, "cancel_order", ref, why) as outcome:
        kit.order_updates.cancel(ref, reason)
        outcome.order = _ref(kit, ref)


# -- updates -----------------------------------------------------------------------------------------------------------


def retry_now(kit: Kit, actor: Actor, lane: str, why: str = "") -> None:
    """Send the next update of a lane now, without waiting for its delay.

    :param lane: full name of the lane.
    :raises NotFound: there is no such lane.
    """
    with recorded(kit, actor, "retry_now", lane, why) as outcome:
        if not kit.lanes.state(lane):
            raise NotFound(f"there is no lane {lane}")
        kit.lanes.retry_now(lane)
        outcome.order = order_of(lane)


def discard_updates(kit: Kit, actor: Actor, lane: str, number: int | None = None, why: str = "") -> int:
    """Discard one update that waits in a lane, or all of them. They are never sent to Gett.

    :return: the number of discarded updates.
    :raises NotFound: there is no such lane, or the update does not wait in it.
    """
    with recorded(kit, actor, "discard_updates", lane, why) as outcome:
        discarded = kit.lanes.discard(lane, number)
        if discarded < 0:
            raise NotFound(f"there is no lane {lane}")
        if number is not None and not discarded:
            raise NotFound(f"update {number} does not wait in {lane}, or is being sent")
        outcome.order = order_of(lane)
    return discarded


def replay_dead_letters(kit: Kit, actor: Actor, numbers: Iterable[int], why: str = "") -> dict[int, ReplayResult]:
    """Send dead letters again. Return the result of each."""
    return _each(kit, actor, DeadLetterAction.REPLAY, numbers, why)


def discard_dead_letters(kit: Kit, actor: Actor, numbers: Iterable[int], why: str = "") -> dict[int, ReplayResult]:
    """Delete dead letters. Return the result of each."""
    return _each(kit, actor, DeadLetterAction.DISCARD, numbers, why)


def _each(
    kit: Kit, actor: Actor, action: DeadLetterAction, numbers: Iterable[int], why: str
) -> dict[int, ReplayResult]:
    run = kit.dead_letters.replay if action is DeadLetterAction.REPLAY else kit.dead_letters.discard
    results: dict[int, ReplayResult] = {}
    for number in numbers:
        with recorded(kit, actor, f"{action}_dead_letter", str(number), why) as outcome:
            results[number] = run(number, who=actor.name)
            outcome.result, outcome.failed = results[number].value, results[number] is not ReplayResult.OK
    return results


def replay_matching(kit: Kit, actor: Actor, condition: DeadLetterFilter, why: str = "") -> DeadLetterJob:
    """Start a job that sends all dead letters that meet the conditions again."""
    return _start(kit, actor, DeadLetterAction.REPLAY, condition, why)


def discard_matching(kit: Kit, actor: Actor, condition: DeadLetterFilter, why: str = "") -> DeadLetterJob:
    """Start a job that deletes all dead letters that meet the conditions."""
    return _start(kit, actor, DeadLetterAction.DISCARD, condition, why)


def _start(kit: Kit, actor: Actor, action: DeadLetterAction, condition: DeadLetterFilter, why: str) -> DeadLetterJob:
    with recorded(kit, actor, f"{action}_matching", str(condition), why):
        return dead_letter_jobs.start_job(kit, actor, action, condition, why)


def stop_job(kit: Kit, actor: Actor, job_id: str, why: str = "") -> DeadLetterJob:
    """Stop a job.

    :raises NotFound: there is no such job.
    """
    with recorded(kit, actor, "stop_job", job_id, why):
        return dead_letter_jobs.stop_job(kit, job_id)


# -- incidents ---------------------------------------------------------------------------------------------------------


def acknowledge_incidents(kit: Kit, actor: Actor, group_id: str, why: str = "") -> None:
    """Record that the actor knows of the incidents of a group. A newer incident opens the group again.

    :raises NotFound: there is no such group.
    """
    with recorded(kit, actor, "acknowledge_incidents", group_id, why):
        incidents.acknowledge(kit, actor, group_id, why)


def note_incidents(kit: Kit, actor: Actor, group_id: str, note: str) -> None:
    """Add a note to the incidents of a group.

    :raises NotFound: there is no such group.
    :raises InvalidArgument: the note is empty.
    """
    with recorded(kit, actor, "note_incidents", group_id, note):
        if not note.strip():
            raise InvalidArgument("the note is empty")
        incidents.add_note(kit, actor, group_id, note)


def _ref(kit: Kit, order: str) -> str | None:
    found = kit.order_updates.find(order)
    return found.ref if found else None


def _record(kit: Kit, ref: str) -> dict[str, str]:
    record = kit.placement_store.find(ref)
    if record is None:
        raise NotFound(f"order {ref} is unknown here")
    return record


def _in_doubt(kit: Kit, ref: str) -> dict[str, str]:
    """Return the record of an order that a person may settle."""
    record = _record(kit, ref)
    if record["state"] in ("placed", "refused"):
        raise InvalidTransition(
            f"order {record['ref']} is settled already: {record['state']} {record.get('partner_id', '')}"
        )
    if kit.placement_store.lease_remaining(record) > 0:
        raise Conflict(f"order {record['ref']} is being placed right now; wait until that ends, then check again")
    return record


def _forced_claim(record: dict[str, str]) -> Claim:
    return Claim(record["ref"], "", record.get("gett_id", ""), record.get("store", ""), record.get("fp", ""), "")
