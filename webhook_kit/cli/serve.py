"""``webhook-kit serve``: the web server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["command", "server_options"]

_KILL_TIMEOUT = 27
"""Seconds: longer than a webhook takes (WEBHOOK_DEADLINE), and less than a platform's grace period of 30 s."""


def server_options(
    workers: int, threads: int, workers_variable: str | None = "WEB_CONCURRENCY"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of a server to a command.

    :param workers: default number of processes.
    :param threads: default number of threads of each.
    :param workers_variable: environment variable with the number of processes.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--workers-kill-timeout",
                "kill_timeout",
                type=click.IntRange(min=1),
                default=_KILL_TIMEOUT,
                show_default=True,
                metavar="SECONDS",
                help="Kill a process that has not stopped so long after SIGTERM.",
            ),
            click.option(
                "--threads",
                type=click.IntRange(min=1),
                default=threads,
                show_default=True,
                envvar="WEB_THREADS",
                show_envvar=True,
                help="Requests that one process handles at the same time.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                default=workers,
                show_default=True,
                envvar=workers_variable,
                show_envvar=True,
                help="Number of processes.",
            ),
            click.option(
                "--port",
                type=click.IntRange(1, 65535),
                default=8000,
                show_default=True,
                envvar="PORT",
                show_envvar=True,
                help="Port to listen on.",
            ),
            click.option(
                "--host", default="127.0.0.1", show_default=True, help="IP address to listen on (0.0.0.0: all)."
            ),
        ):
            command = option(command)
        return command

    return decorate


@click.command("serve")
@server_options(workers=2, threads=48)  # more than POS_MAX_CALLS: while so many calls hang, others are answered
def command(host: str, port: int, workers: int, threads: int, kill_timeout: int) -> None:
    """Receive Gett's webhooks and the events of POS systems until stopped. A process that dies is started again."""
    from webhook_kit.server.run import serve

    serve(host, port, workers=workers, threads=threads, kill_timeout=kill_timeout)
