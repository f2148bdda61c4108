"""Dead letters: read, sent again or discarded; one, or all that meet the conditions, in the background."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webhook_kit.console.context import console, current_actor
from webhook_kit.console.pages.acting import ActionForm, add_action, perform
from webhook_kit.console.pages.delivery import consequence_for, delivery_of
from webhook_kit.console.pages.words import with_query
from webhook_kit.operations import actions
from webhook_kit.operations.dead_letter_jobs import DeadLetterAction, JobState, find_job, list_jobs
from webhook_kit.operations.dead_letters import DeadLetterFilter, count, list_dead_letters
from webhook_kit.outbox.dead_letters import ReplayResult

__all__ = ["register"]

_AGES = {"": "any", "3600": "1 hour", "86400": "1 day", "604800": "7 days"}
_RESULTS: Mapping[ReplayResult, str] = {
    ReplayResult.OK: "",
    ReplayResult.UNKNOWN: "it does not exist any more",
    ReplayResult.SUPERSEDED: "a newer update waits already, so that this one is out of date; discard it",
    ReplayResult.STALE: "Gett took a newer update already, so that this one is out of date; discard it",
    ReplayResult.EXPIRED: "its order is too old; discard it",
}
_VERBS = {
    DeadLetterAction.REPLAY: ("Send again", "put back into the queue"),
    DeadLetterAction.DISCARD: ("Discard", "discarded"),
}


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/dead-letters", "dead_letters", _dead_letters)
    pages.add_url_rule("/dead-letters/job", "job", _job)
    add_action(pages, "/dead-letters/stop", "stop_job", _stop)
    for action in DeadLetterAction:
        add_action(pages, f"/dead-letters/{action}", f"{action}_letters", _act_on, action=action)


def _dead_letters() -> str:
    kit, condition = console().kit, _condition()
    return render_template(
        "dead_letters.html",
        page=list_dead_letters(kit, condition, cursor=request.args.get("cursor") or None),
        count=count(kit, condition),
        filtered=condition != DeadLetterFilter(),
        ages=_AGES,
        jobs=[job for job in list_jobs(kit) if job.state is JobState.RUNNING],
        active="dead_letters",
    )


def _condition() -> DeadLetterFilter:
    args = request.args
    status = args.get("status", "")
    return DeadLetterFilter(
        lane=args.get("lane") or None,
        store_id=args.get("store") or None,
        why=args.get("why") or None,
        status=int(status) if status.isdecimal() and len(status) <= 3 else None,
        older_than=_seconds("older"),
        newer_than=_seconds("newer"),
    )


def _seconds(name: str) -> float | None:
    written = request.args.get(name, "")
    return float(written) if written.isdecimal() and len(written) < 9 else None


def _act_on(action: DeadLetterAction) -> ResponseReturnValue:
    number = request.args.get("number", "")
    if number:
        return _act_on_one(action, int(number) if number.isdecimal() and len(number) < 16 else -1)
    return _act_on_all(action)


def _act_on_one(action: DeadLetterAction, number: int) -> ResponseReturnValue:
    verb, done = _VERBS[action]
    replay = action is DeadLetterAction.REPLAY
    consequence = (
        f"It is put back into its place in the queue. {delivery_of(console().kit)}"
        if replay
        else "It is deleted for good. Gett never gets it."
    )
    form = ActionForm(f"{verb}: dead letter {number}", [consequence], verb, url_for(".dead_letters"), danger=not replay)

    def act(why: str) -> str:
        change = actions.replay_dead_letters if replay else actions.discard_dead_letters
        result = change(console().kit, current_actor(), [number], why)[number]
        if result is ReplayResult.OK:
            told = f" {delivery_of(console().kit)}" if replay else ""
            return f"Dead letter {number} is {done}.{told}"
        return f"Dead letter {number} was not {done}: {_RESULTS[result]}."

    return perform(form, act)


def _act_on_all(action: DeadLetterAction) -> ResponseReturnValue:
    kit, condition = console().kit, _condition()
    verb, done = _VERBS[action]
    number = count(kit, condition)
    shown = f"{'' if number.complete else 'at least '}{number.number}"
    filters = "; ".join(_in_words(condition)) or "all dead letters"
    consequences = [
        f"{shown} dead letters are {done} in the background: {filters}.",
        "Those that come later are not touched. You can watch the progress, and stop it.",
    ]
    if action is DeadLetterAction.REPLAY:
        consequences += consequence_for(kit)
    else:
        consequences.append("Discarded updates are deleted for good. Gett never gets them.")
    back = url_for(".dead_letters") + with_query(cursor=None)
    form = ActionForm(
        f"{verb}: {shown} dead letters",
        consequences,
        f"{verb} {shown}",
        back,
        danger=action is DeadLetterAction.DISCARD,
    )
    job_id = ""

    def act(why: str) -> str:
        nonlocal job_id
        start = actions.replay_matching if action is DeadLetterAction.REPLAY else actions.discard_matching
        job_id = start(kit, current_actor(), condition, why).id
        return f"A worker has begun: {shown} dead letters are {done}."

    return perform(form, act, lambda: url_for(".job", id=job_id))


def _in_words(condition: DeadLetterFilter) -> list[str]:
    parts = {
        "lane": condition.lane,
        "of store": condition.store_id,
        "whose reason contains": condition.why,
        "with status": condition.status,
        "older than seconds": condition.older_than,
        "newer than seconds": condition.newer_than,
    }
    return [f"{name} {value}" for name, value in parts.items() if value is not None]


def _job() -> str:
    job = find_job(console().kit, request.args.get("id", ""))
    return render_template("job.html", job=job, verbs=_VERBS, active="dead_letters")


def _stop() -> ResponseReturnValue:
    job = find_job(console().kit, request.args.get("id", ""))
    form = ActionForm(
        "Stop",
        ["What is done stays done. The remaining dead letters are not touched."],
        "Stop it",
        url_for(".job", id=job.id),
    )

    def act(why: str) -> str:
        actions.stop_job(console().kit, current_actor(), job.id, why)
        return "It is stopped."

    return perform(form, act)
