"""``webhook-kit worker``: send what waits for Gett."""

from __future__ import annotations

import click

from webhook_kit.kit import Kit
from webhook_kit.worker import run

__all__ = ["command"]


@click.command("worker")
@click.option("--burst", is_flag=True, help="Stop when nothing is queued.")
def command(burst: bool) -> None:
    """Run a worker: it sends order updates to Gett and settles orders in doubt."""
    run(Kit.from_env(), burst=burst)
