"""``webhook-kit serve``: the web server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["command", "server_options"]


def server_options(workers: int, threads: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of a server to a command.

    :param workers: default number of processes.
    :param threads: default number of threads of each.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
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
                envvar="WEB_CONCURRENCY",
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
@server_options(workers=2, threads=32)
def command(host: str, port: int, workers: int, threads: int) -> None:
    """Receive Gett's webhooks and the events of POS systems until stopped."""
    from webhook_kit.server.run import serve

    serve(host, port, workers=workers, threads=threads)
