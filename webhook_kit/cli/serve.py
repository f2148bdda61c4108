"""``webhook-kit serve``: the web server."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="IP address to listen on (0.0.0.0: all).")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    envvar="PORT",
    show_envvar=True,
    help="Port to listen on.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    envvar="WEB_CONCURRENCY",
    show_envvar=True,
    help="Number of processes.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    envvar="WEB_THREADS",
    show_envvar=True,
    help="Requests that one process handles at the same time.",
)
def command(host: str, port: int, workers: int, threads: int) -> None:
    """Receive Gett's webhooks and the events of POS systems until stopped."""
    from webhook_kit.server.run import serve

    serve(host, port, workers=workers, threads=threads)
