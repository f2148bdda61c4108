"""``webhook-kit sandbox``: a local Gett to send order updates to."""

from __future__ import annotations

import os

import click

from webhook_kit.errors import ConfigurationError
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.serving import server
from webhook_kit.sandbox.world import World

__all__ = ["command"]


@click.command
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 takes a free one.")
@click.option("--api-key", envvar="GETT_API_KEY", required=True, show_envvar=True, help="The partner's key.")
def command(port: int, api_key: str) -> None:
    """Play Gett's commerce API on the loopback until interrupted."""
    try:
        listening = server(create_app(World(api_key)), port)
    except OSError as failure:
        raise ConfigurationError(f"--port {port}: {os.strerror(failure.errno or 0)}") from failure
    click.echo(f"A local Gett listens on http://127.0.0.1:{listening.port}; what it hears is at /__sandbox/log")
    with listening:
        listening.serve_forever()
