"""``webhook-kit outbox``: list pending updates and dead letters, retry and discard them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import age, command_line_actor, json_option, moment, open_kit, print_table, why_option
from webhook_kit.cli.dead_letters import dead_letters, jobs, known_lane, stop_job

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.operations.waiting import WaitingLane

__all__ = ["command"]


@click.group("outbox", invoke_without_command=True)
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Number of lanes to list (0: all)."
)
@json_option
@click.pass_context
def command(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List pending updates.

    LANE is order:REF, store:ID or catalog:ID. For an order, its REF or Gett id is enough.
    """
    if ctx.invoked_subcommand is None:
        _overview(open_kit(), limit, as_json=as_json)


def _overview(kit: Kit, limit: int, *, as_json: bool) -> None:
    from webhook_kit.monitoring.worker_life import WorkerKind
    from webhook_kit.operations.waiting import waiting

    pending = waiting(kit, limit)
    lanes = [_lane(lane) for lane in pending.lanes]
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
        click.echo(json.dumps({"waiting": pending.total, "lanes": lanes, "sending": sending, "counts": counts}))
        return
    if lanes:
        columns = ("lane", "state", "updates", "age", "attempts", "why")
        print_table(columns, [[lane[column] for column in columns] for lane in lanes])
    else:
        click.echo("nothing is pending")
    if pending.more:
        click.echo(f"… and {pending.more} more")
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


def _lane(lane: WaitingLane) -> dict[str, Any]:
    return {
        "lane": lane.lane,
        "state": lane.state,
        "updates": lane.updates,
        "since": moment(lane.since.timestamp()),
        "age": age(0, lane.age),
        "attempts": lane.attempts,
        "why": lane.why,
    }


@command.command()
@click.argument("lane")
@json_option
def show(lane: str, as_json: bool) -> None:
    """Show what happened to each update of a lane, oldest first, and what is pending."""
    kit = open_kit()
    name = known_lane(kit, lane)
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
@why_option
def retry(lane: str, why: str) -> None:
    """Send the next update of a lane now, without waiting for its delay."""
    from webhook_kit.operations import actions

    kit = open_kit(changes_gett=True)
    name = known_lane(kit, lane)
    actions.retry_now(kit, command_line_actor(), name, why)
    click.echo(
        f"{name} is due now; a push worker sends it" if kit.lanes.waiting(name) else f"nothing is pending in {name}"
    )


@command.command()
@click.argument("lane")
@click.option("--update", "number", type=int, help="Discard only this update.")
@why_option
def discard(lane: str, number: int | None, why: str) -> None:
    """Discard the updates that wait in a lane; they are never sent to Gett."""
    from webhook_kit.operations import actions

    kit = open_kit(changes_gett=True)
    name = known_lane(kit, lane)
    discarded = actions.discard_updates(kit, command_line_actor(), name, number, why)
    click.echo(f"{discarded} discarded from {name}")


for _command in (dead_letters, jobs, stop_job):
    command.add_command(_command)
