"""``webhook-kit outbox dead-letters``, ``jobs`` and ``stop-job``: list, replay and discard dead letters."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import (
    age,
    command_line_actor,
    examples,
    json_option,
    moment,
    open_kit,
    print_table,
    why_option,
)
from webhook_kit.errors import NotFound

if TYPE_CHECKING:
    from webhook_kit.kit import Kit
    from webhook_kit.operations.dead_letter_jobs import DeadLetterJob
    from webhook_kit.operations.dead_letters import DeadLetterFilter
    from webhook_kit.outbox.dead_letters import DeadLetter, ReplayResult

__all__ = ["dead_letters", "jobs", "known_lane", "stop_job"]


def known_lane(kit: Kit, lane: str) -> str:
    """Return the full name of a lane, given as such or as an order.

    :raises NotFound: when there is no such lane.
    """
    if kit.lanes.state(lane):
        return lane
    order = kit.order_updates.find(lane.removeprefix("order:"))
    if order is None or not kit.lanes.state(order.lane):
        raise NotFound(f"there is no lane {lane}")
    return order.lane


@dataclass(frozen=True, slots=True)
class _Selection:
    """Dead letters that a person selects by their properties."""

    lane: str | None
    store: str | None
    why: str | None
    status: int | None
    older_than: int | None

    @property
    def empty(self) -> bool:
        return self == _Selection(None, None, None, None, None)

    def condition(self, kit: Kit) -> DeadLetterFilter:
        from webhook_kit.operations.dead_letters import DeadLetterFilter

        lane = known_lane(kit, self.lane) if self.lane is not None and ":" not in self.lane else self.lane
        return DeadLetterFilter(lane, self.store, self.why, self.status, self.older_than)

    def letters(self, kit: Kit) -> list[DeadLetter]:
        from webhook_kit.operations.dead_letters import matches

        condition = self.condition(kit)
        found = kit.dead_letters.find(lane=condition.lane, why=condition.why, older_than=condition.older_than)
        return [letter for letter in found if matches(condition, letter)]


def _filters(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--older-than",
            type=click.IntRange(0, 31_536_000),
            metavar="SECONDS",
            help="Select dead letters at least this old.",
        ),
        click.option(
            "--status", type=int, metavar="N", help="Select dead letters with Gett's HTTP status N; 0: no answer."
        ),
        click.option("--why", metavar="TEXT", help="Select dead letters whose reason contains this text."),
        click.option("--store", metavar="STORE", help="Select dead letters of this store: the partner's id."),
        click.option("--lane", metavar="LANE", help="Select dead letters of this lane."),
    ):
        function = option(function)
    return function


def _choice(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--note", default="", metavar="TEXT", help="Reason, for the audit log."),
        click.option("--background", is_flag=True, help="Let a sync worker do it; see webhook-kit outbox jobs."),
        click.option("--all", "all_", is_flag=True, help="Select all dead letters."),
    ):
        function = option(function)
    return click.argument("numbers", nargs=-1, type=int, metavar="[N]...")(_filters(function))


@click.group("dead-letters", invoke_without_command=True)
@_filters
@json_option
@click.pass_context
def dead_letters(context: click.Context, /, as_json: bool, **selected: Any) -> None:
    """List the dead letters: updates that Gett refused for good, or that failed for too long."""
    if context.invoked_subcommand is not None:
        return
    from webhook_kit.storage.clock import redis_time

    kit = open_kit()
    letters, now = _Selection(**selected).letters(kit), redis_time(kit.redis)
    if as_json:
        click.echo(json.dumps([_plain(letter) for letter in letters]))
    elif letters:
        columns = ("number", "lane", "age", "update", "why")
        print_table(
            columns, [(x.number, x.lane, age(x.dead_lettered, now), json.dumps(x.body), x.why) for x in letters]
        )
    else:
        click.echo("no dead letters")


@dead_letters.command(
    epilog=examples(
        "webhook-kit outbox dead-letters replay 17 18",
        "webhook-kit outbox dead-letters replay --why timeout --older-than 3600 --background",
    )
)
@_choice
def replay(**chosen: Any) -> None:
    """Send dead letters again: by number, all, or by filter."""
    from webhook_kit.operations import actions

    _run(actions.replay_dead_letters, actions.replay_matching, "replayed", **chosen)


@dead_letters.command("discard")
@_choice
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def discard_dead_letters(yes: bool, **chosen: Any) -> None:
    """Discard dead letters: by number, all, or by filter. Gett never gets a discarded update.

    For all, and for a filter, it asks for confirmation.
    """
    from webhook_kit.operations import actions

    _run(actions.discard_dead_letters, actions.discard_matching, "discarded", ask=not yes, **chosen)


def _run(
    each: Callable[..., dict[int, ReplayResult]],
    start: Callable[..., DeadLetterJob],
    done: str,
    *,
    numbers: tuple[int, ...],
    all_: bool,
    background: bool,
    note: str,
    ask: bool = False,
    **selected: Any,
) -> None:
    selection = _Selection(**selected)
    if bool(numbers) + all_ + (not selection.empty) != 1:
        filters = "--lane, --store, --why, --status, --older-than"
        raise click.UsageError(f"select dead letters by number, with --all, or with {filters}")
    kit = open_kit(changes_gett=True)
    if ask and not numbers:
        number = len(selection.letters(kit))
        click.confirm(f"discard {number} dead letters, which Gett then never gets?", abort=True, err=True)
    if background and not numbers:
        job = start(kit, command_line_actor(), selection.condition(kit), note)
        click.echo(f"job {job.id} was started for {_total(job)} dead letters; see webhook-kit outbox jobs")
        return
    wanted = list(numbers) or [letter.number for letter in selection.letters(kit)]
    _report(each(kit, command_line_actor(), wanted, note), done)


def _report(results: dict[int, ReplayResult], done: str) -> None:
    from webhook_kit.outbox.dead_letters import ReplayResult

    reasons = {
        ReplayResult.UNKNOWN: "there is no dead letter of that number",
        ReplayResult.SUPERSEDED: "a newer update waits in its lane",
        ReplayResult.STALE: "Gett took a newer update",
        ReplayResult.EXPIRED: "its lane has expired",
    }
    failed = {number: result for number, result in results.items() if result is not ReplayResult.OK}
    for number, result in failed.items():
        click.echo(f"{number}: not {done}: {reasons[result]}", err=True)
    pending = "; a push worker sends them" if done == "replayed" and len(results) > len(failed) else ""
    click.echo(f"{len(results) - len(failed)} {done}{pending}")
    if failed:
        sys.exit(1)


def _plain(letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "lane": letter.lane,
        "store": letter.store_id or None,
        "update": letter.body,
        "why": letter.why,
        "status": letter.status or None,
        "appended": moment(letter.appended),
        "deadLettered": moment(letter.dead_lettered),
    }


# -- jobs --------------------------------------------------------------------------------------------------------------


@click.command()
@json_option
def jobs(as_json: bool) -> None:
    """List the jobs that replay or discard many dead letters, newest first."""
    from webhook_kit.operations.dead_letter_jobs import list_jobs

    found = list_jobs(open_kit())
    if as_json:
        click.echo(json.dumps([_job(job) for job in found]))
    elif found:
        columns = ("id", "action", "state", "done", "failed", "total", "who", "started", "why")
        print_table(columns, [[*map(_job(job).get, columns)] for job in found])
    else:
        click.echo("no jobs")


@click.command("stop-job")
@click.argument("job_id", metavar="ID")
@why_option
def stop_job(job_id: str, why: str) -> None:
    """Stop a job. What it has done stays done."""
    from webhook_kit.operations import actions

    job = actions.stop_job(open_kit(), command_line_actor(), job_id, why)
    click.echo(f"job {job.id} is {job.state}: {job.done} done, {job.failed} failed")


def _job(job: DeadLetterJob) -> dict[str, Any]:
    condition = job.condition
    return {
        "id": job.id,
        "action": job.action,
        "state": job.state,
        "done": job.done,
        "failed": job.failed,
        "total": job.total if job.total_complete else _total(job),
        "who": job.who,
        "started": moment(job.created.timestamp()),
        "why": job.why,
        "lane": condition.lane,
        "store": condition.store_id,
        "reason": condition.why,
        "status": condition.status,
        "olderThan": condition.older_than,
        "newerThan": condition.newer_than,
    }


def _total(job: DeadLetterJob) -> str:
    return str(job.total) if job.total_complete else f"at least {job.total}"
