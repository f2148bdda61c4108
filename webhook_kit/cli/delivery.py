"""Delivery of an update to Gett, as commands report it: it waits for a worker, Gett has it, or it was given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from webhook_kit.kit import Kit

__all__ = ["report_delivery", "wait_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_POLL_SECONDS = 0.2


def wait_options(command: _Command) -> _Command:
    """Add ``--wait`` and ``--timeout`` to a command."""
    timeout = click.option(
        "--timeout",
        type=click.IntRange(0, 3_600),
        default=60,
        show_default=True,
        help="Seconds to wait with --wait.",
    )
    return click.option("--wait", is_flag=True, help="Wait until Gett has accepted it.")(timeout(command))


def report_delivery(kit: Kit, lane: str, change: str, *, wait: bool, timeout: float) -> bool:
    """Print how far the last update of a lane is on its way to Gett.

    :param change: the update, for people, such as ``store main: the pause``.
    :param wait: wait until it has ended.
    :param timeout: seconds to wait.
    :return: False if it was given up, or if the time is over.
    """
    number = _last(kit, lane)
    end = time.monotonic() + timeout
    while True:
        event, why = _progress(kit, lane, number)
        if not why and event == "appended" and not kit.lanes.state(lane).get("gett_id"):
            why = "Gett's id is not known here: webhook-kit order link, or stores onboard"
        if event == "sent":
            click.echo(f"{change} was accepted by Gett")
            return True
        if event in ("dead_lettered", "discarded"):
            click.echo(
                f"{change} was not accepted by Gett: {why or event}; see webhook-kit outbox show {lane}", err=True
            )
            return False
        if not wait:
            reason = f" ({why})" if why else ""
            click.echo(
                f"{change} waits to be sent to Gett by a push worker{reason}; see webhook-kit outbox show {lane}"
            )
            return True
        if time.monotonic() >= end:
            reason = why or "no worker has tried; is a push worker running?"
            click.echo(f"{change} was not sent to Gett within {timeout:g} s: {reason}", err=True)
            return False
        time.sleep(_POLL_SECONDS)


def _last(kit: Kit, lane: str) -> int:
    """Return the number of the lane's last update."""
    if waiting := kit.lanes.waiting(lane):
        return int(waiting[-1]["id"])
    appended = [note["update"] for note in kit.lanes.history(lane) if note["event"] in ("appended", "replayed")]
    return int(appended[-1]) if appended else 0


def _progress(kit: Kit, lane: str, number: int) -> tuple[str, str]:
    """Return the last event of an update, or of the one that it was merged into, and the reason of that event."""
    history = kit.lanes.history(lane)
    while True:
        notes = [note for note in history if note.get("update") == number]
        last = notes[-1] if notes else {"event": "pending"}
        if last["event"] != "merged":
            return str(last["event"]), str(last.get("why") or "")
        number = int(last["into"])
