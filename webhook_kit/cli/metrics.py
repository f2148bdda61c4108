"""``webhook-kit metrics``: print the metrics, or serve them on a port of their own."""

from __future__ import annotations

import click

from webhook_kit.cli.common import open_kit

__all__ = ["command"]


@click.group("metrics", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Print all metrics in the text format of Prometheus."""
    if ctx.invoked_subcommand is not None:
        return
    from webhook_kit.operations.prometheus import exposition

    click.echo(exposition(open_kit()).decode(), nl=False)


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="IP address to listen on (0.0.0.0: all).")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=9464,
    show_default=True,
    envvar="METRICS_PORT",
    show_envvar=True,
    help="Port to listen on.",
)
def _serve(host: str, port: int) -> None:
    """Serve the metrics until stopped, without a token: for a private network.

    One process is enough for an installation, because the metrics of all processes are in Redis.
    """
    from prometheus_client import start_http_server

    from webhook_kit.errors import ConfigurationError
    from webhook_kit.exit import end_on_sigterm
    from webhook_kit.operations.prometheus import registry

    end_on_sigterm()
    try:
        _, thread = start_http_server(port, host, registry(open_kit()))
    except (OSError, UnicodeError) as error:  # a name that cannot be one of a host is no OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else "should be an IP address, or a name"
        raise ConfigurationError(f"--host {host[:200]} --port {port}: {why}") from error
    click.echo(f"metrics are served at http://{host}:{port}/metrics", err=True)
    thread.join()
