"""``webhook-kit outbox``: list pending updates and dead letters, retry and discard them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import age, moment, open_kit, print_table
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.outbox.dead_letters import DeadLetter, ReplayResult

__all__ = ["command"]

_as_json = click.option("--json", "as_json", is_flag=True, help="Output JSON.")


@click.group("outbox", invoke_without_command=True)
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Number of lanes to list (0: all)."
)
@_as_json
@click.pass_context
def command(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List pending updates.

    LANE is order:REF, store:ID or catalog:ID. For an order, its REF or Gett id is enough.
    """
    if ctx.invoked_subcommand is None:
        _overview(open_kit(), limit, as_json=as_json)


def _overview(kit: Kit, limit: int, *, as_json: bool) -> None:
    from webhook_kit.monitoring.worker_life import WorkerKind
    from webhook_kit.storage.clock import redis_time

    waiting, listed, now = kit.lanes.count_waiting(), kit.lanes.all_waiting(limit), redis_time(kit.redis)
    lanes = [lane for name, where in listed.items() if (lane := _lane(kit, name, where, now)) is not None]
    status = kit.sending.status(kit.quota)
    sending = {
        "halted": status.halted,
        "rateLimitedSeconds": round(status.rate_limited, 1),
        "circuitOpenSeconds": round(status.circuit_open, 1),
        "quotaUsed": status.used,
        "quota": kit.quota.limit,
    }
    counts, push = kit.lanes.counts(), kit.worker_life.last_signs()[WorkerKind.PUSH]
    sending["pushWorkerSeconds"] = push.age
    if as_json:
        click.echo(json.dumps({"waiting": waiting, "lanes": lanes, "sending": sending, "counts": counts}))
        return
    if lanes:
        columns = ("lane", "state", "updates", "age", "attempts", "why")
        print_table(columns, [[lane[column] for column in columns] for lane in lanes])
    else:
        click.echo("nothing is pending")
    if waiting > len(listed):
        click.echo(f"… and {waiting - len(listed)} more")
    if push.missing:
        click.echo(f"NOT SENDING: {push}")
    if status.halted:
        click.echo(f"HALTED: Gett refuses the key: {status.halted}")
    if status.rate_limited:
        click.echo(f"rate limited: Gett asked to wait another {status.rate_limited:.0f} s")
    if status.circuit_open:
        click.echo(f"circuit breaker open: Gett fails; the next attempt in {status.circuit_open:.0f} s")
    click.echo(f"quota: {status.used} of {kit.quota.limit or 'any number of'} writes in the last minute")
    click.echo("updates: " + (", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "none yet"))


def _lane(kit: Kit, name: str, where: str, now: float) -> dict[str, Any] | None:
    updates = kit.lanes.waiting(name)
    if not updates:  # sent meanwhile
        return None
    state, since = kit.lanes.state(name), float(updates[0]["at"]) / 1000
    why = next((note["why"] for note in reversed(kit.lanes.history(name)) if note["event"] == "postponed"), None)
    if where == "unlinked":
        why = "Gett's order id is not known: webhook-kit order link"
    return {
        "lane": name,
        "state": "being sent" if state.get("owner") else where,
        "updates": len(updates),
        "since": moment(since),
        "age": age(since, now),
        "attempts": int(state.get("attempts") or 0),
        "why": why,
    }


@command.command()
@click.argument("lane")
@_as_json
def show(lane: str, as_json: bool) -> None:
    """Show what happened to each update of a lane, oldest first, and what is pending."""
    kit = open_kit()
    name = _known(kit, lane)
    history, waiting, state = kit.lanes.history(name), kit.lanes.waiting(name), kit.lanes.state(name)
    if as_json:
        click.echo(json.dumps({"lane": name, "state": state, "waiting": waiting, "history": history}))
        return
    click.echo(f"{name}  store {state.get('store') or 'unknown'}, at Gett {state.get('gett_id') or 'unknown'}")
    for note in history:
        more = {key: value for key, value in note.items() if key not in ("at", "event", "update")}
        click.echo(
            f"{moment(float(note['at']) / 1000)}  {note['event']} {note.get('update', '')}  {json.dumps(more) if more else ''}"
        )
    for update in waiting:
        click.echo(f"waits: {update['id']}  {json.dumps(update['body'])}")


@command.command()
@click.argument("lane")
def retry(lane: str) -> None:
    """Send the next update of a lane now, without waiting for its delay."""
    kit = open_kit()
    name = _known(kit, lane)
    kit.lanes.retry_now(name)
    click.echo(
        f"{name} is due now; a push worker sends it" if kit.lanes.waiting(name) else f"nothing is pending in {name}"
    )


@command.command()
@click.argument("lane")
@click.option("--update", "number", type=int, help="Discard only this update.")
def discard(lane: str, number: int | None) -> None:
    """Discard the updates that wait in a lane; they are never sent to Gett."""
    kit = open_kit()
    name = _known(kit, lane)
    discarded = kit.lanes.discard(name, number)
    if number is not None and not discarded:
        raise NotFound(f"update {number} does not wait in {name}, or is being sent")
    click.echo(f"{discarded} discarded from {name}")


def _known(kit: Kit, lane: str) -> str:
    """Return the full name of a lane, given as such or as an order.

    :raises NotFound: when there is no such lane.
    """
    if kit.lanes.state(lane):
        return lane
    order = kit.order_updates.find(lane.removeprefix("order:"))
    if order is None or not kit.lanes.state(order.lane):
        raise NotFound(f"there is no lane {lane}")
    return order.lane


# -- dead letters ------------------------------------------------------------------------------------------------------


def _filters(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--older-than",
            type=click.IntRange(0, 31_536_000),
            metavar="SECONDS",
            help="Select dead letters at least this old.",
        ),
        click.option("--why", metavar="TEXT", help="Select dead letters whose reason contains this text."),
        click.option("--lane", metavar="LANE", help="Select dead letters of this lane."),
    ):
        function = option(function)
    return function


def _choice(function: Callable[..., None]) -> Callable[..., None]:
    function = _filters(click.option("--all", "all_", is_flag=True, help="Select all dead letters.")(function))
    return click.argument("numbers", nargs=-1, type=int, metavar="[N]...")(function)


@command.group("dead-letters", invoke_without_command=True)
@_filters
@_as_json
@click.pass_context
def dead_letters(
    context: click.Context, lane: str | None, why: str | None, older_than: float | None, as_json: bool
) -> None:
    """List the dead letters: updates that Gett refused for good, or that failed for too long."""
    if context.invoked_subcommand is not None:
        return
    from webhook_kit.storage.clock import redis_time

    kit = open_kit()
    letters, now = _found(kit, lane, why, older_than), redis_time(kit.redis)
    if as_json:
        click.echo(json.dumps([_plain(letter) for letter in letters]))
    elif letters:
        columns = ("number", "lane", "age", "update", "why")
        print_table(
            columns, [(x.number, x.lane, age(x.dead_lettered, now), json.dumps(x.body), x.why) for x in letters]
        )
    else:
        click.echo("no dead letters")


@dead_letters.command()
@_choice
def replay(numbers: tuple[int, ...], all_: bool, lane: str | None, why: str | None, older_than: float | None) -> None:
    """Send dead letters again: by number, all, or by filter."""
    kit = open_kit()
    _each(_chosen(kit, numbers, lane, why, older_than, all_=all_), kit.dead_letters.replay, "replayed")


@dead_letters.command("discard")
@_choice
def discard_dead_letters(
    numbers: tuple[int, ...], all_: bool, lane: str | None, why: str | None, older_than: float | None
) -> None:
    """Discard dead letters: by number, all, or by filter."""
    kit = open_kit()
    _each(_chosen(kit, numbers, lane, why, older_than, all_=all_), kit.dead_letters.discard, "discarded")


def _found(kit: Kit, lane: str | None, why: str | None, older_than: float | None) -> list[DeadLetter]:
    if lane is not None and ":" not in lane:
        lane = _known(kit, lane)
    return kit.dead_letters.find(lane=lane, why=why, older_than=older_than)


def _chosen(
    kit: Kit, numbers: tuple[int, ...], lane: str | None, why: str | None, older_than: float | None, *, all_: bool
) -> list[int]:
    filtered = (lane, why, older_than) != (None, None, None)
    if bool(numbers) + all_ + filtered != 1:
        raise click.UsageError("select dead letters by number, with --all, or with --lane, --why, --older-than")
    return list(numbers) or [letter.number for letter in _found(kit, lane, why, older_than)]


def _each(numbers: list[int], action: Callable[[int], ReplayResult], done: str) -> None:
    from webhook_kit.outbox.dead_letters import ReplayResult

    reasons = {
        ReplayResult.UNKNOWN: "there is no dead letter of that number",
        ReplayResult.SUPERSEDED: "a newer update waits in its lane",
        ReplayResult.STALE: "Gett took a newer update",
        ReplayResult.EXPIRED: "its lane has expired",
    }
    failed = 0
    for number in numbers:
        if (result := action(number)) is not ReplayResult.OK:
            failed += 1
            click.echo(f"{number}: not {done}: {reasons[result]}", err=True)
    pending = "; a push worker sends them" if done == "replayed" and len(numbers) > failed else ""
    click.echo(f"{len(numbers) - failed} {done}{pending}")
    if failed:
        sys.exit(1)


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "lane": letter.lane,
        "update": letter.body,
        "why": letter.why,
        "status": letter.status or None,
        "appended": moment(letter.appended),
        "deadLettered": moment(letter.dead_lettered),
    }
